"""Which rows have numbers beyond the training data or against each other, as `model.explain.notes` states it for one.

Rows are found with numpy; the sentences are those of one customer.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.block import Block
from model.explain import notes
from model.plausibility import Relation
from model.scorecard import Scorer
from model.text import written

LEAST_SHARE: Final = 0.05
LEAST_ROWS: Final = 20
"""Of the rows of a file that must have the same note before the file has it. No number of the training data lies beyond
its own range, and less than 1 % of its rows are outside a relation: five times that, and so many, is no chance."""

FEWEST_ROWS: Final = 5
"""The same for a file so short that `LEAST_ROWS` is more than half of it."""

FACTORS: Final = (10, 12, 60, 100, 1000)
"""By which columns in another unit differ: cents, months and years, minutes and seconds, thousands."""

_NEAR: Final = 0.15
"""Decimal logarithm: a median within 41 % of a factor is taken for it. A file of one group of customers, such as those
with the dearest plan, has another median than the training data."""

_DECADES: Final = 12
_BINS_A_DECADE: Final = 20
_BINS: Final = 2 * _DECADES * _BINS_A_DECADE

Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]


def is_beyond(values: NDArray[np.float64], bounds: tuple[float, float]) -> Bools:
    """Return which numbers are beyond the training data; missing ones are not."""
    return (values < bounds[0]) | (values > bounds[1])


def is_contradicted(relation: Relation, columns: Mapping[str, NDArray[Any]]) -> Bools:
    """Return in which rows a relation does not hold; it holds where a number is missing."""
    numbers, product = columns[relation.feature], _product(relation, columns)
    too_low = numbers < relation.low * product - relation.rounding
    return too_low | (numbers > relation.high * product + relation.rounding)


def _product(relation: Relation, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    # From 1.0, as for one customer: the same operations in the same order.
    product = np.ones(len(columns[relation.feature]))
    for name in relation.factors:
        product *= columns[name]
    return product


def notes_of(scorer: Scorer, block: Block) -> dict[int, list[str]]:
    """Return the notes of each good row that has some, by its index in the block."""
    noted = np.zeros(block.rows, np.bool_)
    for name, bounds in scorer.ranges.items():
        noted |= is_beyond(block.columns[name], bounds)
    for relation in scorer.plausibility.relations if scorer.plausibility else ():
        noted |= is_contradicted(relation, block.columns)
    rows = np.flatnonzero(noted & block.good).tolist()
    return {row: notes(scorer, block.customer(row)) for row in rows}


class ImplausibleRows:
    """Counts, for the notes on a file, the rows that are beyond the training data or contradict themselves.

    Parameters
    ----------
    scorer : Scorer
        With `plausibility`; a model without it has no such notes on a file.
    population : dict
        The content of population.json.
    """

    def __init__(self, scorer: Scorer, population: Mapping[str, Any]) -> None:
        assert scorer.plausibility is not None
        self._ranges = scorer.ranges
        self._relations = scorer.plausibility.relations
        medians = {described["feature"]: _median(described) for described in population["features"]}
        self._middles = [medians[name] for name in self._ranges]
        self._middles += [math.sqrt(relation.low * relation.high) for relation in self._relations]
        self._rows = np.zeros(len(self._middles), np.int64)
        # How many times the middle of the training data: logarithms.
        self._sizes = np.zeros((len(self._middles), _BINS), np.int64)

    def add(self, block: Block) -> None:
        """Count the good rows of one block."""
        good = block.good if block.problems else slice(None)
        for index, (name, bounds) in enumerate(self._ranges.items()):
            values = block.columns[name][good]
            # Two passes without a copy, for the usual block in which nothing is beyond.
            if not len(values) or (np.fmin.reduce(values) >= bounds[0] and np.fmax.reduce(values) <= bounds[1]):
                continue
            rows = int(is_beyond(values, bounds).sum())
            self._rows[index] += rows
            # Of all rows, to compare with the median of all; of other blocks it would take time for nothing.
            if rows >= LEAST_SHARE * len(values):
                self._add_sizes(index, values)
        for index, relation in enumerate(self._relations, start=len(self._ranges)):
            columns = {name: block.columns[name][good] for name in (relation.feature, *relation.factors)}
            outside = np.flatnonzero(is_contradicted(relation, columns))
            self._rows[index] += len(outside)
            if len(outside):
                product = _product(relation, columns)[outside]
                self._add_sizes(index, columns[relation.feature][outside], product)

    def _add_sizes(self, index: int, values: NDArray[np.float64], product: NDArray[np.float64] | float = 1.0) -> None:
        middle = self._middles[index]
        is_known = (values > 0) & (product > 0)
        if middle > 0 and is_known.any():
            # Logarithms, since a quotient of floats may be 0 or infinite.
            sizes = np.log10(values, where=is_known, out=np.zeros(len(values)))
            sizes -= np.log10(product, where=is_known, out=np.zeros(len(values))) + math.log10(middle)
            bins = np.floor((sizes[is_known] + _DECADES) * _BINS_A_DECADE).clip(0, _BINS - 1)
            self._sizes[index] += np.bincount(bins.astype(np.intp), minlength=_BINS)

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON values, for `merge`."""
        return {"rows": self._rows.tolist(), "sizes": self._sizes.tolist()}

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another part."""
        self._rows += np.array(state["rows"], np.int64)
        self._sizes += np.array(state["sizes"], np.int64)

    def notes(self, rows: int, is_whole: bool = True) -> list[str]:
        """Return the notes on a file with so many good rows, or on the part of it that was read so far."""
        return list(self._notes(rows, is_whole))

    def _notes(self, rows: int, is_whole: bool) -> Iterator[str]:
        least = max(LEAST_SHARE * rows, min(LEAST_ROWS, rows / 2), FEWEST_ROWS)
        named = f"{rows:,} rows" if is_whole else f"the first {rows:,} rows"
        claims = [
            *[(_beyond(name, bounds), "") for name, bounds in self._ranges.items()],
            *[
                (f"{relation.feature} does not fit {relation.product}", _usual(relation))
                for relation in self._relations
            ],
        ]
        for index, (claim, usual) in enumerate(claims):
            count = int(self._rows[index])
            if count >= least:
                yield f"{claim} in {count:,} of {named}{usual}{_cause(self._sizes[index])}"


def _beyond(name: str, bounds: tuple[float, float]) -> str:
    return f"{name} is beyond the {written(bounds[0])} to {written(bounds[1])} of the training data"


def _usual(relation: Relation) -> str:
    return f" (in the training data it is {written(relation.low)} to {written(relation.high)} times that)"


def _median(described: Mapping[str, Any]) -> float:
    """Return about the median of a number of the training data, 0 where it is not known."""
    total = 0.0
    for edge, share in zip(described.get("edges", ()), described.get("shares", ()), strict=False):
        total += share
        if total >= 0.45:
            return float(edge)
    return 0.0


def _cause(sizes: Counts) -> str:
    """Return the end of a sentence: the likely cause, or a full stop where none is likely."""
    total = int(sizes.sum())
    if not total:
        return "."
    median = (int(np.searchsorted(np.cumsum(sizes), (total + 1) // 2)) + 0.5) / _BINS_A_DECADE - _DECADES
    factor = min(FACTORS, key=lambda factor: abs(math.log10(factor) - abs(median)))
    if abs(math.log10(factor) - abs(median)) > _NEAR:
        return "."
    return f", about {factor:,} times too {'large' if median > 0 else 'small'}: another unit?"
