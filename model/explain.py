"""Fourth step of the road for one customer: why. Standard library only.

The model is additive and centred, so a reason is a fact about the arithmetic, not an estimate: intercept + all
contributions = log-odds.
"""

from typing import NamedTuple

from model.schema import Customer, Value
from model.scorecard import Scorecard


class Contribution(NamedTuple):
    """What one feature adds to a customer's log-odds, beside the average customer of the training data."""

    feature: str
    value: Value
    contribution: float


def explain(scorecard: Scorecard, customer: Customer) -> list[Contribution]:
    """Return the contribution of each feature, the strongest first, ties in schema order."""
    points = scorecard.contributions(customer)
    parts = [
        Contribution(term.feature, customer[term.feature], point)
        for term, point in zip(scorecard.terms, points, strict=True)
    ]
    return sorted(parts, key=lambda part: -abs(part.contribution))
