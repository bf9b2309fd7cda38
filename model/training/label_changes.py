"""Which customers two versions label differently, and why: the features whose contributions moved the most."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.schema import CHURN, NAMES, NOT_CHURN, Customer
from model.scorecard import PROBABILITY_DECIMALS, Scorer
from model.training.data import Labelled
from model.training.metrics import settle

MOST_LISTED: Final = 1000
MOST_TERMS: Final = 3
LEAST_TERM: Final = 0.01
"""In log-odds. A feature that moved less is no reason: it changes a probability by less than a quarter of a point."""


def changes(data: Labelled, scorers: Sequence[Scorer], probabilities: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return how many customers both, one or none label churn, and those whose label changes, the largest moves first.

    Parameters
    ----------
    data : Labelled
    scorers : two of Scorer
    probabilities : two of ndarray of shape (n_customers,), float64
        Theirs.
    """
    was, now = (
        settle(probability) >= scorer.threshold for scorer, probability in zip(scorers, probabilities, strict=True)
    )
    moved = np.flatnonzero(was != now)
    order = moved[np.argsort(-np.abs(probabilities[1][moved] - probabilities[0][moved]), kind="stable")]
    return {
        "labels": {
            "both_churn": int((was & now).sum()),
            "neither": int((~was & ~now).sum()),
            "no_longer_churn": int((was & ~now).sum()),
            "newly_churn": int((~was & now).sum()),
        },
        "changed": [
            {
                "row": int(place) + 1,
                **({"customerID": data.ids[place]} if data.ids else {}),
                "left": bool(data.labels[place]),
                "first": _verdict(bool(was[place]), probabilities[0][place]),
                "second": _verdict(bool(now[place]), probabilities[1][place]),
                "why": _why(data.customers[place], scorers, [each[place] for each in probabilities]),
            }
            for place in order[:MOST_LISTED].tolist()
        ],
    }


def _verdict(is_churn: bool, probability: float) -> dict[str, Any]:
    return {
        "prediction": CHURN if is_churn else NOT_CHURN,
        "probability": round(float(probability), PROBABILITY_DECIMALS),
    }


def _why(customer: Customer, scorers: Sequence[Scorer], probabilities: Sequence[float]) -> list[dict[str, Any]]:
    """Return what moved this customer the way it went, in log-odds; `threshold` where that alone would have done it."""
    first, second = scorers
    was, now = (
        settle(np.array(probability)) >= scorer.threshold
        for probability, scorer in zip(probabilities, scorers, strict=True)
    )
    reasons: list[dict[str, Any]] = []
    if (settle(np.array(probabilities[0])) >= second.threshold) == now:
        reasons.append({"threshold": [first.threshold, second.threshold]})
    sign = 1 if now and not was else -1
    moves = {"everyone alike": second.baseline - first.baseline}
    pairs = zip(NAMES, first.contributions(customer), second.contributions(customer), strict=True)
    moves |= {name: after - before for name, before, after in pairs}
    largest = sorted(moves.items(), key=lambda each: -sign * each[1])[:MOST_TERMS]
    return reasons + [
        {"feature": name, **({"value": customer[name]} if name in customer else {}), "log_odds": round(move, 4)}
        for name, move in largest
        if sign * move >= LEAST_TERM
    ]
