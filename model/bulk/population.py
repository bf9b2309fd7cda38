"""A batch compared with the training data: how far features and scores have moved, and segments.

The population stability index of a feature is the sum over its bins of (share now - share then) x ln(share now / share
then), with the bins of population.json (deciles of the training data, or words). By convention, below 0.1 nothing
much has moved, and above 0.25 the model should be checked.

References
----------
N. Siddiqi, Credit Risk Scorecards, 2006, chapter 9 (system stability report).
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.artifact import read_json
from model.bulk.block import Block
from model.bulk.score import bins_of
from model.contents import POPULATION
from model.outputs import PROBABILITY
from model.schema import BY_NAME, Categorical
from model.scorecard import PROBABILITY_DECIMALS, Scorer

LEAST_SHARE: Final = 0.0001
"""Replaces the share of an empty bin, whose logarithm has no value."""

LEAST_CUSTOMERS: Final = 500
"""Of a file whose drift is shown: in summaries, on the page, by churn drift and in logs. By chance alone an index of
ten bins is (10 - 1) / rows on average: 0.018 with 500, but 0.09 with 100, where every tenth file or so would look as if
something had moved."""

_ROUNDED: Final = 6
"""Decimals of shares and rates, as in population.json."""


def load(scorer: Scorer) -> dict[str, Any] | None:
    """Return the population that `scorer` was trained on, or None for a model without a folder."""
    if scorer.folder is None:
        return None
    return read_json(scorer.folder, POPULATION)[0]


def population_stability_index(counts: NDArray[np.int64], shares: Mapping[str, float] | list[float]) -> float | None:
    """Return the population stability index of a batch, None for one without customers.

    Of few customers it is mostly chance: see `LEAST_CUSTOMERS`.

    Parameters
    ----------
    counts : ndarray of shape (n_bins,), int64
        Customers of the batch by bin.
    shares : mapping or list of n_bins floats
        Of the training population.
    """
    total = int(counts.sum())
    if not total:
        return None
    then = list(shares.values()) if isinstance(shares, Mapping) else shares
    index = 0.0
    for count, share in zip(counts.tolist(), then, strict=True):
        now, before = max(count / total, LEAST_SHARE), max(share, LEAST_SHARE)
        index += (now - before) * math.log(now / before)
    return round(index, _ROUNDED)


class Comparison:
    """Counts a batch in the bins and segments of the training population.

    Parameters
    ----------
    population : dict
        The content of population.json.
    """

    def __init__(self, population: Mapping[str, Any]) -> None:
        self._population = population
        self._features = [(feature["feature"], feature) for feature in population["features"]]
        self._bins = {name: np.zeros(_n_bins(feature), np.int64) for name, feature in self._features}
        self._score_bins = np.zeros(len(population[PROBABILITY.name]["shares"]), np.int64)
        self._segments = [_Segment(feature) for feature in population["segments"]]

    def add(self, block: Block) -> None:
        """Count the good rows of one scored block."""
        # Where all are good nothing has to be copied.
        good = block.good if block.problems else slice(None)
        probability = block.probability[good]
        for name, described in self._features:
            values = block.columns[name][good]
            bins = bins_of(values, described["edges"]) if "edges" in described else values
            self._bins[name] += np.bincount(bins, minlength=len(self._bins[name]))
        bins = bins_of(probability, self._population[PROBABILITY.name]["edges"])
        self._score_bins += np.bincount(bins, minlength=len(self._score_bins))
        for segment in self._segments:
            segment.add(block.columns[segment.feature][good], probability)

    def state(self) -> dict[str, Any]:
        """Return the counts so far as plain JSON, for `merge`."""
        return {
            "bins": {name: counts.tolist() for name, counts in self._bins.items()},
            "score_bins": self._score_bins.tolist(),
            "segments": [[segment.customers.tolist(), segment.probability_sums.tolist()] for segment in self._segments],
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another part of the batch."""
        for name, counts in state["bins"].items():
            self._bins[name] += np.array(counts, np.int64)
        self._score_bins += np.array(state["score_bins"], np.int64)
        for segment, (customers, probability_sums) in zip(self._segments, state["segments"], strict=True):
            segment.customers += np.array(customers, np.int64)
            segment.probability_sums += np.array(probability_sums)

    def drift(self) -> dict[str, float | None]:
        """Return the population stability index of each feature and of the probability.

        All are None below `LEAST_CUSTOMERS` good rows.
        """
        if self._score_bins.sum() < LEAST_CUSTOMERS:
            return {**dict.fromkeys(self._bins), PROBABILITY.name: None}
        indices: dict[str, float | None] = {
            name: population_stability_index(self._bins[name], described.get("words") or described["shares"])
            for name, described in self._features
        }
        return {
            **indices,
            PROBABILITY.name: population_stability_index(
                self._score_bins, self._population[PROBABILITY.name]["shares"]
            ),
        }

    def bins(self, name: str) -> list[dict[str, Any]]:
        """Return the bins of a feature, or of the probability: group, and the share of customers then and now."""
        described: Mapping[str, Any] = dict(self._features).get(name, self._population[PROBABILITY.name])
        counts = self._bins.get(name, self._score_bins)
        total = int(counts.sum())
        words = described.get("words")
        labels = list(words) if words else _labels_of(described["edges"])
        then = list(words.values()) if words else described["shares"]
        return [
            {"group": label, "then": round(share, _ROUNDED), "now": round(count / total, _ROUNDED) if total else None}
            for label, share, count in zip(labels, then, counts.tolist(), strict=True)
        ]

    def segments(self) -> list[dict[str, Any]]:
        """Return the segments of the batch, each compared with the same one of the training population."""
        return [segment.to_dict() for segment in self._segments]


