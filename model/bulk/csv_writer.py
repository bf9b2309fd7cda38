"""Scored blocks to predictions.csv and rejects.csv, as bytes; the same writer for every bulk entry point."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy, join_texts
from model.bulk.block import Block
from model.bulk.plausibility import notes_of
from model.bulk.reasons import Reasons
from model.bulk.records import quote, split
from model.bulk.score import STEPS, to_steps, to_tiers
from model.errors import Problem
from model.formulas import escape_formulas
from model.outputs import (
    ERROR,
    NOTES,
    PREDICTION,
    PROBABILITY,
    ROW,
    TIER,
    OutputOptions,
    computed_columns,
    reason_names,
)
from model.parse import resolve
from model.schema import CHURN, NOT_CHURN, TIERS
from model.scorecard import PROBABILITY_DECIMALS, Scorer

FORMAT: Final = 2
"""Raised by one when the bytes of an output change for the same input."""

ERRORS, RECORD = "errors", "record"

_LABELS: Final = (NOT_CHURN, CHURN)
_SPECIAL: Final = (b",", b'"', b"\r", b"\n")
_COMMA, _LINE_END, _NOTHING = pa.array([",", "\n", ""], pa.string())


def sentences(problems: Iterable[Problem]) -> str:
    """Return what is wrong with a row as the text of one cell."""
    return " ".join([problem.message for problem in problems])


def _error_cells(block: Block, to_cell: Callable[[str], str]) -> Iterator[tuple[int, tuple[Problem, ...], str]]:
    """Yield index, problems and error cell of each bad row; rows that share their problems share the cell."""
    cells: dict[int, str] = {}
    for index, problems in block.problems.items():
        cell = cells.get(id(problems))
        if cell is None:
            cell = cells[id(problems)] = to_cell(sentences(problems))
        yield index, problems, cell


class Predictions:
    """Writes predictions.csv: one line for each row of the input, in file order.

    Parameters
    ----------
    scorer : Scorer
        Gives the threshold, the tiers and the terms of the reasons.
    options : OutputOptions, optional
    names : sequence of str
        The header of the input; needed to include its columns.
    numbered : bool
        Whether the row's number is the first column.
    """

    def __init__(
        self, scorer: Scorer, options: OutputOptions | None = None, names: Sequence[str] = (), numbered: bool = True
    ) -> None:
        options = options or OutputOptions()
        self._numbered = numbered
        self._threshold = scorer.threshold
        self._tiers = scorer.tiers
        self._is_safe = options.spreadsheet_safe
        schema = scorer.schema
        self._computed = computed_columns(schema, options)
        self._has_ids = schema.id is not None
        self._reasons = Reasons(scorer, options.reasons) if options.reasons else None
        self._notes_scorer = scorer if options.notes else None
        self._width = len(names)
        # The id is among the first columns already, and a header with two could not be read again.
        known = resolve(names, schema)[0].get(schema.id) if options.include_input and schema.id else None
        self._included = [index for index in range(len(names)) if index != known] if options.include_input else []
        extra = [column.name for column in self._computed]
        extra += reason_names(options.reasons)
        extra += [NOTES.name] * options.notes
        extra += [names[index] for index in self._included]
        self._has_extra = bool(extra)
        standard = [column.name for column in (PREDICTION, PROBABILITY, TIER, ERROR)]
        columns = [*[ROW.name] * numbered, *([schema.id] if schema.id else []), *standard, *extra]
        self.header = (",".join(quote(self._safe(name)) for name in columns) + "\n").encode()

    def lines(self, block: Block) -> bytes:
        """Return the lines of one scored block."""
        if not block.rows:
            return b""
        verdicts = _verdicts().take(from_numpy(codes_of(block.probability, self._threshold, self._tiers)))
        ends = self._ends(block) if self._has_extra else _LINE_END
        numbers = np.arange(block.first_row, block.first_row + block.rows)
        front = [from_numpy(numbers).cast(pa.string())] if self._numbered else []
        ids = [self._ids(block.ids)] if self._has_ids else []
        lines = pc.binary_join_element_wise(*front, *ids, verdicts, ends, _COMMA)
        if block.problems:
            lines = self._replace_bad(lines, block, ends)
        return join_texts(lines)

    def _safe(self, text: str) -> str:
        return escape_formulas(text) if self._is_safe else text

    def _ids(self, ids: Any) -> Any:
        if self._is_safe:
            return pa.array([quote(escape_formulas(text)) for text in ids.to_pylist()], pa.string())
        content = join_texts(ids)
        if not any(special in content for special in _SPECIAL):
            return ids
        return pa.array([quote(text) for text in ids.to_pylist()], pa.string())

    def _ends(self, block: Block) -> Any:
        """Return the rest of each line after the standard columns, from its comma to its line end."""
        columns = [
            [
                "" if number != number else f"{number:.{column.decimals}f}"
                for number in column.compute(block.schema, block.columns, block).tolist()
            ]
            for column in self._computed
        ]
        if self._reasons:
            texts, _ = self._reasons.of(block, lambda part: quote(self._safe(part.sentence)))
            columns += texts.T.tolist()
        if self._notes_scorer:
            noted = notes_of(self._notes_scorer, block)
            columns.append([quote(self._safe(" ".join(noted.get(row, ())))) for row in range(block.rows)])
        for index in block.problems:
            for column in columns:
                column[index] = ""
        if self._included:
            columns.append([self._input(block, index) for index in range(block.rows)])
        return pa.array(["," + ",".join(cells) + "\n" for cells in zip(*columns, strict=True)], pa.string())

    def _input(self, block: Block, index: int) -> str:
        cells = block.cells(index)
        if len(cells) != self._width:
            return "," * (len(self._included) - 1)
        return ",".join([quote(self._safe(cells[position])) for position in self._included])

    def _replace_bad(self, lines: Any, block: Block, ends: Any) -> Any:
        """Return the lines with those of bad rows replaced by their errors."""
        bad = []
        for index, _, errors in _error_cells(block, lambda text: quote(self._safe(text))):
            identity = f"{quote(self._safe(block.identities[index]))}," if self._has_ids else ""
            end = ends[index].as_py() if self._has_extra else "\n"
            front = f"{block.first_row + index}," if self._numbered else ""
            bad.append(f"{front}{identity},,,{errors}{end}")
        order = np.arange(block.rows)
        order[~block.good] = block.rows + np.arange(len(bad))
        return pa.concat_arrays([lines, pa.array(bad, pa.string())]).take(from_numpy(order))


def codes_of(probability: NDArray[np.float64], threshold: float, tiers: Mapping[str, float]) -> NDArray[np.int64]:
    """Return the index among the texts of `combine` for each probability."""
    verdicts = (probability >= threshold) * len(TIERS) + to_tiers(probability, tiers)
    return to_steps(probability) + verdicts * (STEPS + 1)


def combine(template: str) -> Any:
    """Return the texts of `template` with every label, printed probability and tier, in the order of `codes_of`.

    There are 60,006; to format floats row by row costs as much as reading the file.
    """
    steps = pa.array([f"{step / STEPS:.{PROBABILITY_DECIMALS}f}" for step in range(STEPS + 1)], pa.string())
    around = [
        pa.array(template.format(label=label, probability="\0", tier=tier).split("\0"), pa.string())
        for label in _LABELS
        for tier in TIERS
    ]
    return pa.concat_arrays([pc.binary_join_element_wise(before, steps, after, _NOTHING) for before, after in around])


@cache
def _verdicts() -> Any:
    return combine("{label},{probability},{tier}")


class Rejects:
    """Writes rejects.csv: the bad rows in the input's own columns and separator, to be corrected and scored again.

    The first columns are the row's number and its errors; a record that has too many or too few fields is as a whole in
    the last column. Where the input is itself such a file, its own three columns are not repeated.

    Parameters
    ----------
    names : list of str
        The header of the input.
    delimiter : str
    spreadsheet_safe : bool
        As in `OutputOptions`; a cell that is sent again keeps its apostrophe.
    numbered : bool
        Whether the row's number is the first column.
    """

    def __init__(self, names: list[str], delimiter: str, spreadsheet_safe: bool = False, numbered: bool = True) -> None:
        self._is_safe = spreadsheet_safe
        self._numbered = numbered
        self._own = _own_columns(names)
        self._is_again = self._own != slice(None)
        self._delimiter = delimiter
        self._empty_record = delimiter * (len(names[self._own]) - 1)
        self.header = (self._join([*[ROW.name] * numbered, ERRORS, *names[self._own], RECORD]) + "\n").encode()

    def lines(self, block: Block) -> bytes:
        """Return the lines of one block; b"" where all its rows are good."""
        separator = self._delimiter
        lines = []
        for index, problems, errors in _error_cells(block, self._cell):
            record, whole = block.records[index], ""
            if problems[0].code == "field_count":
                record, whole = self._empty_record, self._cell(record)
            elif self._is_again or self._is_safe or '"' in record:
                cells = split(record.encode(), separator)
                record = self._join(cells[self._own])
                if self._is_again:  # a record with a wrong number of fields that nobody has corrected yet
                    whole = self._cell(cells[-1])
            front = f"{block.first_row + index}{separator}" if self._numbered else ""
            lines.append(f"{front}{errors}{separator}{record}{separator}{whole}\n")
        return "".join(lines).encode()

    def _join(self, cells: list[str]) -> str:
        return self._delimiter.join(self._cell(cell) for cell in cells)

    def _cell(self, text: str) -> str:
        return quote(escape_formulas(text) if self._is_safe else text, self._delimiter)


def _own_columns(names: list[str]) -> slice:
    """Return the input's own columns, if it is itself such a file: those between ours."""
    start = 2 if names[:2] == [ROW.name, ERRORS] else 1 if names[:1] == [ERRORS] else 0
    return slice(start, -1) if start and names[-1] == RECORD else slice(None)
