"""What would change the answer: the same customer with one feature different. Standard library only.

The terms describe who left, not what made them leave: an alternative compares two kinds of customers.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from model.schema import Categorical, Customer, Value
from model.scorecard import Score, Scorer
from model.validate import validate

MOST_WORDS: Final = 50
"""Of a feature, that are offered without having been asked for: they are scored, sent and read."""


class Alternative(NamedTuple):
    """One way in which a customer might differ.

    Attributes
    ----------
    changes : dict of str to str, int or float
        Typed values by feature name; only what differs from the customer as it is.
    score : Score
    difference : float
        Probability with the changes, less that without; below 0 is a lower risk.
    notes : list of str
        Which combinations of values it has that the training data does not hold.
    """

    changes: dict[str, Value]
    score: Score
    difference: float
    notes: list[str]


def apply_change(scorer: Scorer, customer: Customer, changes: Mapping[str, object]) -> Alternative:
    """Return the alternative in which `customer` has the raw values of `changes`.

    Raises
    ------
    CustomerError
        If a value is not accepted.
    """
    return apply_changes(scorer, customer, [changes])[0]


def apply_changes(scorer: Scorer, customer: Customer, wanted: Sequence[Mapping[str, object]]) -> list[Alternative]:
    """Return one alternative for each of several changes; all are scored at once, which an engine may do faster.

    Raises
    ------
    CustomerError
        If a value is not accepted.
    """
    changed = [validate({**customer, **changes}, scorer.schema.features) for changes in wanted]
    before, *after = scorer.score_all([customer, *changed])
    return [
        Alternative(
            {name: value for name, value in other.items() if value != customer[name]},
            score,
            score.probability - before.probability,
            scorer.plausibility.new_combinations(customer, other) if scorer.plausibility else [],
        )
        for other, score in zip(changed, after, strict=True)
    ]


def alternatives(scorer: Scorer, customer: Customer) -> list[Alternative]:
    """Return every single change that can be offered to `customer`, the largest drop of the risk first.

    A change into a word, or a combination of values, that the training data does not hold is left out; so are all but
    the `MOST_WORDS` most frequent words.
    """
    wanted: list[dict[str, object]] = []
    for feature in scorer.schema.features:
        if feature.is_protected:
            continue
        value = customer[feature.name]
        others: list[Value] = []
        if isinstance(feature, Categorical):
            others = _words(scorer, feature, value) if feature.actionable else []
        elif value is not None and not isinstance(value, str):
            changed = dict.fromkeys(feature.changed(value, share) for share in feature.changes)
            others = [other for other in changed if feature.minimum <= other <= feature.maximum]
        wanted += [{feature.name: other} for other in others if other != value]
    held = [alternative for alternative in apply_changes(scorer, customer, wanted) if not alternative.notes]
    return sorted(held, key=lambda alternative: alternative.difference)


def _words(scorer: Scorer, feature: Categorical, value: Value) -> list[Value]:
    """Return the words that may be offered in place of `value`, in the order of the schema."""
    frequent = scorer.frequent_words.get(feature.name, feature.values)
    return sorted([word for word in frequent if word != value][:MOST_WORDS], key=feature.codes.__getitem__)
