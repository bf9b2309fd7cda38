"""What `compare` found, as text for a terminal and as a page for those who decide."""

from typing import Any, Final

from model.training import plots
from model.training.compare import FIGURES
from model.training.metrics import TITLES
from model.training.page import cards, heading, page, plot, say, table

SHOWN: Final = 10
SHOWN_ON_PAGE: Final = 50


def to_text(found: dict[str, Any]) -> str:
    """Return the comparison as text."""
    first, second = found["first"], found["second"]
    lines = [
        (
            f"{second['version']} against {first['version']} on {found['rows']:,} customers, {found['churners']:,} of "
            "them churners"
        ),
        *_warnings(found),
        "",
        *_table_of(_customers(found), found["figures"], found),
        f"  Intervals: the customers drawn anew {found['bootstrap']['draws']:,} times, for both the same.",
    ]
    if found["anew"]:
        lines += ["", *_table_of("Both trained anew on folds", found["anew"]["figures"], found)]
        lines.append(f"  Intervals: {found['anew']['folds']} folds, their differences paired; training rows overlap.")
    lines += ["", "Calibration: risk predicted and churn that came", *_calibration(found)]
    lines += ["", _labels(found), *_methods(found)]
    for each in found["changed"][:SHOWN]:
        lines.append(f"  {_who(each)}: {_move(each)}; {_why(each)}")
    rest = _count(found) - min(SHOWN, len(found["changed"]))
    if rest > 0:
        lines.append(f"  ... and {rest:,} more; --json lists up to 1,000, --report {SHOWN_ON_PAGE}")
    return "\n".join(lines)


def _customers(found: dict[str, Any]) -> str:
    return (
        "On these customers"
        if found["compared_rows"] == found["rows"]
        else f"On {found['compared_rows']:,} of these customers"
    )


def _warnings(found: dict[str, Any]) -> list[str]:
    lines = []
    for each in (found["first"], found["second"]):
        if each["out_of_fold"]:
            lines.append(
                f"{each['version']} was trained on this very file. So its recipe was trained anew on folds, and each "
                "customer is scored by the model that did not see them."
            )
        elif each["seen_in_training"]:
            lines.append(
                f"{each['version']} was trained on this very file, and there are too few of a kind for folds: the "
                "figures flatter it."
            )
    if found["anew"] and found["anew"]["same_recipe"]:
        lines.append(
            "Both have the same recipe and setting: trained anew on the same folds they are the same model. What "
            "differs is the data each learnt from."
        )
    return lines


def _table_of(title: str, figures: list[dict[str, Any]], found: dict[str, Any]) -> list[str]:
    versions = (found["first"]["version"], found["second"]["version"])
    lines = [f"{title:<34}{versions[0]:>10}{versions[1]:>10}{'difference':>12}   95 % interval"]
    for each in figures:
        row = f"  {TITLES[each['figure']]:<32}{_at(each['first']):>10}{_at(each['second']):>10}"
        lines.append(
            f"{row}{_signed(each['difference']):>12}   {_bounds(each['interval'])}   {_verdict(each)}".rstrip()
        )
    return lines


def _verdict(row: dict[str, Any]) -> str:
    if row["interval"] is None:
        return ""
    low, high = row["interval"]
    if low <= 0 <= high:
        return "no difference seen"
    return "better" if (low > 0) == (FIGURES[row["figure"]] > 0) else "worse"


def _calibration(found: dict[str, Any]) -> list[str]:
    first, second = ({each["from"]: each for each in curve} for curve in found["calibration"])
    lines = [f"  {'probability':<14}{found['first']['version']:>22}{found['second']['version']:>22}"]
    for start in sorted({*first, *second}):
        cells = [
            f"{curve[start]['mean_probability']:.3f} -> {curve[start]['churn_rate']:.3f}" if start in curve else "-"
            for curve in (first, second)
        ]
        lines.append(f"  {start:.1f} to {start + 0.1:.1f}    {cells[0]:>22}{cells[1]:>22}")
    return lines


def _methods(found: dict[str, Any]) -> list[str]:
    return [
        f"What moved a customer is no exact part of {each['version']}, which is not additive: its reasons are by "
        f"{each['reasons_method']}."
        for each in (found["first"], found["second"])
        if each["reasons_method"] != "exact"
    ]


def _count(found: dict[str, Any]) -> int:
    return int(found["labels"]["no_longer_churn"] + found["labels"]["newly_churn"])


