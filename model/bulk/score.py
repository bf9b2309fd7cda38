"""Typed columns to log-odds and probabilities, bit for bit those of one customer alone.

The terms are added in schema order with the same operations as `model.scorecard`, and exp comes from the same C
library: numpy's own differs from it in the last bit of every twentieth value on some processors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy
from model.bulk.block import Block, has_few_values
from model.schema import Categorical, Feature, Numeric
from model.scorecard import PROBABILITY_DECIMALS, Scorecard, Scorer, probability
from model.terms import Axis, LineTerm, PairTerm, StepTerm, Term

STEPS: Final = 10**PROBABILITY_DECIMALS
"""A printed probability is a whole number of these steps."""

_FEW_EDGES: Final = 48
"""Edges that are compared one after the other; more are searched."""

Floats = NDArray[np.float64]
Points = Callable[[Mapping[str, NDArray[Any]]], Floats]
"""Returns the points of a term for each row of some columns."""


class BulkScorer:
    """One engine over columns.

    Parameters
    ----------
    scorer : Scorer
        A scorecard, or an engine with `log_odds_batch(columns)` and, if it is not additive, `contributions_batch`.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self._terms: list[Points] = []
        if isinstance(scorer, Scorecard):
            features = scorer.schema.by_name
            self._terms = [_compile(term, features[term.feature]) for term in scorer.terms]
            self._terms += [_compile_pair(pair) for pair in scorer.pairs]
        self._interval = None
        if scorer.interval is not None:
            # It imports the functions of this module.
            from model.bulk.interval import BulkInterval

            self._interval = BulkInterval(scorer.interval)

    def score(self, block: Block) -> None:
        """Set log_odds and probability of every row of the block; those of bad rows have no meaning.

        Where the scorer has its intervals loaded, probability_low and probability_high are set too, as printed.
        """
        block.log_odds = self._log_odds(block.columns, block.rows)
        block.probability = probabilities(block.log_odds)
        if self._interval:
            half_widths = self._interval.half_widths(block.columns, block.rows)
            block.probability_low = to_steps(probabilities(block.log_odds - half_widths)) / STEPS
            block.probability_high = to_steps(probabilities(block.log_odds + half_widths)) / STEPS

    def _log_odds(self, columns: Mapping[str, NDArray[Any]], rows: int) -> Floats:
        if not isinstance(self.scorer, Scorecard):
            batch: Floats = self.scorer.log_odds_batch(columns)  # type: ignore[attr-defined]
            return batch
        total = np.full(rows, self.scorer.intercept)
        for term in self._terms:
            total += term(columns)
        return total

    def contributions(self, columns: Mapping[str, NDArray[Any]], rows: int) -> Floats:
        """Return what each term adds to the baseline, for each row.

        Returns
        -------
        ndarray of shape (rows, n_terms), float64
            The features in schema order, then the pairs.
        """
        if not isinstance(self.scorer, Scorecard):
            batch: Floats = self.scorer.contributions_batch(columns)  # type: ignore[attr-defined]
            return batch
        parts = np.empty((rows, len(self._terms)))
        for index, term in enumerate(self._terms):
            parts[:, index] = term(columns)
        return parts


def _compile(term: Term, feature: Feature) -> Points:
    """Return what computes the points of one feature."""
    name = term.feature
    if isinstance(feature, Categorical):
        by_code = np.array([term(level) for level in feature.levels])
        return lambda columns: by_code.take(columns[name].astype(np.intp, copy=False))
    assert isinstance(term, LineTerm | StepTerm)
    of_numbers = _compile_line(term) if isinstance(term, LineTerm) else _compile_steps(term)
    if has_few_values(feature):
        return _tabulate(of_numbers, term.missing, feature)
    if not feature.accepts_missing:
        return lambda columns: of_numbers(columns[name])

    def of_columns(columns: Mapping[str, Floats]) -> Floats:
        values = columns[name]
        points: Floats = np.where(np.isnan(values), term.missing, of_numbers(values))
        return points

    return of_columns


def _compile_line(term: LineTerm) -> Callable[[Floats], Floats]:
    knots, points, slopes = np.array(term.knots), np.array(term.points), np.array(term.slopes)

    def of_numbers(values: Floats) -> Floats:
        knot = bins_of(values, term.knots[1:])
        inside = points.take(knot) + slopes.take(knot) * (values - knots.take(knot))
        curve: Floats = np.where(values < knots[0], points[0], inside)
        return curve

    return of_numbers


def _compile_steps(term: StepTerm) -> Callable[[Floats], Floats]:
    edges, points = list(term.edges), np.array(term.points, np.float64)
    return lambda values: points.take(bins_of(values, edges))


def _tabulate(of_numbers: Callable[[Floats], Floats], missing: float, feature: Numeric) -> Points:
    """Return what looks the points up: of 1,201 numbers it takes 9 us a block, the line 60."""
    name, minimum = feature.name, feature.minimum
    table = np.append(of_numbers(np.arange(minimum, feature.maximum + 1)), missing)

    def of_columns(columns: Mapping[str, NDArray[Any]]) -> Floats:
        indices = columns[name] - minimum if minimum else columns[name]
        if feature.accepts_missing:
            indices = np.where(np.isnan(indices), len(table) - 1, indices)
        return table.take(indices.astype(np.intp))

    return of_columns


def _compile_pair(pair: PairTerm) -> Points:
    first, second = pair.axes
    points = np.array(pair.points, np.float64)

    def of_columns(columns: Mapping[str, NDArray[Any]]) -> Floats:
        of_rows: Floats = points[lines_of(first, columns), lines_of(second, columns)]
        return of_rows

    return of_columns


def lines_of(axis: Axis, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.intp]:
    """Return the line of the grid for each row."""
    values = columns[axis.feature.name]
    if isinstance(axis.feature, Categorical):
        return values.astype(np.intp, copy=False)
    lines = bins_of(values, axis.edges).astype(np.intp, copy=False)
    if axis.feature.accepts_missing:
        lines[np.isnan(values)] = len(axis.edges) + 1
    return lines


def bins_of(values: NDArray[Any], edges: Sequence[float]) -> NDArray[np.signedinteger[Any]]:
    """Return how many rising edges each value reaches, as np.searchsorted(edges, values, "right") does; 0 for NaN.

    A few edges one after the other for a whole block take a fifth of the time of a search for each value.
    """
    if len(edges) > _FEW_EDGES:
        reached = np.searchsorted(edges, values, side="right")
        reached[np.isnan(values)] = 0
        return reached
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
