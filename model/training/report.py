"""The page that `churn evaluate --report` writes: how good a model is, for those who decide about it."""

from typing import Any, Final

from model.training import plots
from model.training.groups import LEAST, RATES
from model.training.metrics import TITLES
from model.training.page import cards, heading, page, pair, plot, say, table
from model.training.threshold import CONTACT_COST, SAVED_VALUE

_MEANINGS: Final = {
    "roc_auc": "How well those who leave are put before those who stay: 0.5 is chance, 1 is perfect",
    "pr_auc": "The same with an eye on those who leave: the churn rate is chance",
    "log_loss": "How far the probabilities are from what came; less is better",
    "brier": "The same, squared; less is better",
    "ece": "How far the predicted risk is from the churn that came, on average; by chance alone it is above 0",
    "top_decile_lift": "How many times as many leave among the tenth most at risk as among all",
}


def to_page(metrics: dict[str, Any]) -> str:
    """Return the page for the figures of `evaluate`."""
    lead = (
        f"{metrics['rows']:,} customers whose outcome is known, {metrics['churners']:,} of them "
        f"({metrics['churn_rate']:.1%}) left."
    )
    parts = [_note(metrics), _headline(metrics), *_order(metrics), *_calibration(metrics), *_threshold(metrics)]
    parts += [*_figures(metrics), *_groups(metrics), *_made(metrics)]
    return page(f"Churn model {metrics['version']}: how good it is", lead, filter(None, parts))


def _note(metrics: dict[str, Any]) -> str:
    if not metrics["seen_in_training"]:
        return ""
    return say(
        "The model was trained on this very file, so these figures flatter it. The honest ones are in its card, "
        "MODEL_CARD.md, and come from customers that were held back.",
        "note",
    )


def _headline(metrics: dict[str, Any]) -> str:
    entries = []
    if metrics["lift"]:
        entries.append((f"{metrics['lift'][0]['churners']:.0%}", "of those who leave are in the tenth it puts first"))
        entries.append((f"{metrics['top_decile_lift'] or 0:.1f} times", "as many leave there as among all customers"))
    if metrics["precision"] is not None:
        entries.append((f"{metrics['precision']:.0%}", "of those it labels churn do leave"))
    if metrics["recall"] is not None:
        entries.append(
            (f"{metrics['recall']:.0%}", f"of those who leave are labelled, from {metrics['threshold']:.2f} on")
        )
    return cards(entries)


def _order(metrics: dict[str, Any]) -> list[str]:
    if not metrics["roc"]:
        return []
    lift = metrics["lift"]
    first, third = lift[0], lift[2]
    contacted = metrics["labelled_churn"] / metrics["rows"]
    return [
        heading("Does it put the right customers first?"),
        say(f"""
            Contact the tenth that it puts first, and {first["churners"]:.0%} of all who leave are among them;
            with three tenths it is {third["churners"]:.0%}. By chance it would be 10% and 30%.
        """),
        pair(
            plot(
                plots.gains(lift, metrics["churn_rate"], contacted, metrics["recall"]),
                f"Of those who leave, found: {_steps(lift)}.",
                "Customers in the order of their risk, from left to right.",
            ),
            plot(
                plots.roc(metrics["roc"], metrics["roc_auc"]),
                f"ROC curve with an area of {metrics['roc_auc']:.3f}; chance is 0.5.",
                "Each point is a threshold; nearer to the upper left corner is better.",
            ),
        ),
    ]


def _steps(lift: list[dict[str, float]]) -> str:
    return ", ".join(f"{each['churners']:.0%} in {each['customers']:.0%} of customers" for each in lift[::2])


def _calibration(metrics: dict[str, Any]) -> list[str]:
    bins = metrics["calibration"]
    worst = max(bins, key=lambda each: abs(each["mean_probability"] - each["churn_rate"]) * each["customers"] ** 0.5)
    return [
        heading("Can its probabilities be taken at their word?"),
        say(f"""
            On average it predicted {metrics["mean_probability"]:.1%}, and {metrics["churn_rate"]:.1%} left. The
            calibration error is {_at(metrics["ece"])}{_within(metrics["intervals"]["ece"])}. It is furthest off
            among the {worst["customers"]:,} customers between {worst["from"]:.0%} and {worst["to"]:.0%}:
            predicted {worst["mean_probability"]:.1%}, left {worst["churn_rate"]:.1%}.
        """),
        plot(
            plots.calibration({f"model {metrics['version']}": bins}),
            "Predicted risk and churn: "
            + ", ".join(f"{each['mean_probability']:.0%} predicted, {each['churn_rate']:.0%} left" for each in bins)
            + ".",
            "Points on the dashed line: as many left as predicted.",
        ),
    ]


