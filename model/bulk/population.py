"""A batch compared with the training data: how far features and scores have moved, and segments.

The population stability index of a feature is the sum over its bins of (share now - share then) x ln(share now / share
then), with the bins of population.json (deciles of the training data, or words; other words and missing values where
they are accepted) and one of the rows that were rejected because of the feature. By convention, below 0.1 nothing much
has moved, and above 0.25 the model should be checked.

References
----------
N. Siddiqi, Credit Risk Scorecards, 2006, chapter 9 (system stability report).
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.artifact import read_json
from model.bulk.block import Block
from model.bulk.rejected import Rejected
from model.bulk.score import bins_of
from model.contents import MISSING, POPULATION
from model.outputs import PROBABILITY
from model.schema import OTHER, Categorical, Feature, Schema
from model.scorecard import PROBABILITY_DECIMALS, Scorer

LEAST_SHARE: Final = 0.0001
"""Replaces the share of an empty bin, whose logarithm has no value."""

LEAST_CUSTOMERS: Final = 500
"""Of a file whose drift is shown: in summaries, on the page, by churn drift and in logs. By chance alone an index of
ten bins is (10 - 1) / rows on average: 0.018 with 500, but 0.09 with 100, where every tenth file or so would look as if
something had moved."""

REJECTED: Final = "(rejected)"
"""The bin of rows whose value of a feature was not accepted, which the training data did not have."""

DEVIATIONS: Final = 4.0
LEAST_EXCESS: Final = 0.1
LEAST_UNUSUAL: Final = 10
"""How far the share of other or missing values must be above that of before to be stated: in standard deviations, of
which by chance one share in 30,000 is four above; as a share; and in customers."""

_ROUNDED: Final = 6
"""Decimals of shares and rates, as in population.json."""


def load(scorer: Scorer) -> dict[str, Any] | None:
    """Return the population that `scorer` was trained on, or None for a model without a folder."""
    if scorer.folder is None:
        return None
    return read_json(scorer.folder, POPULATION)[0]


def shares_of(described: Mapping[str, Any]) -> list[float]:
    """Return the share of each bin of a feature or of the probability, in the order of the codes of words."""
    bins = described["words"].values() if "words" in described else described["shares"]
    return [*bins, *[described[name] for name in ("other", "missing") if name in described]]


def population_stability_index(counts: NDArray[np.int64], shares: Sequence[float]) -> float | None:
    """Return the population stability index of a batch, None for one without customers.

    Of few customers it is mostly chance: see `LEAST_CUSTOMERS`.

    Parameters
    ----------
    counts : ndarray of shape (n_bins,), int64
        Customers of the batch by bin.
    shares : sequence of n_bins floats
        Of the training population.
    """
    total = int(counts.sum())
    if not total:
        return None
    index = 0.0
    for count, share in zip(counts.tolist(), shares, strict=True):
        now, before = max(count / total, LEAST_SHARE), max(share, LEAST_SHARE)
        index += (now - before) * math.log(now / before)
    return round(index, _ROUNDED)


class Comparison:
    """Counts a batch in the bins and segments of the training population.

    Parameters
    ----------
    population : dict
        The content of population.json.
    schema : Schema

    Attributes
    ----------
    rejected : Rejected
    """

    def __init__(self, population: Mapping[str, Any], schema: Schema) -> None:
        self._described = {feature["feature"]: feature for feature in population["features"]}
        self._customers = population["customers"]
        self._probability = population[PROBABILITY.name]
        self._features = [(schema.by_name[name], described.get("edges")) for name, described in self._described.items()]
        self._bins = {name: _zeros(described) for name, described in self._described.items()}
        self._score_bins = _zeros(self._probability)
        self._segments = [_Segment(group, schema.by_name[group["feature"]]) for group in population["segments"]]
        self.rejected = Rejected(schema)

    def add(self, block: Block) -> None:
        """Count the rows of one scored block."""
        # Where all are good nothing has to be copied.
        good = block.good if block.problems else slice(None)
        probability = block.probability[good]
        for feature, edges in self._features:
            bins = _bins(block.columns[feature.name][good], feature, edges)
            self._bins[feature.name] += np.bincount(bins, minlength=len(self._bins[feature.name]))
        bins = bins_of(probability, self._probability["edges"])
        self._score_bins += np.bincount(bins, minlength=len(self._score_bins))
        for segment in self._segments:
            segment.add(block.columns[segment.feature.name][good], probability)
        self.rejected.add(block)

    def state(self) -> dict[str, Any]:
        """Return the counts so far as plain JSON, for `merge`."""
        return {
            "bins": {name: counts.tolist() for name, counts in self._bins.items()},
            "score_bins": self._score_bins.tolist(),
            "segments": [[segment.customers.tolist(), segment.probability_sums.tolist()] for segment in self._segments],
            "rejected": self.rejected.state(),
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another part of the batch."""
        for name, counts in state["bins"].items():
            self._bins[name] += np.array(counts, np.int64)
        self._score_bins += np.array(state["score_bins"], np.int64)
        for segment, (customers, probability_sums) in zip(self._segments, state["segments"], strict=True):
            segment.customers += np.array(customers, np.int64)
            segment.probability_sums += np.array(probability_sums)
        self.rejected.merge(state["rejected"])

    def drift(self) -> dict[str, float | None]:
        """Return the population stability index of each feature and of the probability.

        All are None below `LEAST_CUSTOMERS`, good or rejected because of the feature.
        """
        indices: dict[str, float | None] = {}
        for name in (*self._bins, PROBABILITY.name):
            counts, shares = self._counts_and_shares(name)
            enough = counts.sum() >= LEAST_CUSTOMERS
            indices[name] = population_stability_index(counts, shares) if enough else None
        return indices

    def _counts_and_shares(self, name: str) -> tuple[NDArray[np.int64], list[float]]:
        """Return the customers now, and the share then, of each bin of a feature or of the probability."""
        described = self._described.get(name, self._probability)
        counts, shares = self._bins.get(name, self._score_bins), shares_of(described)
        # The training data had none, but another file that is the baseline may.
        rejected: float = described.get("rejected", 0.0)
        if self.rejected.rows[name] or rejected:
            shares = [*[share * (1 - rejected) for share in shares], rejected]
            counts = np.append(counts, self.rejected.rows[name])
        return counts, shares

    def bins(self, name: str) -> list[dict[str, Any]]:
        """Return the bins of a feature, or of the probability: group, and the share of customers then and now."""
        described: Mapping[str, Any] = self._described.get(name, self._probability)
        counts, shares = self._counts_and_shares(name)
        labels = list(described["words"]) if "words" in described else _labels_of(described["edges"])
        labels += [f"({key})" for key in ("other", "missing") if key in described]
        labels += [REJECTED] * (len(counts) - len(labels))
        total = int(counts.sum())
        return [
            {"group": label, "then": round(share, _ROUNDED), "now": round(count / total, _ROUNDED) if total else None}
            for label, share, count in zip(labels, shares, counts.tolist(), strict=True)
        ]

    def unusual(self) -> list[dict[str, Any]]:
        """Return where far more customers than then have a word that is not listed, or no value; of few customers too.

        Each has feature; group, (other) or (missing); and the shares then and now. The difference must be at least
        `LEAST_EXCESS`, `LEAST_UNUSUAL` customers, and `DEVIATIONS` of what chance gives for both numbers of customers.
        """
        unusual: list[dict[str, Any]] = []
        for name in self._bins:
            size = int(self._counts_and_shares(name)[0].sum())
            for bin_ in self.bins(name) if size and self._customers else []:
                then, now = bin_["then"], bin_["now"]
                likely = min(max(then, 1 / size), 0.5)
                by_chance = math.sqrt(likely * (1 - likely) * (1 / size + 1 / self._customers))
                least = max(LEAST_EXCESS, LEAST_UNUSUAL / size, DEVIATIONS * by_chance)
                if bin_["group"] in (OTHER, MISSING) and now - then >= least:
                    unusual.append({"feature": name, **bin_})
        return unusual

    def notes(self) -> list[str]:
        """Return notes on words that the model does not know, and on values that are missing."""
        return [*self.rejected.notes(), *[describe_unusual(entry, "the training data") for entry in self.unusual()]]

    def segments(self) -> list[dict[str, Any]]:
        """Return the groups of customers, with what the training data had in them."""
        return [segment.to_dict() for segment in self._segments]


