"""The training data in numbers, to compare a batch with: population.json, a few kilobytes.

    {"customers": 7043, "churn_rate": 0.265, "mean_probability": 0.265,
     "features": [{"feature": "Plan", "words": {word: share, ...}, "other": share, "missing": share},
                  {"feature": "Months", "edges": [2.0, ...], "shares": [0.10, ...], "missing": share}, ...],
     "probability": {"edges": [...], "shares": [...]},
     "segments": [{"feature": "Plan", "groups": [{"word", "share", "churn_rate", "mean_probability"}, ...]},
                  {"feature": "Months", "groups": [{"label": "0 to 12", "from": 0, "below": 13, ...}, ...]}]}

`other` and `missing` are there where the feature accepts them; segments have groups for them at their end. Edges are
the inner ones: bin i holds edges[i-1] <= value < edges[i], the first and last are open, so there is one share more than
there are edges (numpy: searchsorted(edges, value, side="right")). They are deciles, equal ones merged. A group's
`below` is null where it has no end. Probabilities are the final model's on its own training data, which is what the
population stability index of a later batch compares with; they do not measure how good the model is.
"""

import math
from typing import Any, Final

import numpy as np

from model.contents import MISSING
from model.schema import OTHER, Categorical, Feature, Numeric
from model.text import written
from model.training.data import LabelledData
from model.training.metrics import Floats, Ints, rounded

BINS: Final = 10
QUARTERS: Final = (0.25, 0.5, 0.75)

NOT_KNOWN: Final = "not known"
"""The label of the group without a number."""


def describe_population(probabilities: Floats, data: LabelledData) -> dict[str, Any]:
    """Return the content of population.json.

    Parameters
    ----------
    probabilities : ndarray of shape (n_customers,), float64
        By the final model.
    data : LabelledData
    """
    return {
        "customers": data.rows,
        "churn_rate": rounded(data.churners / data.rows),
        "mean_probability": rounded(_mean(probabilities)),
        "features": [_describe(feature, data.columns[feature.name]) for feature in data.schema.features],
        "probability": _bins(probabilities),
        "segments": [_segment(data.schema.by_name[name], probabilities, data) for name in data.schema.segments],
    }


def _describe(feature: Feature, column: Any) -> dict[str, Any]:
    rows = len(column)
    if isinstance(feature, Categorical):
        shares = [rounded(count / rows) for count in np.bincount(column, minlength=len(feature.levels)).tolist()]
        by_level = dict(zip(feature.levels, shares, strict=True))
        return {
            "feature": feature.name,
            "words": {str(word): by_level[word] for word in feature.values},
            **({"other": by_level[OTHER]} if feature.accepts_other else {}),
            **({"missing": by_level[None]} if feature.accepts_missing else {}),
        }
    known = column[~np.isnan(column)]
    missing = {"missing": rounded(1 - len(known) / rows)} if feature.accepts_missing else {}
    return {"feature": feature.name, **_bins(known, rows), **missing}


def _segment(feature: Feature, probabilities: Floats, data: LabelledData) -> dict[str, Any]:
    groups, index = groups_of(feature, data)
    described = [
        {**group, **_rates(index == number, data.labels, probabilities)} for number, group in enumerate(groups)
    ]
    return {"feature": feature.name, "groups": described}


def groups_of(feature: Feature, data: LabelledData) -> tuple[list[dict[str, Any]], Ints]:
    """Return the groups of customers by the words or numbers of a feature, and the index of each customer's group."""
    column = data.columns[feature.name]
    if isinstance(feature, Categorical):
        return [{"word": MISSING if level is None else str(level)} for level in feature.levels], column
    edges = edges_of(feature, column)
    bands: list[dict[str, Any]] = []
    for low, high in zip((_plain(feature.minimum), *edges), (*edges, None), strict=True):
        bands.append({"label": _label(feature, low, high), "from": low, "below": high})
    index = np.searchsorted(edges, column, side="right")
    if feature.accepts_missing:
        bands.append({"label": NOT_KNOWN})
        index[np.isnan(column)] = len(edges) + 1
    return bands, index


def edges_of(feature: Numeric, column: Floats) -> list[float]:
    """Return where groups begin, after the first: as the schema has it, or at the quartiles."""
    if feature.groups:
        return [_plain(edge) for edge in feature.groups]
    known = column[~np.isnan(column)]
    edges = [rounded(edge) for edge in np.quantile(known, QUARTERS, method="higher").tolist()] if len(known) else []
    return [_plain(edge) for edge in sorted(set(edges)) if edge > known.min()]


def _label(feature: Numeric, low: float, high: float | None) -> str:
    if high is None:
        return f"{written(low)} and more"
    if feature.whole:
        return f"{written(low)} to {written(high - 1)}" if high - 1 > low else written(low)
    return f"{written(low)} to below {written(high)}"


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _rates(is_member: Any, labels: Ints, probabilities: Floats) -> dict[str, Any]:
    count = int(is_member.sum())
    if not count:
        return {"share": 0.0, "churn_rate": None, "mean_probability": None}
    return {
        "share": rounded(count / len(labels)),
        "churn_rate": rounded(int(labels[is_member].sum()) / count),
        "mean_probability": rounded(_mean(probabilities[is_member])),
    }


def _mean(values: Floats) -> float:
    return math.fsum(values.tolist()) / len(values)


def _bins(values: Floats, rows: int | None = None) -> dict[str, list[float]]:
    """Return the deciles of values, and the share of `rows` (of the values, if None) in each bin."""
    ordered = np.sort(values).tolist()
    cuts = sorted({rounded(ordered[len(ordered) * part // BINS]) for part in range(1, BINS)})
    edges = [float(cut) for cut in cuts if cut > ordered[0]]
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return {"edges": edges, "shares": [rounded(count / (rows or len(values))) for count in counts.tolist()]}
