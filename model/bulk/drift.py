"""Two lists of customers compared: how far features and scores have moved, and where most. For `churn drift`.

A list is described as population.json describes the training data, so that either may be the baseline.

References
----------
B. Yurdakul, Statistical Properties of Population Stability Index, Western Michigan University, 2018, section 3: without
any change the index is, on average, (bins - 1) x (1 / n + 1 / m).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.population import LEAST_CUSTOMERS, Comparison
from model.bulk.run import Run
from model.outputs import PROBABILITY
from model.schema import FEATURES, Categorical
from model.scorecard import PROBABILITY_DECIMALS

MOVED: Final = 0.1
CHANGED: Final = 0.25
"""By convention: below the first nothing much has moved; from the second on the model should be checked."""

BINS: Final = 10


def describe(run: Run) -> dict[str, Any]:
    """Return the good rows of a file as population.json describes them, without segments.

    The values are kept until the end: 35 bytes a row.
    """
    names = [feature.name for feature in FEATURES]
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in (*names, PROBABILITY.name)}
    for block in run:
        for name in names:
            kept[name].append(block.columns[name][block.good])
        kept[PROBABILITY.name].append(block.probability[block.good])
    columns = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in kept.items()}
    features: list[dict[str, Any]] = []
    for feature in FEATURES:
        values = columns[feature.name]
        if isinstance(feature, Categorical):
            counts = np.bincount(values.astype(np.int64), minlength=len(feature.values))
            shares = dict(zip(map(str, feature.values), _shares(counts), strict=True))
            features.append({"feature": feature.name, "words": shares})
        else:
            features.append({"feature": feature.name, **_bins(values)})
    probability = _bins(columns[PROBABILITY.name])
    return {"customers": run.rows_scored, "features": features, PROBABILITY.name: probability, "segments": []}


def compare(population: Mapping[str, Any], run: Run) -> list[dict[str, Any]]:
    """Return, for each feature and the probability, how far the customers of a file are from a population.

    Returns
    -------
    list of dict
        feature; psi; by_chance, which an unchanged population would show on average; verdict: steady, moved or
        changed; most: the bin that moved most, with its share then and now. psi and verdict are None where either side
        has fewer than `LEAST_CUSTOMERS`.
    """
    comparison = Comparison(population)
    for block in run:
        comparison.add(block)
    size, then = run.rows_scored, population["customers"]
    drifts = []
    for name, psi in comparison.drift().items():
        psi = psi if then >= LEAST_CUSTOMERS else None
        bins = comparison.bins(name)
        chance = (len(bins) - 1) * (1 / size + 1 / then) if size and then else None
        drifts.append(
            {
                "feature": name,
                "psi": psi,
                "by_chance": None if chance is None else round(chance, PROBABILITY_DECIMALS),
                "verdict": verdict(psi),
                "most": max(bins, key=lambda bin_: abs(bin_["now"] - bin_["then"])) if size else None,
            }
        )
    return drifts


def verdict(psi: float | None) -> str | None:
    """Return an index in a word."""
    if psi is None:
        return None
    return "steady" if psi < MOVED else "moved" if psi < CHANGED else "changed"


def _shares(counts: NDArray[np.int64]) -> list[float]:
    total = int(counts.sum())
    return [count / total if total else 0.0 for count in counts.tolist()]


def _bins(values: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return deciles as inner edges, equal ones merged, and the share of each bin, as training does."""
    if not len(values):
        return {"edges": [], "shares": [0.0]}
    ordered = np.sort(values)
    cuts = np.unique(ordered[[len(ordered) * part // BINS for part in range(1, BINS)]])
    edges = cuts[cuts > ordered[0]]
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return {"edges": edges.tolist(), "shares": _shares(counts)}
