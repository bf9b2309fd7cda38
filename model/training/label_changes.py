"""Which customers two versions label differently, and why: the features whose contributions changed the most."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.explain import terms_of
from model.schema import CHURN, NOT_CHURN, Customer
from model.scorecard import PROBABILITY_DECIMALS, Scorer
from model.training.data import LabelledData
from model.training.metrics import Floats, round_probabilities

MAX_CUSTOMERS: Final = 1000
MAX_TERMS: Final = 3
EVERYONE: Final = "everyone alike"
MIN_CHANGE: Final = 0.01
"""In log-odds. A feature that changed less is no reason: it changes a probability by less than a quarter of a point."""


def label_changes(
    data: Sequence[LabelledData], scorers: Sequence[Scorer], probabilities: Sequence[Floats]
) -> dict[str, Any]:
    """Return how many customers both, one or none label churn, and those whose label changes, the largest first.

    Parameters
    ----------
    data : two of LabelledData
        The same customers, as either schema has them.
    scorers : two of Scorer
    probabilities : two of ndarray of shape (n_customers,), float64
        Theirs.
    """
    before, after = (
        round_probabilities(y_prob) >= scorer.threshold for scorer, y_prob in zip(scorers, probabilities, strict=True)
    )
    changed = np.flatnonzero(before != after)
    order = changed[np.argsort(-np.abs(probabilities[1][changed] - probabilities[0][changed]), kind="stable")]
    return {
        "labels": {
            "both_churn": int((before & after).sum()),
            "neither": int((~before & ~after).sum()),
            "no_longer_churn": int((before & ~after).sum()),
            "newly_churn": int((~before & after).sum()),
        },
        "changed": [
            {
                "row": row + 1,
                **({data[0].schema.id_label: data[0].ids[row]} if data[0].ids else {}),
                "left": bool(data[0].labels[row]),
                "first": _prediction(bool(before[row]), probabilities[0][row]),
                "second": _prediction(bool(after[row]), probabilities[1][row]),
                "why": _reasons(
                    [own.customers[row] for own in data], scorers, [y_prob[row] for y_prob in probabilities]
                ),
            }
            for row in order[:MAX_CUSTOMERS].tolist()
        ],
    }


def _prediction(is_churn: bool, probability: float) -> dict[str, Any]:
    return {
        "prediction": CHURN if is_churn else NOT_CHURN,
        "probability": round(float(probability), PROBABILITY_DECIMALS),
    }


def _reasons(
    customers: Sequence[Customer], scorers: Sequence[Scorer], probabilities: Sequence[float]
) -> list[dict[str, Any]]:
    """Return what changed this customer's label, in log-odds; `threshold` where that alone would have done it."""
    first, second = scorers
    old, new = (round_probabilities(np.array(probability)) for probability in probabilities)
    is_churn = new >= second.threshold
    reasons: list[dict[str, Any]] = []
    if (old >= second.threshold) == is_churn:
        reasons.append({"threshold": [first.threshold, second.threshold]})
    sign = 1 if is_churn and not old >= first.threshold else -1
    before, after = (_terms(scorer, customer) for scorer, customer in zip(scorers, customers, strict=True))
    changes = {terms: after.get(terms, 0.0) - before.get(terms, 0.0) for terms in {**before, **after}}
    largest = sorted(changes.items(), key=lambda item: -sign * item[1])[:MAX_TERMS]
    known = {**customers[0], **customers[1]}
    return reasons + [
        {
            "feature": " and ".join(terms) or EVERYONE,
            **({"value": known[terms[0]]} if len(terms) == 1 else {}),
            "log_odds": round(change, 4),
        }
        for terms, change in largest
        if sign * change >= MIN_CHANGE
    ]


def _terms(scorer: Scorer, customer: Customer) -> dict[tuple[str, ...], float]:
    """Return the points of the baseline, under (), and of each term, under its features."""
    names = [tuple(feature.name for feature in features) for features in terms_of(scorer)]
    return {(): scorer.baseline, **dict(zip(names, scorer.contributions(customer), strict=True))}
