"""Plots of the reports as SVG, drawn by matplotlib: text stays text, lines take the colour of the page."""

import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE: Final = "#3a7bd5"
ORANGE: Final = "#d97706"
GREEN: Final = "#0f9d76"
PURPLE: Final = "#9b59d0"
GREY: Final = "#8a8f98"
_COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE, GREY)
_DASHES: Final = ("-", "--", ":", "-.", (0, (1, 1)))
_INK: Final = "#010203"
"""Replaced by currentColor, so that a plot can be read on a light page and on a dark one."""

_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "churn",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "lines.linewidth": 2,
}

Row = dict[str, Any]
P = ParamSpec("P")


def _as_svg(draw: Callable[Concatenate[Axes, P], None]) -> Callable[P, str]:
    """Return a function that gives `draw` fresh axes and returns the SVG."""

    @wraps(draw)
    def plot(*arguments: P.args, **options: P.kwargs) -> str:
        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=(5.0, 3.6), layout="constrained")
            axes: Axes = figure.subplots()
            axes.set_axisbelow(True)
            draw(axes, *arguments, **options)
            return _svg(figure)

    return plot


@_as_svg
def gains(axes: Axes, lift: Sequence[Row], churn_rate: float, contacted: float, recall: float | None) -> None:
    """Draw how many churners are contacted when the customers most at risk are contacted first."""
    shares = [0.0, *(100 * row["customers"] for row in lift)]
    churners = [0.0, *(100 * row["churners"] for row in lift)]
    axes.plot(shares, churners, color=BLUE, marker="o", markersize=4, label="by the model's order")
    axes.plot([0, 100 * churn_rate, 100], [0, 100, 100], color=GREEN, linestyle=":", label="the best possible")
    axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="by chance")
    if recall is not None:
        axes.plot([100 * contacted], [100 * recall], color=ORANGE, marker="D", linestyle="", label="at the threshold")
    axes.set(xlabel="customers contacted, %", ylabel="contacted, of those who leave, %", xlim=(0, 100), ylim=(0, 102))
    axes.legend(loc="lower right")


@_as_svg
def calibration(axes: Axes, curves: dict[str, Sequence[Row]]) -> None:
    """Draw the predicted risk against the share that left, a curve for each name."""
    axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="as predicted")
    for (name, bins), colour, marker in zip(curves.items(), _COLOURS, "osD^v", strict=False):
        predicted = [100 * row["mean_probability"] for row in bins]
        axes.plot(predicted, [100 * row["churn_rate"] for row in bins], color=colour, marker=marker, label=name)
    axes.set(xlabel="predicted risk, %", ylabel="left, %", xlim=(0, 100), ylim=(0, 100))
    axes.legend(loc="upper left")


@_as_svg
def roc(axes: Axes, points: Sequence[Row], area: float) -> None:
    """Draw the ROC curve."""
    false, true = ([100 * row[name] for row in points] for name in ("false_positive_rate", "true_positive_rate"))
    axes.plot([0, *false], [0, *true], color=BLUE, label=f"the model, area {area:.3f}")
    axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="by chance, area 0.5")
    axes.set(xlabel="labelled, of those who stay, %", ylabel="labelled, of those who leave, %")
    axes.set(xlim=(0, 100), ylim=(0, 102))
    axes.legend(loc="lower right")


@_as_svg
def thresholds(axes: Axes, rows: Sequence[Row], threshold: float) -> None:
    """Draw the effect of a higher or lower threshold."""
    names = {"recall": "recall", "precision": "precision", "contacted": "labelled churn"}
    for (name, title), colour, dashes in zip(names.items(), _COLOURS, _DASHES, strict=False):
        axes.plot(_thresholds(rows), _percent(row[name] for row in rows), color=colour, linestyle=dashes, label=title)
    _mark(axes, threshold, top=101)
    axes.set(xlabel="threshold", ylabel="%", xlim=(0, 1), ylim=(0, 102))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.05, 1.06), ncols=3, columnspacing=1)


@_as_svg
def costs(axes: Axes, rows: Sequence[Row], threshold: float) -> None:
    """Draw the expected cost of a customer at each threshold."""
    axes.plot(_thresholds(rows), [row["cost"] for row in rows], color=BLUE)
    top = max(row["cost"] for row in rows) * 1.05
    _mark(axes, threshold, top)
    axes.set(xlabel="threshold", ylabel="cost per customer, in contacts", xlim=(0, 1), ylim=(0, top))


@_as_svg
def group_rates(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the rates of each group as points on one line a group."""
    axes.figure.set_size_inches(7.6, 0.34 * len(rows) + 1.2)  # type: ignore[union-attr]
    names = {
        "label_rate": "labelled churn",
        "true_positive_rate": "of those who left",
        "false_positive_rate": "of those who stayed",
    }
    for (name, title), colour, marker in zip(names.items(), _COLOURS, "oDs", strict=False):
        points = [(100 * row[name], line) for line, row in enumerate(rows) if row[name] is not None]
        shares, lines = ([point[axis] for point in points] for axis in (0, 1))
        axes.plot(shares, lines, color=colour, marker=marker, linestyle="", label=title)
    axes.set_yticks(range(len(rows)), [f"{row['feature']}: {row['group']}" for row in rows])
    axes.set(xlabel="%", xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5))
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, columnspacing=1, handletextpad=0.2)


@_as_svg
def gaps(axes: Axes, rows: Sequence[Row], threshold: float, rate: str) -> None:
    """Draw the greatest gap of a rate between groups at each threshold, a line for each feature."""
    for feature, colour, dashes in zip(rows[0]["gaps"], _COLOURS, _DASHES, strict=False):
        values = _percent(row["gaps"][feature][rate] for row in rows)
        axes.plot(_thresholds(rows), values, color=colour, linestyle=dashes, label=feature)
    axes.axvline(threshold, color=GREY, linewidth=1)
    axes.set(xlabel="threshold", ylabel="gap, percentage points", xlim=(0, 1), ylim=(0, None))
    axes.legend(loc="upper right")


def _thresholds(rows: Sequence[Row]) -> list[float]:
    return [row["threshold"] for row in rows]


def _percent(shares: Any) -> list[float]:
    return [float("nan") if share is None else 100 * share for share in shares]


def _mark(axes: Axes, threshold: float, top: float) -> None:
    axes.axvline(threshold, color=GREY, linewidth=1)
    axes.annotate(f" {threshold:.2f}", (threshold, top), color=_INK, va="bottom", ha="center", annotation_clip=False)


def _svg(figure: Figure) -> str:
    """Return a figure as an svg element of a page: no ids but those that are referred to, no fixed ink."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL).replace(_INK, "currentColor")
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    return re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in referred else "", text)
