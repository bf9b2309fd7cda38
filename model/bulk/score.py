"""Typed columns to log-odds and probabilities, bit for bit those of one customer alone.

The terms are added in schema order with the same operations as `model.scorecard`, and exp comes from the same C
library: numpy's own differs from it in the last bit of every twentieth value on some processors.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy
from model.bulk.block import Block
from model.schema import BY_NAME, Categorical, Numeric
from model.scorecard import PROBABILITY_DECIMALS, LineTerm, Scorecard, Scorer, TableTerm, probability

STEPS: Final = 10**PROBABILITY_DECIMALS
"""A printed probability is a whole number of these steps."""

Floats = NDArray[np.float64]


class BulkScorer:
    """One engine over columns.

    Parameters
    ----------
    scorer : Scorer
        A scorecard, or an engine with `log_odds_batch(columns)` and, if it is not additive, `contributions_batch`.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self._terms = [_tabulate(term) for term in scorer.terms] if isinstance(scorer, Scorecard) else []

    def score(self, block: Block) -> None:
        """Set log_odds and probability of every row of the block; those of bad rows have no meaning."""
        block.log_odds = self._log_odds(block.columns, block.rows)
        block.probability = probabilities(block.log_odds)

    def _log_odds(self, columns: Mapping[str, NDArray[Any]], rows: int) -> Floats:
        if not isinstance(self.scorer, Scorecard):
            batch: Floats = self.scorer.log_odds_batch(columns)  # type: ignore[attr-defined]
            return batch
        total = np.full(rows, self.scorer.intercept)
        for term in self._terms:
            total += _points(term, columns)
        return total

    def contributions(self, columns: Mapping[str, NDArray[Any]], rows: int) -> Floats:
        """Return what each feature adds to the baseline, for each row.

        Returns
        -------
        ndarray of shape (rows, 10), float64
            In schema order.
        """
        if not isinstance(self.scorer, Scorecard):
            batch: Floats = self.scorer.contributions_batch(columns)  # type: ignore[attr-defined]
            return batch
        parts = np.empty((rows, len(self._terms)))
        for index, term in enumerate(self._terms):
            parts[:, index] = _points(term, columns)
        return parts


def _points(term: "_Term", columns: Mapping[str, NDArray[Any]]) -> Floats:
    name, knots, points, slopes = term
    values = columns[name]
    if knots is None:
        return points.take(values.astype(np.intp, copy=False))
    knot = bins_of(values, knots[1:])
    return np.where(values < knots[0], points[0], points.take(knot) + slopes.take(knot) * (values - knots.take(knot)))


_Term = tuple[str, Floats | None, Floats, Floats]


def _tabulate(term: TableTerm | LineTerm) -> _Term:
    """Return the arrays of a term: points by code or by whole number, or else those of the line."""
    feature = BY_NAME[term.feature]
    if isinstance(term, LineTerm):
        line = term.feature, np.array(term.knots), np.array(term.points), np.array(term.slopes)
        if not (isinstance(feature, Numeric) and feature.whole and feature.minimum == 0):
            return line
        # 1,201 months: looking them up takes 9 us a block, the line 60.
        months = np.arange(feature.maximum + 1)
        return term.feature, None, _points(line, {term.feature: months}), np.zeros(0)
    assert isinstance(feature, Categorical)
    return term.feature, None, np.array([term.points[value] for value in feature.values]), np.zeros(0)


def bins_of(values: NDArray[Any], edges: Iterable[float]) -> NDArray[np.int16]:
    """Return how many of a few rising edges each value reaches, as np.searchsorted(edges, values, "right") does.

    One edge after the other for a whole block takes a fifth of the time of a search for each value.
    """
    bins = np.zeros(len(values), np.int16)
    for edge in edges:
        bins += values >= edge
    return bins


def probabilities(log_odds: Floats) -> Floats:
    """Return the logistic function of each element, as `model.scorecard.probability` gives it."""
    if len(log_odds) and log_odds.min() <= -700.0:
        return np.array([probability(value) for value in log_odds.tolist()])
    # pyarrow calls the C library's exp for each value, as math.exp does, in a tenth of the time.
    exponentials: Floats = pc.exp(from_numpy(-log_odds)).to_numpy()
    return 1.0 / (1.0 + exponentials)


def to_steps(probability: Floats) -> NDArray[np.int64]:
    """Return probabilities in steps of 0.0001, rounded as Python prints them at four decimals.

    Multiplying may round a value close to the middle of two steps to the wrong side; these few are printed.
    """
    scaled = probability * STEPS
    steps = np.rint(scaled).astype(np.int64)
    for index in np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6).tolist():
        steps[index] = int(f"{probability[index]:.{PROBABILITY_DECIMALS}f}".replace(".", ""))
    return steps


def to_tiers(probability: Floats, tiers: Mapping[str, float]) -> NDArray[np.int64]:
    """Return the index of each probability's tier, 0 for the highest."""
    indices = np.full(len(probability), len(tiers) - 1)
    for index, least in reversed(list(enumerate(tiers.values()))):
        indices[probability >= least] = index
    return indices
