"""The 95 % intervals of many customers' probabilities, equal to those of model/interval.py to the last bit."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.score import Floats, bins_of, lines_of
from model.interval import Interval, starts_of
from model.schema import Categorical, Feature
from model.terms import LineTerm, PairTerm, StepTerm, Term

_ROWS_AT_ONCE: Final = 1024
"""Whose sums are in the processor's cache together; more take longer."""

Columns = Mapping[str, NDArray[Any]]
Indices = NDArray[np.intp]
Points = Callable[[Columns], list[tuple[Indices, Floats | None]]]
"""Returns the index of a point of the term for each row, and its weight where that is not 1; of a line, two of them."""


class BulkInterval:
    """The intervals of one model over columns.

    Parameters
    ----------
    interval : Interval
    """

    def __init__(self, interval: Interval) -> None:
        scorecard, features = interval.scorecard, interval.scorecard.schema.by_name
        self._unit = interval.unit
        self._columns = np.array(interval.columns, np.intp)
        self._deviations = np.array(interval.deviations, np.float64)
        points = [_compile(term, features[term.feature]) for term in scorecard.terms]
        points += [_compile_pair(pair) for pair in scorecard.pairs]
        self._points = list(zip(starts_of(scorecard), points, strict=False))

    def half_widths(self, columns: Columns, rows: int) -> Floats:
        """Return the half-width of each row's interval, in log-odds.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (rows,)
        rows : int

        Returns
        -------
        ndarray of shape (rows,), float64
        """
        parts = [
            (self._columns.take(start + indices), weights)
            for start, points in self._points
            for indices, weights in points(columns)
        ]
        squares = np.zeros(rows)
        for first in range(0, rows, _ROWS_AT_ONCE):
            some = slice(first, first + _ROWS_AT_ONCE)
            sums = np.repeat(self._deviations[:, self._columns[:1]], len(squares[some]), axis=1)
            for indices, weights in parts:
                own = self._deviations.take(indices[some], axis=1)
                sums += own if weights is None else own * weights[some]
            # One after the other, as for one customer: numpy's own sums add in another order.
            for deviation in sums:
                squares[some] += deviation * deviation
        widths: Floats = np.sqrt(squares) * self._unit
        return widths


def _compile(term: Term, feature: Feature) -> Points:
    name = term.feature
    if isinstance(feature, Categorical):
        return lambda columns: [(columns[name].astype(np.intp, copy=False), None)]
    assert isinstance(term, LineTerm | StepTerm)
    missing = len(term.points) if feature.accepts_missing else None
    if isinstance(term, StepTerm):
        edges = list(term.edges)
        return lambda columns: [(_or_missing(columns[name], bins_of(columns[name], edges), missing), None)]
    if len(term.knots) == 1:
        return lambda columns: [(_or_missing(columns[name], np.zeros(len(columns[name]), np.intp), missing), None)]
    knots = np.array(term.knots)

    def of_line(columns: Columns) -> list[tuple[Indices, Floats | None]]:
        values = columns[name]
        # Inner knots alone: values beyond the outer ones belong to the first and the last piece.
        below = bins_of(values, term.knots[1:-1]).astype(np.intp)
        left = knots.take(below)
        shares = ((values - left) / (knots.take(below + 1) - left)).clip(0.0, 1.0)
        if missing is None:
            return [(below, 1.0 - shares), (below + 1, shares)]
        shares = np.where(np.isnan(values), 0.0, shares)
        return [(_or_missing(values, below, missing), 1.0 - shares), (below + 1, shares)]

    return of_line


def _or_missing(values: NDArray[Any], indices: NDArray[Any], missing: int | None) -> Indices:
    """Return the indices with that of a missing value where there is none."""
    indices = indices.astype(np.intp, copy=False)
    return indices if missing is None else np.where(np.isnan(values), missing, indices)


def _compile_pair(pair: PairTerm) -> Points:
    first, second = pair.axes
    return lambda columns: [(lines_of(first, columns) * second.size + lines_of(second, columns), None)]
