"""What would change the answer: the same customer with one thing different. Standard library only.

The terms describe who left, not what made them leave: an alternative compares two kinds of customers.
"""

from collections.abc import Mapping
from typing import NamedTuple

from model.schema import FEATURES, Choice, Customer, Value
from model.scorecard import Score, Scorer
from model.validate import validate


class Alternative(NamedTuple):
    """One way in which a customer might differ.

    Attributes
    ----------
    changes : dict of str to str, int or float
        Typed values by feature name; only what differs from the customer as it is.
    score : Score
    difference : float
        Probability with the changes, less that without; below 0 is a lower risk.
    """

    changes: dict[str, Value]
    score: Score
    difference: float


def change(scorer: Scorer, customer: Customer, changes: Mapping[str, object]) -> Alternative:
    """Return the alternative in which `customer` has the raw values of `changes`.

    Raises
    ------
    CustomerError
        If a value is not accepted.
    """
    changed = validate({**customer, **changes})
    before, after = scorer.score(customer), scorer.score(changed)
    differing = {name: value for name, value in changed.items() if value != customer[name]}
    return Alternative(differing, after, after.probability - before.probability)


def alternatives(scorer: Scorer, customer: Customer) -> list[Alternative]:
    """Return every single change that can be offered to `customer`, the largest drop of the risk first."""
    found = []
    for feature in FEATURES:
        value = customer[feature.name]
        others: list[Value] = []
        if isinstance(feature, Choice):
            others = [other for other in feature.values if other != value] if feature.actionable else []
        elif not isinstance(value, str):
            others = [round(value * (1 + share), 2) for share in feature.changes]
        found += [change(scorer, customer, {feature.name: other}) for other in others if other != value]
    return sorted(found, key=lambda each: each.difference)
