"""The model card, and what `evaluate` and `compare` report: Jinja templates, filled from what is stored or returned.

model_card.md is made from metrics.json (and peers.json) alone, so that the two cannot disagree. Its headings follow
Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from model.artifact import first_schema
from model.errors import listed
from model.text import in_words
from model.training import plots
from model.training.compare import METRICS
from model.training.directions import is_costly
from model.training.groups import MIN_CUSTOMERS, RATES
from model.training.metrics import TITLES
from model.training.model_metrics import describe_schema
from model.training.recipes import ALIASES
from model.training.spline import RARE
from model.training.threshold import SAVED_VALUE

PEERS: Final = "peers.json"
"""Written by `make bench-model`; a model may be without it."""

CARD_WIDTH: Final = 118
CUSTOMERS_IN_TEXT: Final = 10
CUSTOMERS_ON_PAGE: Final = 50


def number(value: float | None, decimals: int = 4) -> str:
    """Return a number with fixed decimals, "-" for None."""
    return "-" if value is None else f"{value:.{decimals}f}"


def signed(value: float | None, decimals: int = 4) -> str:
    """Return a number with its sign, "-" for None."""
    return "-" if value is None else f"{value:+.{decimals}f}"


def percent(value: float | None, decimals: int = 1) -> str:
    """Return a share as a percentage, "-" for None."""
    return "-" if value is None else f"{value:.{decimals}%}"


def cut_off(value: float) -> str:
    """Return a threshold with two decimals, with more where it has more."""
    return f"{value:.2f}" if round(value, 2) == value else f"{value:g}"


def count(value: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{value:,}"


def times(value: int) -> str:
    """Return how often: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(value, f"{value} times")


def interval(bounds: Sequence[float] | None, sign: str = "", scale: int = 1, decimals: int = 4) -> str:
    """Return an interval, "-" for None."""
    if bounds is None:
        return "-"
    return " to ".join(f"{scale * bound:{sign}.{decimals}f}" for bound in bounds)


def fill(text: str, bullet: str = "") -> str:
    """Return a paragraph of the card with its lines wrapped, after a bullet if it has one."""
    return textwrap.fill(
        " ".join(text.split()),
        CARD_WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def verdict(row: Mapping[str, Any]) -> str:
    """Return whether a difference between two versions is an improvement, by its interval."""
    if row["interval"] is None:
        return ""
    low, high = row["interval"]
    if low <= 0 <= high:
        return "no difference seen"
    return "better" if (low > 0) == (METRICS[row["figure"]] > 0) else "worse"


_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters.update(
    count=count,
    cut_off=cut_off,
    fill=fill,
    interval=interval,
    listed=listed,
    number=number,
    percent=percent,
    signed=signed,
    times=times,
)
_ENVIRONMENT.globals.update(
    TITLES=TITLES,
    RATES=RATES,
    RARE=RARE,
    in_words=in_words,
    is_costly=is_costly,
    MIN_CUSTOMERS=MIN_CUSTOMERS,
    SAVED_VALUE=SAVED_VALUE,
    plots=plots,
    verdict=verdict,
    zip=zip,
)


def model_card(metrics: Mapping[str, Any], peers: Mapping[str, Any] | None = None) -> str:
    """Return MODEL_CARD.md for the content of metrics.json, and of peers.json where there is one."""
    names = list(metrics["setting"])
    fold_settings = sorted({tuple(fold[name] for name in names) for fold in metrics["folds"]})
    return _render(
        "model_card.md",
        m=metrics,
        kind_of_card=ALIASES.get(metrics["recipe"]["name"], metrics["recipe"]["name"]),
        peers=peers,
        is_first_schema=metrics["schema"] == describe_schema(first_schema()),
        fold_settings=[dict(zip(names, values, strict=True)) for values in fold_settings],
        settings=_shown_settings(metrics),
    )


def _shown_settings(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the selected setting, and of each value of its first member the best."""
    first = next(iter(metrics["setting"]), None)
    if first is None:
        return []
    best: dict[Any, dict[str, Any]] = {}
    for row in sorted(metrics["settings"], key=lambda row: row["log_loss"]):
        best.setdefault(row[first], row)
    rows = [{**row, "selected": metrics["setting"].items() <= row.items()} for row in metrics["settings"]]
    return [row for row in rows if row["selected"] or best[row[first]].items() <= row.items()]


def evaluation_text(metrics: Mapping[str, Any]) -> str:
    """Return what `evaluate` found, as text for a terminal."""
    rates = {(row["feature"], row["group"]): row for row in metrics["groups"]}
    short = dict(zip(RATES, ("label rate", "TPR", "FPR", "calibration"), strict=True))
    return _render("evaluation.txt", m=metrics, rates=rates, short=short).rstrip("\n")


def evaluation_page(metrics: Mapping[str, Any]) -> str:
    """Return what `evaluate` found, as a page for those who decide about a model."""
    slices = {(row["feature"], row["group"]): row for row in metrics["slices"]}
    worst = max(
        metrics["calibration"],
        key=lambda row: abs(row["mean_probability"] - row["churn_rate"]) * row["customers"] ** 0.5,
    )
    cheapest = min(metrics["by_threshold"], key=lambda row: row["cost"])
    return _render("evaluation.html", m=metrics, slices=slices, worst=worst, cheapest=cheapest)


def comparison_text(comparison: Mapping[str, Any]) -> str:
    """Return what `compare` found, as text for a terminal."""
    return _render("comparison.txt", c=comparison, curves=_curves(comparison), shown=CUSTOMERS_IN_TEXT).rstrip("\n")


def comparison_page(comparison: Mapping[str, Any]) -> str:
    """Return what `compare` found, as a page for those who decide about a model."""
    return _render("comparison.html", c=comparison, shown=CUSTOMERS_ON_PAGE)


def _curves(comparison: Mapping[str, Any]) -> list[tuple[float, list[dict[str, Any] | None]]]:
    """Return the start of each calibration bin, and the bin of either version."""
    by_start = [{row["from"]: row for row in curve} for curve in comparison["calibration"]]
    return [(start, [curve.get(start) for curve in by_start]) for start in sorted({*by_start[0], *by_start[1]})]


def _render(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)