def _threshold(metrics: dict[str, Any]) -> list[str]:
    rows, at = metrics["by_threshold"], metrics["threshold"]
    best = min(rows, key=lambda each: each["cost"])
    chosen = [each for each in rows if round(each["threshold"] * 100) % 10 == 0 and 0 < each["threshold"] < 1]
    return [
        heading("Where to draw the line"),
        say(f"""
            "churn" is said from {at:.2f} on: {metrics["labelled_churn"]:,} customers here. A lower threshold
            finds more of those who leave, and bothers more who would have stayed. If a contact costs
            {CONTACT_COST:g} monthly bill and reaching a churner saves {SAVED_VALUE:g} on average, the cost is
            least here at {best["threshold"]:.2f}. With prices of your own, set CHURN_THRESHOLD to cost : saved
            value.
        """),
        pair(
            plot(
                plots.thresholds(rows, at),
                f"Found, right and labelled at each threshold; at {at:.2f}: recall {_percent(metrics['recall'])}, "
                f"precision {_percent(metrics['precision'])}.",
                "The grey line is the model's threshold.",
            ),
            plot(
                plots.costs(rows, at),
                f"Cost a customer at each threshold; the least, {best['cost']:.3f} bills, at {best['threshold']:.2f}.",
                "Contacts, and value lost with churners who were not contacted.",
            ),
        ),
        table(
            ("Threshold", "Labelled", "Of those, leave", "Of those who leave, found", "Cost, monthly bills"),
            [
                (
                    f"{each['threshold']:.2f}",
                    _percent(each["contacted"]),
                    _percent(each["precision"]),
                    _percent(each["recall"]),
                    f"{each['cost']:.3f}",
                )
                for each in chosen
            ],
        ),
    ]


def _figures(metrics: dict[str, Any]) -> list[str]:
    spreads = metrics["intervals"]
    rows = [(title, _MEANINGS[name], _at(metrics[name]), _bounds(spreads[name])) for name, title in TITLES.items()]
    rows.append(
        ("Precision", "Of those labelled, how many leave", _at(metrics["precision"]), _bounds(spreads["precision"]))
    )
    rows.append(
        ("Recall", "Of those who leave, how many are labelled", _at(metrics["recall"]), _bounds(spreads["recall"]))
    )
    return [
        heading("The figures, and how sure they are"),
        say("Other customers of the same kind would give figures within the interval 95 times of 100."),
        table(("Figure", "What it says", "Here", "95 % interval"), rows, texts=2),
    ]


def _groups(metrics: dict[str, Any]) -> list[str]:
    slices = {(each["feature"], each["group"]): each for each in metrics["slices"]}
    rows = []
    for each in metrics["groups"]:
        part = slices[each["feature"], each["group"]]
        rates = [_percent(each[name]) for name in ("label_rate", "true_positive_rate", "false_positive_rate")]
        figures = (f"{part['customers']:,}", _percent(part["churn_rate"]), _percent(part["mean_probability"]))
        rows.append((f"{each['feature']}: {each['group']}", *figures, _at(part["roc_auc"], 3), *rates))
    gaps = [
        (
            each["feature"],
            RATES[each["rate"]],
            _points(each["gap"]),
            "-" if each["interval"] is None else f"{100 * each['interval'][0]:.1f} to {100 * each['interval'][1]:.1f}",
            f"{each['highest']} over {each['lowest']}",
        )
        for each in metrics["gaps"]
        if each["gap"] is not None
    ]
    header = ("Group", "Customers", "Left", "Predicted", "ROC AUC", "Labelled", "Found of leavers", "Wrong of stayers")
    return [
        heading("Are groups of customers treated alike?"),
        say("""
            Groups that leave more often are labelled more often; where they do, no model can have equal label
            rates, equal error rates and honest probabilities at once. A gap is a reason to look, and to decide,
            not by itself a fault. SeniorCitizen is an age group: where the law treats it as protected, decide
            before acting on the list.
        """),
        plot(
            plots.group_rates(metrics["groups"]),
            "Rates of each group at the threshold; the table below has them.",
            f"At the threshold {metrics['threshold']:.2f}. Rates over fewer than {LEAST} customers are left out.",
            broad=True,
        ),
        table(header, rows),
        pair(
            plot(
                plots.gaps(metrics["by_threshold"], metrics["threshold"], "true_positive_rate"),
                "Greatest gap between groups in the share of leavers found, at each threshold.",
                "Found, of those who leave: the greatest gap between groups at any threshold.",
            ),
            plot(
                plots.gaps(metrics["by_threshold"], metrics["threshold"], "false_positive_rate"),
                "Greatest gap between groups in the share of stayers labelled, at each threshold.",
                "Labelled wrongly, of those who stay: the same.",
            ),
        ),
        table(("Groups by", "Rate", "Gap, points", "95 % interval", "Between"), gaps, texts=2),
    ]


def _made(metrics: dict[str, Any]) -> list[str]:
    drawn = metrics["bootstrap"]
    return [
        heading("How this was made"),
        say(
            f"""
                churn evaluate, model {metrics["version"]}. Intervals: the customers were drawn anew
                {drawn["draws"]:,} times (seed {drawn["seed"]}), and the middle {drawn["confidence"]:.0%} is shown.
                The sha256 of the file: {metrics["sha256"]}. The same file and model give the same page to the byte.
            """,
            "soft",
        ),
    ]


def _at(figure: float | None, decimals: int = 4) -> str:
    return "-" if figure is None else f"{figure:.{decimals}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _points(gap: float) -> str:
    return f"{100 * gap:.1f}"


def _bounds(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _within(bounds: list[float] | None) -> str:
    return "" if bounds is None else f" ({bounds[0]:.4f} to {bounds[1]:.4f})"
