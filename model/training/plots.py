"""Plots of the reports as SVG, drawn by matplotlib: text stays text, and ink takes the colour of the page around it."""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE: Final = "#3a7bd5"
ORANGE: Final = "#d97706"
GREEN: Final = "#0f9d76"
PURPLE: Final = "#9b59d0"
GREY: Final = "#8a8f98"
_COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE, GREY)
_INK: Final = "#010203"
"""Replaced by currentColor, so that a plot can be read on a light page and on a dark one."""

_STYLE: Final = {
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


def gains(lift: Sequence[dict[str, float]], churn_rate: float, contacted: float, recall: float | None) -> str:
    """Return how many churners are found when the customers most at risk are contacted first."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        shares = [0.0, *(100 * each["customers"] for each in lift)]
        found = [0.0, *(100 * each["churners"] for each in lift)]
        axes.plot(shares, found, color=BLUE, marker="o", markersize=4, label="by the model's order")
        axes.plot(
            [0, 100 * churn_rate, 100], [0, 100, 100], color=GREEN, linestyle=":", label="the best there could be"
        )
        axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="by chance")
        if recall is not None:
            axes.plot(
                [100 * contacted], [100 * recall], color=ORANGE, marker="D", linestyle="", label="at the threshold"
            )
        axes.set(xlabel="customers contacted, %", ylabel="of those who leave, found, %", xlim=(0, 100), ylim=(0, 102))
        axes.legend(loc="lower right")
        return _svg(figure)


def calibration(curves: dict[str, Sequence[dict[str, Any]]]) -> str:
    """Return predicted risk against what came, a curve for each name."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="as predicted")
        for (name, bins), colour, marker in zip(curves.items(), _COLOURS, "osD^v", strict=False):
            predicted = [100 * each["mean_probability"] for each in bins]
            axes.plot(predicted, [100 * each["churn_rate"] for each in bins], color=colour, marker=marker, label=name)
        axes.set(xlabel="predicted risk, %", ylabel="left, %", xlim=(0, 100), ylim=(0, 100))
        axes.legend(loc="upper left")
        return _svg(figure)


def roc(points: Sequence[dict[str, float]], area: float) -> str:
    """Return the ROC curve."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        false, true = ([100 * each[name] for each in points] for name in ("false_positive_rate", "true_positive_rate"))
        axes.plot([0, *false], [0, *true], color=BLUE, label=f"the model, area {area:.3f}")
        axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="by chance, area 0.5")
        axes.set(
            xlabel="labelled wrongly, of those who stay, %",
            ylabel="found, of those who leave, %",
            xlim=(0, 100),
            ylim=(0, 102),
        )
        axes.legend(loc="lower right")
        return _svg(figure)


def thresholds(rows: Sequence[dict[str, Any]], threshold: float) -> str:
    """Return what a higher or lower threshold would do."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        at = [each["threshold"] for each in rows]
        names = {
            "recall": "of those who leave, found",
            "precision": "of those labelled, leave",
            "contacted": "labelled churn",
        }
        for (name, title), colour, dashes in zip(names.items(), _COLOURS, ("-", "--", ":"), strict=False):
            shown = [None if each[name] is None else 100 * each[name] for each in rows]
            axes.plot(
                at,
                [float("nan") if each is None else each for each in shown],
                color=colour,
                linestyle=dashes,
                label=title,
            )
        axes.axvline(threshold, color=GREY, linewidth=1)
        axes.annotate(
            f" {threshold:.2f}", (threshold, 101), color=_INK, va="bottom", ha="center", annotation_clip=False
        )
        axes.set(xlabel="threshold", ylabel="%", xlim=(0, 1), ylim=(0, 102))
        axes.legend(loc="lower left", bbox_to_anchor=(-0.05, 1.06), ncols=2, columnspacing=1)
        return _svg(figure)


def costs(rows: Sequence[dict[str, Any]], threshold: float) -> str:
    """Return the expected cost of a customer at each threshold."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        axes.plot([each["threshold"] for each in rows], [each["cost"] for each in rows], color=BLUE)
        axes.axvline(threshold, color=GREY, linewidth=1)
        top = max(each["cost"] for each in rows) * 1.05
        axes.annotate(
            f" {threshold:.2f}", (threshold, top), color=_INK, va="bottom", ha="center", annotation_clip=False
        )
        axes.set(xlabel="threshold", ylabel="cost a customer, monthly bills", xlim=(0, 1), ylim=(0, top))
        return _svg(figure)


def group_rates(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rates of each group as points on one line a group."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes(height=0.34 * len(rows) + 1.2, wide=True)
        names = {
            "label_rate": "labelled churn",
            "true_positive_rate": "found, of those who left",
            "false_positive_rate": "labelled wrongly, of those who stayed",
        }
        for (name, title), colour, marker in zip(names.items(), _COLOURS, "oDs", strict=False):
            points = [(100 * each[name], place) for place, each in enumerate(rows) if each[name] is not None]
            axes.plot(
                [x for x, _ in points], [y for _, y in points], color=colour, marker=marker, linestyle="", label=title
            )
        axes.set_yticks(range(len(rows)), [f"{each['feature']}: {each['group']}" for each in rows])
        axes.set(xlabel="%", xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5))
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, columnspacing=1, handletextpad=0.2)
        return _svg(figure)


def gaps(rows: Sequence[dict[str, Any]], threshold: float, rate: str) -> str:
    """Return the greatest gap of a rate between groups at each threshold, a line for each feature."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        at = [each["threshold"] for each in rows]
        for feature, colour, dashes in zip(
            rows[0]["gaps"], _COLOURS, ("-", "--", ":", "-.", (0, (1, 1))), strict=False
        ):
            shown = [each["gaps"][feature][rate] for each in rows]
            line = [float("nan") if each is None else 100 * each for each in shown]
            axes.plot(at, line, color=colour, linestyle=dashes, label=feature)
        axes.axvline(threshold, color=GREY, linewidth=1)
        axes.set(xlabel="threshold", ylabel="gap, points of %", xlim=(0, 1), ylim=(0, None))
        axes.legend(loc="upper right")
        return _svg(figure)


def _axes(height: float = 3.6, wide: bool = False) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.6 if wide else 5.0, height), layout="constrained")
    axes: Axes = figure.subplots()
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure) -> str:
    """Return a figure as an svg element to be put into a page: no ids but those that are pointed at, no fixed ink."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL).replace(_INK, "currentColor")
    pointed = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    return re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in pointed else "", text)
