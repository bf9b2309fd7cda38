"""A page of a report: one file of HTML, nothing asked for from outside, for screen and paper, light and dark."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --card: #f4f6f9; --note: #fff4df; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181e; --ink: #e7ebf0; --soft: #a3adba; --line: #343c47; --card: #1d232b; --note: #3a2f18; }
}
@media print { :root { color-scheme: light; } figure, table, .cards { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.note { background: var(--note); border-radius: .5rem; padding: .6rem .9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.cards div { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; }
.cards strong { display: block; font-size: 1.6rem; line-height: 1.2; }
.cards small { color: var(--soft); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 1rem 0 0; }
figure svg { width: 100%; height: auto; max-width: 31rem; }
figure.broad svg { max-width: 46rem; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; margin: .75rem 0; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
td:not(.text) { white-space: nowrap; }
th { font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; }
"""


def page(title: str, lead: str, parts: Iterable[str]) -> str:
    """Return a whole page: its title, a line below it, and its parts as HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f'<p class="soft">{escape(lead)}</p>\n' + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a heading."""
    return f"<h2>{escape(text)}</h2>"


def say(text: str, kind: str = "") -> str:
    """Return a paragraph, its white space folded; `kind` is note or soft."""
    text = " ".join(text.split())
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def cards(entries: Iterable[tuple[str, str]]) -> str:
    """Return figures large, each with what it is."""
    inner = "".join(f"<div><strong>{escape(figure)}</strong>{escape(what)}</div>" for figure, what in entries)
    return f'<div class="cards">{inner}</div>'


def plot(svg: str, alt: str, caption: str, broad: bool = False) -> str:
    """Return a plot with the words for those who do not see it, and those below it."""
    named = re.sub("^<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', svg, count=1)
    return f"<figure{' class=broad' if broad else ''}>{named}<figcaption>{escape(caption)}</figcaption></figure>"


def pair(*plots: str) -> str:
    """Return plots side by side, where there is room."""
    return f'<div class="pair">{"".join(plots)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a table; its first `texts` columns are words, the others figures."""

    def cells(tag: str, row: Sequence[str], scope: str = "") -> str:
        kinds = [' class="text"' if place < texts else "" for place in range(len(row))]
        return "".join(f"<{tag}{kind}{scope}>{escape(cell)}</{tag}>" for cell, kind in zip(row, kinds, strict=True))

    head = f"<thead><tr>{cells('th', header, ' scope=' + chr(34) + 'col' + chr(34))}</tr></thead>"
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'
