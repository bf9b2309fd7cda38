"""Some consecutive rows of a file, typed: what columns, scoring, writers and counters hand on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.records import Records, split
from model.errors import Problem
from model.schema import FEATURES, Categorical, Customer, Value

WORD_CODES: Final[dict[str, dict[Value, int]]] = {
    feature.name: {value: code for code, value in enumerate(feature.values)}
    for feature in FEATURES
    if isinstance(feature, Categorical)
}
"""The code of each word, by feature."""

Array = NDArray[Any]


@dataclass
class Block:
    """Some consecutive rows of a file.

    Attributes
    ----------
    first_row : int
        Number of the first row; rows count from 1.
    rows : int
        Good and bad ones.
    ids : pyarrow.StringArray of length rows
        customerID as `model.text.clean_id` returns it; "" where absent.
    columns : dict of str to ndarray of shape (rows,)
        int8 codes into `Categorical.values`, float64 for numbers; fillers in bad rows.
    good : ndarray of shape (rows,), bool
    problems : dict of int to tuple of Problem
        By index in the block, in file order, one entry for each bad row. Rows that are wrong in the same way share
        their problems, which name neither row nor customer; `located` does.
    identities : dict of int to str
        The customerID of each bad row, trimmed; "" where absent.
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
    """

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

    def cells(self, index: int) -> list[str]:
        """Return the cells of a row's record."""
        return split(self.source[int(self.record_indices[index])], self.source.delimiter)

    def located(self, index: int) -> tuple[Problem, ...]:
        """Return the problems of one bad row, with its number and its customerID."""
        row, identity = self.first_row + index, self.identities[index]
        return tuple([problem.at(row, identity) for problem in self.problems[index]])

    def parts(self, rows: int) -> "Iterator[Block]":
        """Yield the scored block as smaller ones of at most so many rows. Blank lines are counted in none of them."""
        if self.rows <= rows:
            yield self
            return
        for start in range(0, self.rows, rows):
            stop = min(start + rows, self.rows)
            bad = [index for index in range(start, stop) if index in self.problems]
            yield Block(
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
            )

    def customer(self, index: int) -> Customer:
        """Return one good row as `model.validate` returns it."""
        customer: Customer = {}
        for feature in FEATURES:
            value = self.columns[feature.name][index]
            if isinstance(feature, Categorical):
                customer[feature.name] = feature.values[int(value)]
            else:
                customer[feature.name] = int(value) if feature.whole else float(value)
        return customer
