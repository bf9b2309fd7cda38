"""Some consecutive rows of a file, typed: what columns, scoring, writers and counters hand on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.records import Records, split
from model.errors import Problem
from model.schema import Categorical, Customer, Feature, Schema, Value

FEW_NUMBERS: Final = 10_000
"""Whole numbers between minimum and maximum that are read by their spellings, and scored by a table of points."""

Array = NDArray[Any]


def has_few_values(feature: Feature) -> bool:
    """Return whether a column is read by its distinct spellings: words, and whole numbers of which there are few."""
    return isinstance(feature, Categorical) or (feature.whole and feature.maximum - feature.minimum <= FEW_NUMBERS)


def column_type(feature: Feature) -> np.dtype[Any]:
    """Return the type of a feature's column: the smallest for the codes of words, float64 for numbers."""
    return np.min_scalar_type(-len(feature.levels)) if isinstance(feature, Categorical) else np.dtype(np.float64)


def filler(feature: Feature) -> float:
    """Return what a column has where there is no accepted value; any value that can be scored would do."""
    return 0 if isinstance(feature, Categorical) else feature.minimum


def are_equal(column: Array, feature: Feature, value: Value) -> NDArray[np.bool_]:
    """Return which elements of a column are a typed value."""
    if isinstance(feature, Categorical):
        equal: NDArray[np.bool_] = column == feature.codes[value]
    else:
        equal = np.isnan(column) if value is None else column == value
    return equal


def to_values(feature: Feature, column: Array) -> list[Value]:
    """Return the elements of a column as `model.validate` returns them."""
    if isinstance(feature, Categorical):
        return [feature.levels[code] for code in column.tolist()]
    if feature.accepts_missing:
        kind = int if feature.whole else float
        return [None if number != number else kind(number) for number in column.tolist()]
    return [int(number) for number in column.tolist()] if feature.whole else column.tolist()


@dataclass
class Block:
    """Some consecutive rows of a file.

    Attributes
    ----------
    schema : Schema
    first_row : int
        Number of the first row; rows count from 1.
    rows : int
        Good and bad ones.
    ids : pyarrow.StringArray of length rows
        As `model.text.clean_id` returns them; "" where absent.
    columns : dict of str to ndarray of shape (rows,)
        Codes of `Categorical.codes`, float64 for numbers, NaN where missing; fillers in bad rows.
    good : ndarray of shape (rows,), bool
    problems : dict of int to tuple of Problem
        By index in the block, in file order, one entry for each bad row. Rows that are wrong in the same way share
        their problems, which name neither row nor customer; `located` does.
    identities : dict of int to str
        The id of each bad row, trimmed; "" where absent.
    records : dict of int to str
        The record of each bad row, unchanged but for its line end.
    blank_lines : int
        Records that are no rows.
    source : Records
        All records of the block, blank ones included.
    record_indices : ndarray of shape (rows,), int64
        The index in `source` of each row's record.
    log_odds, probability : ndarray of shape (rows,), float64
        Set by the scoring step.
    probability_low, probability_high : ndarray of shape (rows,), float64
        Set too where intervals are asked for, at the decimals of the results; else of shape (0,).
    """

    schema: Schema
    first_row: int
    rows: int
    ids: Any
    columns: dict[str, Array]
    good: NDArray[np.bool_]
    problems: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    identities: dict[int, str] = field(default_factory=dict)
    records: dict[int, str] = field(default_factory=dict)
    blank_lines: int = 0
    source: Records = field(default_factory=lambda: Records(b"", ","))
    record_indices: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    log_odds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probability: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probability_low: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probability_high: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def cells(self, index: int) -> list[str]:
        """Return the cells of a row's record."""
        return split(self.source[int(self.record_indices[index])], self.source.delimiter)

    def located(self, index: int) -> tuple[Problem, ...]:
        """Return the problems of one bad row, with its number and its id."""
        row, identity = self.first_row + index, self.identities[index]
        return tuple([problem.at(row, identity, self.schema.id) for problem in self.problems[index]])

    def parts(self, rows: int) -> "Iterator[Block]":
        """Yield the scored block as smaller ones of at most so many rows. Blank lines are counted in none of them."""
        if self.rows <= rows:
            yield self
            return
        for start in range(0, self.rows, rows):
            stop = min(start + rows, self.rows)
            bad = [index for index in range(start, stop) if index in self.problems]
            yield Block(
                self.schema,
                self.first_row + start,
                stop - start,
                self.ids.slice(start, stop - start),
                {name: column[start:stop] for name, column in self.columns.items()},
                self.good[start:stop],
                {index - start: self.problems[index] for index in bad},
                {index - start: self.identities[index] for index in bad},
                {index - start: self.records[index] for index in bad},
                source=self.source,
                record_indices=self.record_indices[start:stop],
                log_odds=self.log_odds[start:stop],
                probability=self.probability[start:stop],
                probability_low=self.probability_low[start:stop],
                probability_high=self.probability_high[start:stop],
            )

    def customer(self, index: int) -> Customer:
        """Return one good row as `model.validate` returns it."""
        return {
            feature.name: to_values(feature, self.columns[feature.name][index : index + 1])[0]
            for feature in self.schema.features
        }