def largest_drift(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the drift of a file for its log entry: the score's index, and the largest with its feature.

    {} for a file with fewer than `LEAST_CUSTOMERS` good rows, or a model without a folder.
    """
    drift: dict[str, float] = summary["drift"]
    if not drift or summary["rows_scored"] < LEAST_CUSTOMERS:
        return {}
    feature = max(drift, key=lambda name: drift[name])
    return {"score_psi": drift[PROBABILITY.name], "drift_max": drift[feature], "drift_feature": feature}


def _labels_of(edges: list[float]) -> list[str]:
    if not edges:
        return ["all"]
    between = [f"{low:,.6g} to {high:,.6g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:,.6g}", *between, f"{edges[-1]:,.6g} and more"]


class _Segment:
    """One feature by which customers are grouped."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.feature: str = described["feature"]
        self._groups = described["groups"]
        self._edges = [group["from"] for group in self._groups[1:]] if "from" in self._groups[0] else None
        self.customers = np.zeros(len(self._groups), np.int64)
        self.probability_sums = np.zeros(len(self._groups))

    def add(self, values: NDArray[Any], probability: NDArray[np.float64]) -> None:
        bins = values if self._edges is None else bins_of(values, self._edges)
        self.customers += np.bincount(bins, minlength=len(self._groups))
        self.probability_sums += np.bincount(bins, weights=probability, minlength=len(self._groups))

    def to_dict(self) -> dict[str, Any]:
        total = int(self.customers.sum())
        groups = []
        for group, customers, probability_sums in zip(
            self._groups, self.customers.tolist(), self.probability_sums.tolist(), strict=True
        ):
            groups.append(
                {
                    "group": str(group.get("label", group.get("word"))),
                    "customers": customers,
                    "share": round(customers / total, _ROUNDED) if total else None,
                    "mean_probability": round(probability_sums / customers, PROBABILITY_DECIMALS)
                    if customers
                    else None,
                    "training": {key: group[key] for key in ("share", "churn_rate", "mean_probability")},
                }
            )
        return {"feature": self.feature, "groups": groups}


def _n_bins(described: Mapping[str, Any]) -> int:
    feature = BY_NAME[described["feature"]]
    return len(feature.values) if isinstance(feature, Categorical) else len(described["shares"])
