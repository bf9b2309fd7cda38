"""The model card as HTML for the page. It imports markdown-it-py, so views import it when they need it."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import count
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

# The page's own headings end at the second level.
_HEADING_OFFSET: Final = 2


@lru_cache(maxsize=1)
def to_html(markdown: str) -> str:
    """Return the HTML of a model card; HTML within the card is escaped.

    Tables scroll sideways in a region of their own, and numbers are aligned by a class: the page's policy allows no
    style attribute.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return str(parser.renderer.render(list(_for_page(parser.parse(markdown))), parser.options, {}))


def _for_page(tokens: Iterable[Token]) -> Iterable[Token]:
    numbers = count(1)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + _HEADING_OFFSET)}"
        elif token.type == "code_block":
            token.attrSet("tabindex", "0")
        elif token.type in ("th_open", "td_open") and "right" in str(token.attrs.pop("style", "")):
            token.attrSet("class", "number")
        if token.type == "table_open":
            label = f"Table {next(numbers)} of the model card"
            region = {"class": "scroll-x", "tabindex": "0", "role": "region", "aria-label": label}
            yield Token("region_open", "div", 1, attrs=region)  # type: ignore[arg-type]
        yield token
        if token.type == "table_close":
            yield Token("region_close", "div", -1)