def _labels(found: dict[str, Any]) -> str:
    labels = found["labels"]
    return (
        f"Labels: {labels['both_churn']:,} churn with both, {labels['newly_churn']:,} newly churn, "
        f"{labels['no_longer_churn']:,} no longer, {labels['neither']:,} with neither."
    )


def _who(each: dict[str, Any]) -> str:
    return f"row {each['row']}" + (f" ({each['customerID']})" if each.get("customerID") else "")


def _move(each: dict[str, Any]) -> str:
    first, second = each["first"], each["second"]
    return (
        f"{first['prediction']} {first['probability']:.4f} -> {second['prediction']} {second['probability']:.4f}, "
        f"{'left' if each['left'] else 'stayed'}"
    )


def _why(each: dict[str, Any]) -> str:
    words = []
    for reason in each["why"]:
        if "threshold" in reason:
            words.append(f"threshold {reason['threshold'][0]:.2f} -> {reason['threshold'][1]:.2f}")
        else:
            value = f" {reason['value']}" if "value" in reason else ""
            words.append(f"{reason['feature']}{value} {reason['log_odds']:+.2f}")
    return ", ".join(words) or "many small moves"


def to_page(found: dict[str, Any]) -> str:
    """Return the comparison as a page."""
    first, second = found["first"]["version"], found["second"]["version"]
    labels = found["labels"]
    parts = [say(each, "note") for each in _warnings(found)]
    parts.append(
        cards(
            [
                (_signed(_figure(found, "roc_auc")["difference"]), f"ROC AUC of {second} over {first}"),
                (_signed(_figure(found, "log_loss")["difference"]), "log loss; less is better"),
                (f"{labels['newly_churn']:,}", "customers newly labelled churn"),
                (f"{labels['no_longer_churn']:,}", "customers no longer labelled churn"),
            ]
        )
    )
    parts += [
        heading("How they differ"),
        say("A difference is seen where the interval excludes zero."),
        _figures(_customers(found), found["figures"], found),
        _figures("Both trained anew on the same folds", found["anew"]["figures"], found) if found["anew"] else "",
        heading("Calibration side by side"),
        plot(
            plots.calibration(dict(zip((f"model {first}", f"model {second}"), found["calibration"], strict=True))),
            f"Predicted risk and churn of {first} and {second}: {'; '.join(map(_spoken, found['calibration']))}.",
            "On the dashed line as many left as predicted.",
        ),
        heading("Customers whose label changes"),
        say(_labels(found)),
        *(say(each) for each in _methods(found)),
        table(
            ("Customer", f"With {first}", f"With {second}", "Then", "Why, in log-odds"),
            [
                (
                    _who(each),
                    *(f"{each[side]['prediction']}, {each[side]['probability']:.4f}" for side in ("first", "second")),
                    "left" if each["left"] else "stayed",
                    _why(each),
                )
                for each in found["changed"][:SHOWN_ON_PAGE]
            ],
            texts=5,
        ),
        say(_made(found), "soft"),
    ]
    lead = f"{found['rows']:,} customers whose outcome is known, {found['churners']:,} of them left."
    return page(f"Churn model {second} against {first}", lead, filter(None, parts))


def _figure(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["figures"] if each["figure"] == name)


def _figures(title: str, figures: list[dict[str, Any]], found: dict[str, Any]) -> str:
    header = (title, found["first"]["version"], found["second"]["version"], "Difference", "95 % interval", "")
    rows = [
        (
            *(TITLES[each["figure"]], _at(each["first"]), _at(each["second"])),
            *(_signed(each["difference"]), _bounds(each["interval"]), _verdict(each)),
        )
        for each in figures
    ]
    return table(header, rows)


def _spoken(curve: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['mean_probability']:.0%} predicted, {each['churn_rate']:.0%} left" for each in curve)


def _made(found: dict[str, Any]) -> str:
    anew = found["anew"]
    folds = f"{anew['folds']} folds of {anew['rows']:,} customers, seed {anew['seed']}. " if anew else ""
    return f"""
        churn compare. Why: the features whose contribution moved most, of those that moved the customer the way it
        went. {folds}The customers were drawn anew {found["bootstrap"]["draws"]:,} times. The sha256 of the file:
        {found["sha256"]}.
    """


def _at(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4f}"


def _signed(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:+.4f}"


def _bounds(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:+.4f} to {bounds[1]:+.4f}"
