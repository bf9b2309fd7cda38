"""MODEL_CARD.md, made from metrics.json alone, so that the two cannot disagree.

The headings follow Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from model.errors import listed
from model.training.metrics import TITLES
from model.training.wording import wording_of

WIDTH: Final = 118

PEERS: Final = "peers.json"
"""Written by `make bench-model`; a model may be without it."""


def to_card(metrics: Mapping[str, Any], peers: Mapping[str, Any] | None = None) -> str:
    """Return the text of MODEL_CARD.md for the content of metrics.json, and of peers.json where there is one."""
    sections = (_use, _data, _figures, _calibration, _slices, _threshold, _setting, _directions, _limits)
    parts = [f"# Churn model {metrics['version']}"]
    for section in sections:
        parts += section(metrics)
        if section is _figures and peers:
            parts += _peers(peers)
    return "\n\n".join(parts) + "\n"


def _use(metrics: Mapping[str, Any]) -> list[str]:
    words = wording_of(metrics)
    return [
        "The probability that a telecom's customer leaves, from ten features, and the reasons for it.",
        _say(words.kind),
        _say(f"""
            **Meant for** ranking customers for a retention offer, and for seeing why one is on the list. **Not meant
            for** refusing service, pricing or credit, nor for saying what would happen if a customer were changed: the
            {words.parts} describe who left, not what made them leave. A what-if answer compares two kinds of customers.
        """),
    ]


def _data(metrics: Mapping[str, Any]) -> list[str]:
    data = metrics["trained_on"]
    made = listed([f"{name} {version}" for name, version in metrics["trained_with"].items()])
    return [
        "## Data",
        _say(f"""
            {data["rows"]:,} customers, {data["churners"]:,} of them churners ({data["churners"] / data["rows"]:.1%}).
            Nothing was resampled and no class was weighted, so the probabilities are those of this population. Trained
            with {made}. The sha256 of the file:
        """),
        f"    {data['sha256']}",
    ]


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    protocol, folds, chance = metrics["protocol"], metrics["out_of_fold"], metrics["ece_if_perfect"]
    rows = [
        (title, _at(folds[name]["mean"]), _at(folds[name]["sd"]), _at(metrics["pooled"][name]))
        for name, title in TITLES.items()
    ]
    measured, rows_of_data = protocol["rows"], metrics["trained_on"]["rows"]
    sample = (
        f" All of this on {measured:,} of the {rows_of_data:,} customers, drawn at random with the same share of "
        "churners; the model itself is fitted to all."
        if measured < rows_of_data
        else ""
    )
    names, pair = list(metrics["setting"]), wording_of(metrics).pair
    settings = sorted({tuple(fold[name] for name in names) for fold in metrics["folds"]})
    chosen = [pair.format_map(dict(zip(names, setting, strict=True))) for setting in settings]
    return [
        "## How good it is",
        _say(f"""
            {protocol["folds"]} stratified folds, {protocol["repeats"]} times, nested: within each training part the
            setting was chosen anew, and the test part took no part in that. The folds chose {listed(chosen)}.{sample}
        """),
        _table(("Out of fold", "Mean of folds", "SD of folds", "Whole repeats"), rows),
        _say(f"""
            The SD is that of single folds: other customers, as many as in a fold, would give figures that far apart.
            A calibration error is above zero by chance alone: perfectly calibrated probabilities would show
            {_at(chance["fold"])} in folds and {_at(chance["pooled"])} in whole repeats, in which every customer stands
            once.
        """),
    ]


def _peers(peers: Mapping[str, Any]) -> list[str]:
    """Return the section that sets the model beside others; peers.json has all figures."""
    ranked = [each for each in peers["models"] if each["kind"] != "variant"]
    place = [each["kind"] for each in ranked].index("ours") + 1
    others = [each for each in peers["models"] if each["kind"] != "ours"]
    worse = [each["title"] for each in others if each["log_loss"]["low"] > 0.0]
    better = [each["title"] for each in others if each["log_loss"]["high"] < 0.0]
    return [
        "## Beside other models",
        _say(f"""
            On the same {peers["folds"]} folds, each with its settings chosen on {peers["inner_folds"]} folds inside the
            training part: by mean log loss this model is number {place} of {len(ranked)}. Differences are to it; log
            loss below 0 and ROC AUC above 0 speak for the other. Intervals: {peers["interval"]}.
            Worse beyond chance: {listed(worse) or "none"}. Better beyond chance: {listed(better) or "none"}.
        """),
        _table(_PEER_HEADER, map(_peer_row, ranked)),
        _say("""
            What was looked for within the ten features, each a change of this model that would keep its reasons exact
            (docs/model-search.md):
        """),
        _table(_PEER_HEADER, [_peer_row(each) for each in peers["models"] if each["kind"] == "variant"]),
    ]


_PEER_HEADER: Final = ("Model", "Log loss", "Difference", "95 % interval", "ROC AUC", "Difference", "95 % interval")


def _peer_row(each: Mapping[str, Any]) -> list[str]:
    cells = [f"**{each['title']}**" if each["kind"] == "ours" else each["title"]]
    for name, decimals in (("log_loss", 5), ("roc_auc", 4)):
        figure = each[name]
        cells.append(_at(figure["mean"], decimals))
        if each["kind"] == "ours":
            cells += ["", ""]
        else:
            cells.append(f"{figure['difference']:+.{decimals}f}")
            cells.append(f"{figure['low']:+.{decimals}f} to {figure['high']:+.{decimals}f}")
    return cells


def _calibration(metrics: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            f"{each['from']:.1f} to {each['to']:.1f}",
            f"{each['customers']:,}",
            _at(each["mean_probability"], 3),
            _at(each["churn_rate"], 3),
        )
        for each in metrics["calibration"]
    ]
    return [
        "## Calibration",
        f"Out of fold, each customer {metrics['protocol']['repeats']} times.",
        _table(("Probability", "Customers", "Mean probability", "Churned"), rows),
    ]


def _slices(metrics: Mapping[str, Any]) -> list[str]:
    names = ("churn_rate", "mean_probability", "roc_auc", "brier", "ece")
    rows = [
        (f"{each['feature']} {each['group']}", f"{each['customers']:,}", *(_at(each[name], 3) for name in names))
        for each in metrics["slices"]
    ]
    return [
        "## Parts of the customers",
        _table(("Part", "Customers", "Churned", "Mean probability", "ROC AUC", "Brier", "ECE"), rows),
        _say("""
            Within a part the AUC is lower than over all, because what defines the part no longer helps to rank.
            SeniorCitizen is an age group: where the law treats it as protected, look at this table before acting on the
            list.
        """),
    ]


def _threshold(metrics: Mapping[str, Any]) -> list[str]:
    found, example = metrics["threshold"], metrics["example"]
    tiers = [f"{tier} from {cut_off:.2f}" for tier, cut_off in metrics["tiers"].items()]
    costs = [
        (f"threshold {found['threshold']:.2f}", _at(found["cost"])),
        ("the theoretical threshold", _at(found["cost_at_theoretical"])),
        ("threshold 0.50", _at(found["cost_at_half"])),
        ("contact nobody", _at(found["cost_contact_nobody"])),
        ("contact everybody", _at(found["cost_contact_all"])),
    ]
    return [
        f'## The threshold behind "churn": {found["threshold"]:.2f}',
        _say(f"""
            Criterion: {found["criterion"]}. A contact (a call and an offer) is taken to cost
            {found["contact_cost"]:g} monthly bill, and to save {found["saved_value"]:g} on average when it reaches a
            churner: one in four stays a further year. This ratio is an assumption, not a finding; a company with
            another sets `CHURN_THRESHOLD`. For perfectly calibrated probabilities the best threshold is cost : saved
            value = {found["theoretical"]:.3f} (Elkan, IJCAI 2001).
        """),
        _table(("Policy", "Expected cost a customer, monthly bills"), costs),
        _say(f"""
            At {found["threshold"]:.2f}, {found["contacted"]:.1%} of the customers are contacted;
            {_percent(found["precision"])} of those churn, and they are {_percent(found["recall"])} of all churners.
            Tiers are fixed: {listed(tiers)}. The example customer of the schema has probability
            {_at(example["probability"])}: {example["prediction"]}, tier {example["tier"]}.
        """),
    ]


def _setting(metrics: Mapping[str, Any]) -> list[str]:
    chosen, words = metrics["setting"], wording_of(metrics)
    first, second = chosen
    best = min(metrics["settings"], key=lambda each: each["log_loss"])
    best_of_first: dict[int, dict[str, Any]] = {}
    for each in sorted(metrics["settings"], key=lambda each: each["log_loss"]):
        best_of_first.setdefault(each[first], each)
    rows = []
    for each in metrics["settings"]:
        is_chosen = all(each[name] == value for name, value in chosen.items())
        if is_chosen or each is best_of_first[each[first]]:
            rows.append(
                (
                    f"{each[first]}",
                    f"{each[second]}" + (" **(chosen)**" if is_chosen else ""),
                    _at(each["log_loss"], 5),
                    _at(each["difference"], 5),
                    f"{each['low']:.5f} to {each['high']:.5f}",
                    "yes" if each["qualifies"] else "no",
                )
            )
    return [
        f"## The setting: {words.heading.format_map(chosen)}",
        _say(f"""
            The simplest ({words.simplest}) whose mean log loss is at most 0.001 above that of the best, here
            {words.pair.format_map(best)}, with a 95 % interval of the paired difference that includes zero (Nadeau and
            Bengio, Machine Learning 52, 2003). {words.other}; metrics.json has all.
        """),
        _table((*words.header, "Log loss", "Above the best", "95 % interval", "Qualifies"), rows),
    ]


def _directions(metrics: Mapping[str, Any]) -> list[str]:
    if "directions" not in metrics:
        return []
    found = metrics["directions"]
    ways = [f"{each['feature']} {each['direction']}" for each in found["curves"]]
    rows = [
        (
            each["feature"],
            f"{turn['from']:,g} to {turn['to']:,g}",
            f"{turn['change']:+.2f}",
            f"{turn['customers']:.1%}",
            f"{turn['refits']} of {turn['of']}",
        )
        for each in found["curves"]
        for turn in each["turns"]
    ]
    header = ("Curve", "Stretch", "Change in log-odds", "Customers within", "Found again in refits")
    if found["low"] <= 0.0:
        verdict = """
            No loss can be seen. That a turn comes back in every refit says little: the training parts share most of
            their rows, and TotalCharges is nearly tenure times MonthlyCharges, so the three curves can trade heights
            among themselves without any customer's sum changing much.
        """
    else:
        verdict = "On this data the directions cost something: read the turns above before relying on the curves there."
    return [
        "## The shapes of the curves",
        _say(f"""
            Each curve goes one way by construction: {listed(ways)}; flat where the data would have turned. Turns are
            **not accepted**: with them a cheaper bill could come out as the riskier one, and no colleague could
            explain that to a customer. Left free, {"the curves turn here:" if rows else "no curve turns either."}
        """),
        *([_table(header, rows)] if rows else []),
        _say(f"""
            On the same folds, at the same setting: log loss {_at(found["held"]["log_loss"], 5)} held to the
            directions and {_at(found["free"]["log_loss"], 5)} free, difference {found["difference"]:+.5f} (95 %
            interval {found["low"]:+.5f} to {found["high"]:+.5f}); ROC AUC {_at(found["held"]["roc_auc"])} and
            {_at(found["free"]["roc_auc"])}. {verdict}
        """),
    ]


def _limits(metrics: Mapping[str, Any]) -> list[str]:
    figures = {"seed": metrics["protocol"]["seed"], **metrics.get("exactness", {})}
    limits = [
        """One snapshot of customers. No later data was set aside, so nothing here says how fast the model ages; watch
        the drift figures of the batch summaries and run `churn evaluate` on new outcomes.""",
        """The list of settings and the directions of the curves were decided by people who had seen the public data;
        the nesting covers the choice among the settings only.""",
        *(each.format_map(figures) for each in wording_of(metrics).limits),
    ]
    return [
        "## Limits",
        "\n".join(textwrap.indent(_say(each, WIDTH - 2), "  ").replace("  ", "- ", 1) for each in limits),
    ]


def _say(text: str, width: int = WIDTH) -> str:
    return textwrap.fill(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _at(figure: float | None, decimals: int = 4) -> str:
    return "-" if figure is None else f"{figure:.{decimals}f}"


def _percent(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1%}"
