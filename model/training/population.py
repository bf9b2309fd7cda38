"""The training data in numbers, to compare a batch with: population.json, a few kilobytes, standard library.

    {"customers": 7043, "churn_rate": 0.265, "mean_probability": 0.265,
     "features": [{"feature": "Contract", "words": {word: share, ...}},
                  {"feature": "tenure", "edges": [2.0, ...], "shares": [0.10, ...]}, ...],
     "probability": {"edges": [...], "shares": [...]},
     "segments": [{"feature": "Contract", "groups": [{"word", "share", "churn_rate",
                   "mean_probability"}, ...]},
                  {"feature": "tenure", "groups": [{"label": "0 to 12", "from": 0, "below": 13, ...}, ...]}]}

Edges are the inner ones: bin i holds edges[i-1] <= value < edges[i], the first and last are open, so there is one share
more than there are edges (numpy: searchsorted(edges, value, side="right")). They are deciles, equal ones merged. A
group's `below` is null where it has no end. Probabilities are the final model's on its own training data, which is what
the population stability index of a later batch compares with; they do not measure how good the model is.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Final

from model.schema import BY_NAME, FEATURES, TENURE, Categorical, Customer, Word
from model.training.metrics import rounded

BINS: Final = 10
SEGMENTS: Final = ("Contract", "InternetService", TENURE)
TENURE_EDGES: Final = (13, 25, 49)
"""Months: the first year, the second, the two after it, and longer. The public data's churn falls from 47 to 10 %."""


def describe_population(
    probabilities: Sequence[float], customers: Sequence[Customer], labels: Sequence[int]
) -> dict[str, Any]:
    """Return the content of population.json.

    Parameters
    ----------
    probabilities : sequence of float, length n_customers
        By the final model.
    customers : sequence of Customer, length n_customers
    labels : sequence of int, length n_customers
        1 for churn.
    """
    features: list[dict[str, Any]] = []
    for feature in FEATURES:
        values = [customer[feature.name] for customer in customers]
        if isinstance(feature, Categorical):
            shares = {str(word): rounded(values.count(word) / len(values)) for word in feature.values}
            features.append({"feature": feature.name, "words": shares})
        else:
            features.append({"feature": feature.name, **_bins(values)})  # type: ignore[arg-type]
    return {
        "customers": len(customers),
        "churn_rate": rounded(sum(labels) / len(labels)),
        "mean_probability": rounded(math.fsum(probabilities) / len(probabilities)),
        "features": features,
        "probability": _bins(probabilities),
        "segments": [
            {
                "feature": name,
                "groups": [
                    {
                        **group,
                        **_rates(
                            [row for row, customer in enumerate(customers) if holds(customer)],
                            labels,
                            probabilities,
                        ),
                    }
                    for group, holds in groups(name)
                ],
            }
            for name in SEGMENTS
        ],
    }


def groups(name: str) -> list[tuple[dict[str, Any], Callable[[Customer], bool]]]:
    """Return the groups of customers by a word or by tenure band: how each is written, and the test of belonging."""
    feature = BY_NAME[name]
    if isinstance(feature, Categorical):
        return [({"word": str(word)}, _has(name, word)) for word in feature.values]
    bands = []
    for low, high in zip((0, *TENURE_EDGES), (*TENURE_EDGES, None), strict=True):
        label = f"{low} and more" if high is None else f"{low} to {high - 1}"
        bands.append(({"label": label, "from": low, "below": high}, _is_within(name, low, high or math.inf)))
    return bands


def _has(name: str, word: Word) -> Callable[[Customer], bool]:
    return lambda customer: customer[name] == word


def _is_within(name: str, low: float, high: float) -> Callable[[Customer], bool]:
    return lambda customer: low <= float(customer[name]) < high


def _rates(members: Sequence[int], labels: Sequence[int], probabilities: Sequence[float]) -> dict[str, Any]:
    if not members:
        return {"share": 0.0, "churn_rate": None, "mean_probability": None}
    return {
        "share": rounded(len(members) / len(labels)),
        "churn_rate": rounded(sum(labels[row] for row in members) / len(members)),
        "mean_probability": rounded(math.fsum(probabilities[row] for row in members) / len(members)),
    }


def _bins(values: Sequence[float]) -> dict[str, list[float]]:
    ordered = sorted(values)
    cuts = sorted({rounded(ordered[len(ordered) * part // BINS]) for part in range(1, BINS)})
    edges = [float(cut) for cut in cuts if cut > ordered[0]]
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return {"edges": edges, "shares": [rounded(count / len(values)) for count in counts]}
