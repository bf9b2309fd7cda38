"""Why one customer has this score, in numbers and in plain words. Standard library only.

Baseline + all contributions = log-odds. The baseline is the average customer of the training data. An additive model is
centred, so there a reason is a fact about the arithmetic, not an estimate; of any other model `reasons_method`
names how the difference is divided among the features.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from model.schema import BY_NAME, NAMES, Categorical, Customer, Feature, Numeric, Value
from model.scorecard import Scorer

HARDLY: Final = 0.05
"""Log-odds below which a contribution moves no probability by more than 1.3 percentage points (a quarter of it)."""

STRONGLY: Final = 0.5
"""Log-odds from which a contribution moves a probability near one half by 12 percentage points or more."""


class Contribution(NamedTuple):
    """What one feature adds to a customer's log-odds, compared with the average customer of the training data."""

    feature: str
    value: Value
    contribution: float

    @property
    def sentence(self) -> str:
        """The reason in plain words."""
        return f"{phrase(BY_NAME[self.feature], self.value)}: {effect(self.contribution)}"


def explain(scorer: Scorer, customer: Customer) -> list[Contribution]:
    """Return the contribution of each feature, the strongest first, ties in schema order."""
    points = scorer.contributions(customer)
    parts = [Contribution(name, customer[name], point) for name, point in zip(NAMES, points, strict=True)]
    return sorted(parts, key=lambda part: -abs(part.contribution))


def phrase(feature: Feature, value: Value) -> str:
    """Return a value of a customer in words, as the beginning of a sentence."""
    if isinstance(feature, Categorical):
        assert not isinstance(value, float)
        return feature.phrases[value]
    assert not isinstance(value, str)
    text = f"{int(value)}" if feature.whole else f"{value:,.2f}"
    return feature.phrase.format(value=text, s="" if value == 1 else "s")


def effect(contribution: float) -> str:
    """Return what a contribution in log-odds does to the risk, in words that never contradict its sign."""
    if abs(contribution) < HARDLY:
        return "hardly changes the risk"
    verb = "raises" if contribution > 0 else "lowers"
    return f"{verb} the risk strongly" if abs(contribution) >= STRONGLY else f"{verb} the risk"


def notes(customer: Customer, ranges: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return what a reader of the score should know: numbers beyond those of the training data."""
    sentences = []
    for name, (low, high) in ranges.items():
        feature, value = BY_NAME[name], customer[name]
        if not isinstance(feature, Numeric) or isinstance(value, str) or low <= value <= high:
            continue
        side, bound = ("beyond", high) if value > high else ("below", low)
        sentences.append(
            f"{name} {_written(value)} is {side} the {_written(bound)} {feature.unit} of the training data."
        )
    return sentences


def _written(value: float) -> str:
    """Return a number with all its digits: :g would round 123456.78, and make 1e+06 of a million."""
    return f"{value:,}".removesuffix(".0")
