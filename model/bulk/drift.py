"""Two lists of customers compared: how far features and scores have moved, and where most. For `churn drift`.

A list is described as population.json describes the training data, so that either may be the baseline.

References
----------
B. Yurdakul, Statistical Properties of Population Stability Index, Western Michigan University, 2018, section 3: without
any change the index is, on average, (bins - 1) x (1 / n + 1 / m).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Block
from model.bulk.population import LEAST_CUSTOMERS, REJECTED, Comparison
from model.bulk.rejected import Rejected
from model.bulk.run import Run
from model.outputs import PROBABILITY
from model.schema import Categorical, Feature
from model.scorecard import PROBABILITY_DECIMALS

MOVED: Final = 0.1
CHANGED: Final = 0.25
"""By convention: below the first nothing much has moved; from the second on the model should be checked."""

BINS: Final = 10


def describe(run: Run) -> dict[str, Any]:
    """Return the rows of a file as population.json describes the training data, without segments.

    `rejected` of a feature is the share of rows whose value of it was not accepted; the others are of the good rows.
    The values are kept until the end: 35 bytes a row.
    """
    schema = run.schema
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in (*schema.names, PROBABILITY.name)}
    rejected = Rejected(schema)
    for block in run:
        for name in schema.names:
            kept[name].append(block.columns[name][block.good])
        kept[PROBABILITY.name].append(block.probability[block.good])
        rejected.add(block)
    columns = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in kept.items()}
    features = []
    for feature in schema.features:
        described = {"feature": feature.name, **_describe(feature, columns[feature.name])}
        if rows := rejected.rows[feature.name]:
            described["rejected"] = rows / (rows + run.rows_scored)
        features.append(described)
    probability = _bins(columns[PROBABILITY.name])
    return {"customers": run.rows_scored, "features": features, PROBABILITY.name: probability, "segments": []}


def compare(
    population: Mapping[str, Any], run: Run, also: Callable[[Block], None] = lambda _block: None
) -> dict[str, Any]:
    """Return how far the customers of a file are from a population; `also` is called with each of its blocks.

    Returns
    -------
    dict
        `features`: for each feature and the probability, feature; psi; by_chance, which an unchanged population would
        show on average; verdict: steady, moved or changed; most: the bin that moved most, with its share then and now.
        psi and verdict are None where either side has fewer than `LEAST_CUSTOMERS`. `new_words`: `rows` that were
        rejected because of words that the model does not know, and those `words` by feature. `unusual`, if any:
        where many more customers have a word that is not listed, or no value; such a feature is never steady.
    """
    comparison = Comparison(population, run.schema)
    for block in run:
        comparison.add(block)
        also(block)
    size, then = run.rows_scored, population["customers"]
    drifts, unusual = [], comparison.unusual()
    for name, psi in comparison.drift().items():
        is_unusual = any(entry["feature"] == name for entry in unusual)
        psi = psi if then >= LEAST_CUSTOMERS else None
        bins = comparison.bins(name)
        # An unchanged population has none that is rejected.
        degrees = sum(bin_["group"] != REJECTED for bin_ in bins) - 1
        chance = degrees * (1 / size + 1 / then) if size and then else None
        has_any = bins[0]["now"] is not None
        drifts.append(
            {
                "feature": name,
                "psi": psi,
                "by_chance": None if chance is None else round(chance, PROBABILITY_DECIMALS),
                "verdict": "moved" if is_unusual and verdict(psi) == "steady" else verdict(psi),
                "most": max(bins, key=lambda bin_: abs(bin_["now"] - bin_["then"])) if has_any else None,
            }
        )
    return {
        "features": drifts,
        "new_words": comparison.rejected.new_words(),
        **({"unusual": unusual} if unusual else {}),
    }


def verdict(psi: float | None) -> str | None:
    """Return an index in a word."""
    if psi is None:
        return None
    return "steady" if psi < MOVED else "moved" if psi < CHANGED else "changed"


def _describe(feature: Feature, values: NDArray[Any]) -> dict[str, Any]:
    """Return the share of each word, or of each tenth; of all that are there, other and missing values included."""
    if isinstance(feature, Categorical):
        shares = _shares(np.bincount(values.astype(np.int64), minlength=len(feature.levels)))
        words = dict(zip(map(str, feature.values), shares, strict=False))
        rest = [*["other"] * feature.accepts_other, *["missing"] * feature.accepts_missing]
        return {"words": words, **dict(zip(rest, shares[len(words) :], strict=True))}
    if not feature.accepts_missing:
        return _bins(values)
    is_missing = np.isnan(values)
    missing = float(is_missing.mean()) if len(values) else 0.0
    bins = _bins(values[~is_missing])
    return {"edges": bins["edges"], "shares": [share * (1 - missing) for share in bins["shares"]], "missing": missing}


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