def describe_unusual(entry: Mapping[str, Any], then: str) -> str:
    """Return an entry of `Comparison.unusual` as a sentence; `then` is what the customers are compared with."""
    what = "rare or new words" if entry["group"] == OTHER else "no value"
    return f"{entry['feature']} has {what} in {entry['now']:.1%} of the rows, {entry['then']:.1%} in {then}."


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


def _zeros(described: Mapping[str, Any]) -> NDArray[np.int64]:
    return np.zeros(len(shares_of(described)), np.int64)


def _bins(values: NDArray[Any], feature: Feature, edges: Sequence[float] | None) -> NDArray[Any]:
    """Return the bin of each value: the code of a word, or the number of edges that are reached; last, the missing."""
    if edges is None:
        return values
    bins = bins_of(values, edges)
    if feature.accepts_missing:
        bins[np.isnan(values)] = len(edges) + 1
    return bins


class _Segment:
    """One feature by which customers are grouped."""

    def __init__(self, described: Mapping[str, Any], feature: Feature) -> None:
        self.feature = feature
        self._groups = described["groups"]
        is_words = isinstance(feature, Categorical)
        self._edges = None if is_words else [group["from"] for group in self._groups[1:] if "from" in group]
        self.customers = np.zeros(len(self._groups), np.int64)
        self.probability_sums = np.zeros(len(self._groups))

    def add(self, values: NDArray[Any], probability: NDArray[np.float64]) -> None:
        bins = _bins(values, self.feature, self._edges)
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
        return {"feature": self.feature.name, "groups": groups}
