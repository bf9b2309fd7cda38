"""Why one customer has this score, in numbers and in plain words. Standard library only.

Baseline + all contributions = log-odds. The baseline is the average customer of the training data. An additive model is
centred, so there a reason is a fact about the arithmetic, not an estimate; of any other model `reasons_method`
names how the difference is divided among the features.
"""

from typing import Final, NamedTuple

from model.schema import OTHER, Categorical, Customer, Feature, Numeric, Value
from model.scorecard import Scorer
from model.text import quoted, shown, within, written

HARDLY: Final = 0.05
"""Log-odds below which a contribution moves no probability by more than 1.3 percentage points (a quarter of it)."""

STRONGLY: Final = 0.5
"""Log-odds from which a contribution moves a probability near one half by 12 percentage points or more."""


class Contribution(NamedTuple):
    """What one term adds to a customer's log-odds, compared with the average customer of the training data.

    Attributes
    ----------
    features : tuple of Feature
        One, or the two of a pair.
    values : tuple of str, int, float or None
        The customer's, of the same length.
    contribution : float
        In log-odds.
    """

    features: tuple[Feature, ...]
    values: tuple[Value, ...]
    contribution: float

    @property
    def sentence(self) -> str:
        """The reason in plain words."""
        phrases = [phrase(feature, value) for feature, value in zip(self.features, self.values, strict=True)]
        return f"{' and '.join([phrases[0], *map(within, phrases[1:])])}: {effect(self.contribution)}"


def terms_of(scorer: Scorer) -> list[tuple[Feature, ...]]:
    """Return the features of each term, in the order of `Scorer.contributions`."""
    pairs = scorer.additive.pairs if scorer.additive else ()
    return [
        *[(feature,) for feature in scorer.schema.features],
        *[tuple(axis.feature for axis in pair.axes) for pair in pairs],
    ]


def explain(scorer: Scorer, customer: Customer) -> list[Contribution]:
    """Return the contribution of each term, the strongest first, ties in the order of the terms."""
    parts = [
        Contribution(features, tuple([customer[feature.name] for feature in features]), points)
        for features, points in zip(terms_of(scorer), scorer.contributions(customer), strict=True)
    ]
    return sorted(parts, key=lambda part: -abs(part.contribution))


def phrase(feature: Feature, value: Value) -> str:
    """Return a value of a customer in words, as the beginning of a sentence."""
    if value is None:
        return f"{feature.label} is not known"
    if isinstance(feature, Categorical):
        if value == OTHER:
            return f"{feature.label} is rare or new"
        assert not isinstance(value, float)
        word = value if feature.is_flag or isinstance(value, int) else quoted(value)
        return feature.phrases.get(value) or f"{feature.label} is {word}"
    assert not isinstance(value, str)
    return feature.phrase.format(value=_digits(feature, value), s="" if value == 1 else "s")


def _digits(feature: Numeric, value: float) -> str:
    """Return a number as people read it; money has two decimals at least."""
    if feature.whole:
        return f"{int(value):,}" if value >= 10_000 else f"{int(value)}"
    return shown(value, least=2 if feature.is_amount else 0)


def effect(contribution: float) -> str:
    """Return what a contribution in log-odds does to the risk, in words that never contradict its sign."""
    if abs(contribution) < HARDLY:
        return "hardly changes the risk"
    verb = "raises" if contribution > 0 else "lowers"
    return f"{verb} the risk strongly" if abs(contribution) >= STRONGLY else f"{verb} the risk"


def notes(scorer: Scorer, customer: Customer) -> list[str]:
    """Return what a reader of the score should know: numbers beyond the training data, and numbers that do not fit."""
    contradictions = scorer.plausibility.contradictions(customer) if scorer.plausibility else []
    return [*_beyond(scorer, customer), *contradictions]


def _is_in_name(feature: Numeric) -> bool:
    """Return whether the name of a column holds its unit, as "Fee €" and "Tenure (months)" do."""
    unit, name = feature.unit.lower(), feature.name.lower()
    return f"({unit})" in name or (not unit.isalpha() and unit in name)


def _beyond(scorer: Scorer, customer: Customer) -> list[str]:
    sentences = []
    for name, (low, high) in scorer.ranges.items():
        feature, value = scorer.schema.by_name[name], customer[name]
        if not isinstance(feature, Numeric) or value is None or isinstance(value, str) or low <= value <= high:
            continue
        side, bound = ("beyond", high) if value > high else ("below", low)
        unit = f" {feature.unit}" if feature.unit and not _is_in_name(feature) else ""
        sentences.append(f"{name} {written(value)} is {side} the {written(bound)}{unit} of the training data.")
    return sentences
