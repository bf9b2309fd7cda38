"""Last step of the road: scored blocks to predictions.csv and rejects.csv, as bytes. One writer for every bulk door."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrays import octets_of, to_arrow, to_string, to_strings
from model.bulk.columns import Block
from model.bulk.reasons import Reasons
from model.bulk.records import quote, split
from model.bulk.score import STEPS, to_steps, to_tiers
from model.errors import Problem
from model.formulas import escape_formulas
from model.outputs import (
    ERROR,
    IDENTITY,
    PREDICTION,
    PROBABILITY,
    ROW,
    TIER,
    OutputOptions,
    computed_columns,
    reason_names,
)
from model.parse import resolve
from model.schema import CHURN, CUSTOMER_ID, NOT_CHURN, TIERS
from model.scorecard import PROBABILITY_DECIMALS, Scorer

FORMAT: Final = 2
"""Raised by one when the bytes of an output change for the same input."""

ERRORS, RECORD = "errors", "record"

_LABELS: Final = (NOT_CHURN, CHURN)
_COMMA, _END_OF_LINE = to_string(","), to_string("\n")
_SPECIAL: Final = ',"\r\n'


def sentences(problems: Iterable[Problem]) -> str:
    """Return what is wrong with a row as the text of one cell."""
    return " ".join([each.message for each in problems])


def _error_cells(block: Block, to_cell: Callable[[str], str]) -> Iterator[tuple[int, tuple[Problem, ...], str]]:
    """Yield index, problems and the cell that names them, for each bad row; rows wrong alike share the cell."""
    cells: dict[int, str] = {}
    for index, problems in block.problems.items():
        cell = cells.get(id(problems))
        if cell is None:
            cell = cells[id(problems)] = to_cell(sentences(problems))
        yield index, problems, cell


class Predictions:
    """Writes predictions.csv: one line out for each row in, in file order.

    Parameters
    ----------
    scorer : Scorer
        Gives the threshold, the tiers and the terms behind the reasons.
    options : OutputOptions, optional
    names : sequence of str
        The header of the input; needed to include its columns.
    numbered : bool
        Whether a row's number stands in front.
    """

    def __init__(
        self, scorer: Scorer, options: OutputOptions | None = None, names: Sequence[str] = (), numbered: bool = True
    ) -> None:
        self._numbered = numbered
        self._threshold = scorer.threshold
        self._tiers = scorer.tiers
        self._options = options or OutputOptions()
        self._reasons = Reasons(scorer, self._options.reasons) if self._options.reasons else None
        # The customerID stands in front already, and a header with two could not be read again.
        known = resolve(names)[0].get(CUSTOMER_ID) if self._options.include_input else None
        self._kept = [place for place in range(len(names)) if place != known] if self._options.include_input else []
        self._width = len(names)
        self._computed = computed_columns(self._options)
        extra = [column.name for column in self._computed]
        extra += reason_names(self._options.reasons)
        extra += [names[place] for place in self._kept]
        self._has_extra = bool(extra)
        standard = [IDENTITY, PREDICTION, PROBABILITY, TIER, ERROR]
        columns = [*[ROW.name] * numbered, *[column.name for column in standard], *extra]
        self.header = (",".join(quote(self._safe(name)) for name in columns) + "\n").encode()

    def lines(self, block: Block) -> bytes:
        """Return the lines of one scored block."""
        if not block.rows:
            return b""
        texts = _tails().take(to_arrow(codes_of(block.probability, self._threshold, self._tiers)))
        ends = self._ends(block) if self._has_extra else _END_OF_LINE
        numbers = np.arange(block.first_row, block.first_row + block.rows)
        front = [to_arrow(numbers).cast(pa.string())] if self._numbered else []
        lines = pc.binary_join_element_wise(*front, self._ids(block.ids), texts, ends, _COMMA)
        if block.problems:
            lines = self._with_errors(lines, block, ends)
        return octets_of(lines)

    def _safe(self, text: str) -> str:
        return escape_formulas(text) if self._options.spreadsheet_safe else text

    def _ids(self, ids: Any) -> Any:
        if self._options.spreadsheet_safe:
            return to_strings(quote(escape_formulas(each)) for each in ids.to_pylist())
        octets = octets_of(ids)
        if not any(special.encode() in octets for special in _SPECIAL):
            return ids
        return to_strings(quote(each) for each in ids.to_pylist())

    def _ends(self, block: Block) -> Any:
        """Return what stands behind the standard columns of each row, with the separator before and the line end."""
        columns = [
            [f"{number:.{column.decimals}f}" for number in column.compute(block.columns, block).tolist()]
            for column in self._computed
        ]
        if self._reasons:
            found = self._reasons.of(block)
            columns += [[quote(parts[place].sentence) for parts in found] for place in range(self._reasons.most)]
        for index in block.problems:
            for column in columns:
                column[index] = ""
        if self._kept:
            columns.append([self._input(block, index) for index in range(block.rows)])
        return to_strings("," + ",".join(cells) + "\n" for cells in zip(*columns, strict=True))

    def _input(self, block: Block, index: int) -> str:
        record = block.source[int(block.places[index])]
        cells = split(record, block.source.delimiter)
        if len(cells) != self._width:
            return "," * (len(self._kept) - 1)
        return ",".join([quote(self._safe(cells[place])) for place in self._kept])

    def _with_errors(self, lines: Any, block: Block, ends: Any) -> Any:
        """Return the lines with those of bad rows replaced."""
        bad = []
        for index, _, errors in _error_cells(block, lambda text: quote(self._safe(text))):
            identity = quote(self._safe(block.identities[index]))
            end = ends[index].as_py() if self._has_extra else "\n"
            front = f"{block.first_row + index}," if self._numbered else ""
            bad.append(f"{front}{identity},,,,{errors}{end}")
        order = np.arange(block.rows)
        order[~block.good] = block.rows + np.arange(len(bad))
        return pa.concat_arrays([lines, to_strings(bad)]).take(to_arrow(order))


def codes_of(chance: NDArray[np.float64], threshold: float, tiers: Mapping[str, float]) -> NDArray[np.int64]:
    """Return which of the texts of `combined` belongs to each probability."""
    verdicts = (chance >= threshold) * len(TIERS) + to_tiers(chance, tiers)
    return to_steps(chance) + verdicts * (STEPS + 1)


def combined(shape: str) -> list[str]:
    """Return `shape` with every label, printed probability and tier there can be, in the order of `codes_of`."""
    chances = [f"{step / STEPS:.{PROBABILITY_DECIMALS}f}" for step in range(STEPS + 1)]
    around = [shape.format(label=label, chance="\0", tier=tier).split("\0") for label in _LABELS for tier in TIERS]
    return [before + chance + after for before, after in around for chance in chances]


@cache
def _tails() -> Any:
    """Return every `prediction,probability,tier`: formatting floats costs as much as reading the file."""
    return to_strings(combined("{label},{chance},{tier}"))


class Rejects:
    """Writes rejects.csv: the bad rows in the input's own columns and separator, to be mended and dropped again.

    The row's number and its errors stand in front; a record that has too many or too few fields stands whole in the
    last column. Where the input is itself such a file, its own three columns are not repeated.

    Parameters
    ----------
    names : list of str
        The header of the input.
    delimiter : str
    spreadsheet_safe : bool
        As in `OutputOptions`; a cell that is sent again has the apostrophe in it.
    numbered : bool
        Whether a row's number stands in front.
    """

    def __init__(self, names: list[str], delimiter: str, spreadsheet_safe: bool = False, numbered: bool = True) -> None:
        self._is_safe = spreadsheet_safe
        self._numbered = numbered
        self._own = _own(names)
        self._is_again = self._own != slice(None)
        self._delimiter = delimiter
        self._nothing = delimiter * (len(names[self._own]) - 1)
        self.header = (self._join([*[ROW.name] * numbered, ERRORS, *names[self._own], RECORD]) + "\n").encode()

    def lines(self, block: Block) -> bytes:
        """Return the lines of one block; b"" where all its rows are good."""
        separator = self._delimiter
        lines = []
        for index, problems, errors in _error_cells(block, self._cell):
            record, whole = block.records[index], ""
            if problems[0].code == "field_count":
                record, whole = self._nothing, self._cell(record)
            elif self._is_again or self._is_safe or '"' in record:
                cells = split(record.encode(), separator)
                record = self._join(cells[self._own])
                if self._is_again:  # a ragged record that nobody has mended yet
                    whole = self._cell(cells[-1])
            front = f"{block.first_row + index}{separator}" if self._numbered else ""
            lines.append(f"{front}{errors}{separator}{record}{separator}{whole}\n")
        return "".join(lines).encode()

    def _join(self, cells: list[str]) -> str:
        return self._delimiter.join(self._cell(cell) for cell in cells)

    def _cell(self, text: str) -> str:
        return quote(escape_formulas(text) if self._is_safe else text, self._delimiter)


def _own(names: list[str]) -> slice:
    """Return which columns of the input are its own, where it is itself such a file: those between ours."""
    start = 2 if names[:2] == [ROW.name, ERRORS] else 1 if names[:1] == [ERRORS] else 0
    return slice(start, -1) if start and names[-1] == RECORD else slice(None)
