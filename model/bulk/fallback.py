"""The rows that the columns could not read: `model.validate` decides about each field, as for a customer sent as JSON.

Each distinct cell, and each distinct set of wrong cells, is validated once: most bad rows of a file are wrong alike.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy
from model.bulk.block import WORD_CODES, Array, Block
from model.bulk.numbers import NUMERIC, comma_to_point
from model.bulk.records import Records, split
from model.bulk.records import is_blank as is_blank_record
from model.errors import CustomerError, Problem, problem
from model.schema import BY_NAME, CUSTOMER_ID, FEATURES, TENURE, Customer, Numeric, Value
from model.text import clean_id
from model.validate import NOTHING, is_blank, read_value, validate

BLANK_ID: Final = 1 << len(FEATURES)
ALL_FEATURES: Final = BLANK_ID - 1
"""Every feature is unread; the row may be blank."""

STRAY: Final = BLANK_ID << 1
"""The record had a byte that is not UTF-8."""

WRONG_FIELD_COUNT: Final = -1
"""A record with too many or too few fields."""

MAX_REMEMBERED_BYTES: Final = 400
"""Of a cell, or the cells of a row; longer ones are validated each time."""

CHECK_EVERY: Final = 64
"""Rows, or distinct spellings, that are validated between two checks of the CPU budget; each takes 2 to 60 us."""

_MAX_CELLS: Final = 4_096
"""Cells whose outcome is remembered. A power of two; with its problem a cell takes up to 1.5 KB."""

_MAX_ROWS: Final = 1_000
"""Rows whose outcome is remembered, likewise."""

_MAX_COMBINATIONS: Final = 2048
"""Combinations of unread features, and counts of fields, that are remembered: files choose them."""

_LATE_QUOTE: Final = (
    " A quote after a space does not open a cell, so a separator inside the quotes cuts it: remove the space after the "
    "separator."
)
_WHOLE_LINE: Final = (
    " The line is in quotes as a whole, so that it is one cell: remove the quotes at its start and end."
)

_BLANK_ID_PROBLEM: Final = problem("blank_id", field=CUSTOMER_ID)
_BLANK_WHEN_NEW: Final = {
    feature.name for feature in FEATURES if isinstance(feature, Numeric) and feature.blank_is_zero_when_new
}
_TENURE_BIT: Final = 1 << [feature.name for feature in FEATURES].index(TENURE)


@lru_cache(_MAX_COMBINATIONS)
def features_of(unread: int) -> tuple[str, ...]:
    """Return the features whose bits are set."""
    return tuple(feature.name for bit, feature in enumerate(FEATURES) if unread >> bit & 1)


def validate_cell(name: str, cell: str, tenure: Value | None) -> Value | Problem:
    """Return what `model.validate` makes of one field; the tenure is that of the same customer, if it is known."""
    if not is_blank(cell):
        # What `validate` does with it as well; its exception takes as long again.
        return read_value(BY_NAME[name], cell)
    known = NOTHING if tenure is None else {TENURE: tenure}
    try:
        return validate({name: cell}, [BY_NAME[name]], known)[name]
    except CustomerError as error:
        return error.problems[0]


@lru_cache(_MAX_COMBINATIONS)
def field_count(count: int, expected: int, advice: str = "") -> Problem:
    """Return the problem of a record with too many or too few fields."""
    return problem("field_count", fields=_fields(count), expected=_fields(expected), advice=advice)


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _quote_advice(cells: list[str], delimiter: str) -> str:
    """Return what to do about quotes that may be why a record has too many or too few fields, "" without any."""
    if len(cells) == 1 and delimiter in cells[0]:
        return _WHOLE_LINE
    is_late = any(cell[:1].isspace() and cell.lstrip()[:1] == '"' for cell in cells)
    return _LATE_QUOTE if is_late else ""


def is_not_a_customer(problems: Sequence[Problem]) -> bool:
    """Return whether nothing in a row is a customer's: a total, a footer, a row of other columns."""
    return problems[0].code == "field_count" or sum(problem.field in BY_NAME for problem in problems) == len(BY_NAME)


class PartialBlock:
    """The rows that pyarrow read, among all records of the block: some have a wrong number of fields, or are empty.

    Parameters
    ----------
    count : int
        Of all records.
    kept : ndarray of int64
        The indices of the records that were read.
    columns : dict of str to ndarray
        Of those.
    unread : ndarray of int32
        Of those: a bit for each feature that `model.validate` must decide about.
    ids : pyarrow.StringArray
        Of those.
    """

    def __init__(
        self, count: int, kept: NDArray[np.int64], columns: dict[str, Array], unread: NDArray[np.int32], ids: Any
    ) -> None:
        self.unread = np.full(count, WRONG_FIELD_COUNT, np.int32)
        self.unread[kept] = unread
        # The index of each record among the rows read; for the others that of the one before, as a filler.
        self._rows = np.maximum(np.cumsum(self.unread != WRONG_FIELD_COUNT) - 1, 0)
        self._columns = columns
        self._ids = ids

    def tenures(self, records: NDArray[np.int64]) -> list[int]:
        """Return the tenure of some records, which has a meaning only where it was read."""
        if not len(self._ids):
            return [0] * len(records)
        return self._columns[TENURE][self._rows[records]].astype(int).tolist()  # type: ignore[no-any-return]

    def columns_at(self, records: NDArray[np.int64], accepted: Mapping[int, Customer]) -> dict[str, Array]:
        """Return the columns of some records, with the values that were accepted after all."""
        if not len(self._ids):
            return {name: np.zeros(len(records), column.dtype) for name, column in self._columns.items()}
        rows = self._rows[records]
        columns = {name: column.take(rows) for name, column in self._columns.items()}
        for row, customer in accepted.items():
            for name, value in customer.items():
                codes = WORD_CODES.get(name)
                columns[name][row] = value if codes is None else codes[value]
        return columns

    def ids_at(self, records: NDArray[np.int64], others: list[str]) -> Any:
        """Return the ids of some records; `others` are those of the records with a wrong number of fields."""
        rows = self._rows[records]
        is_other = self.unread[records] == WRONG_FIELD_COUNT
        if not is_other.any():
            return self._ids if len(rows) == len(self._ids) else self._ids.take(from_numpy(rows))
        rows[is_other] = len(self._ids) + np.arange(len(others))
        return pa.concat_arrays([self._ids, pa.array(others, pa.string())]).take(from_numpy(rows))


class Fallback:
    """Validates the unread fields of one file.

    Parameters
    ----------
    width : int
        Fields of a record.
    positions : mapping of str to int
        The index of each column of the schema.
    id_required : bool
    has_commas : bool
        Whether the decimal mark may be a comma.
    check : callable
        Called every `CHECK_EVERY` rows; may raise an exception that ends the work.
    """

    def __init__(
        self,
        width: int,
        positions: Mapping[str, int],
        id_required: bool,
        has_commas: bool,
        check: Callable[[], object],
    ) -> None:
        self._width, self._positions, self._id_required = width, positions, id_required
        self._has_commas, self._check = has_commas, check
        self._id_position = positions.get(CUSTOMER_ID, width)
        self._validate_cell = lru_cache(_MAX_CELLS)(validate_cell)
        self._outcomes: dict[tuple[object, ...], Customer | tuple[Problem, ...]] = {}

    def complete(self, records: Records, first_row: int, partial: PartialBlock, strays: Mapping[int, str]) -> Block:
        """Return the block with its unread fields decided and its blank records left out."""
        is_row = ~records.are_empty()
        delimiter = records.delimiter
        problems: dict[int, tuple[Problem, ...]] = {}
        identities: dict[int, str] = {}
        texts: dict[int, str] = {}
        accepted: dict[int, Customer] = {}
        other_ids: list[str] = []
        indices = np.flatnonzero(is_row & (partial.unread != 0))
        # Empty lines are counted all at once: ten million of them are a small file.
        empty_above = np.cumsum(~is_row)[indices].tolist()
        tenures = partial.tenures(indices)
        blank_records = 0
        for number, (index, unread) in enumerate(zip(indices.tolist(), partial.unread[indices].tolist(), strict=True)):
            if not number % CHECK_EVERY:
                self._check()
            record = records[index]
            # A row of which a feature was read is not blank.
            if unread & ALL_FEATURES == ALL_FEATURES and is_blank_record(record, delimiter):
                is_row[index] = False
                blank_records += 1
                continue
            cells = split(record, delimiter)
            identity = clean_id(cells[self._id_position]) if self._id_position < len(cells) else ""
            if unread == WRONG_FIELD_COUNT:
                other_ids.append(identity)
            outcome = self._decide(cells, identity, unread, tenures[number], delimiter)
            if index in strays:
                others = () if isinstance(outcome, dict) else outcome
                outcome = (*others, problem("stray_byte", bytes=strays[index]))
            row = index - blank_records - empty_above[number]
            if isinstance(outcome, dict):
                accepted[row] = outcome
                continue
            problems[row] = outcome
            identities[row] = identity
            texts[row] = record.decode("utf-8").rstrip("\r\n")
        rows = np.flatnonzero(is_row)
        good = np.ones(len(rows), bool)
        good[list(problems)] = False
        return Block(
            first_row,
            len(rows),
            partial.ids_at(rows, other_ids),
            partial.columns_at(rows, accepted),
            good,
            problems,
            identities,
            texts,
            blank_lines=records.count - len(rows),
            source=records,
            record_indices=rows,
        )

    def _decide(
        self, cells: list[str], identity: str, unread: int, tenure: int, delimiter: str
    ) -> Customer | tuple[Problem, ...]:
        """Return the values of the unread fields, or all that is wrong with the row."""
        if len(cells) != self._width:
            return (field_count(len(cells), self._width, _quote_advice(cells, delimiter)),)
        names = features_of(unread)
        texts = tuple([cells[self._positions[name]] for name in names])
        # The tenure matters for another field only where that is blank.
        is_independent = unread & _TENURE_BIT or not any(name in _BLANK_WHEN_NEW for name in names)
        known = None if is_independent else tenure
        key = (unread, texts, known, self._id_required and not identity)
        outcome = self._outcomes.get(key)
        if outcome is None:
            outcome = self._validate(names, texts, known, self._id_required and not identity)
            if len(self._outcomes) < _MAX_ROWS and sum(map(len, texts)) <= MAX_REMEMBERED_BYTES:
                self._outcomes[key] = outcome
        return outcome

    def _validate(
        self, names: tuple[str, ...], cells: tuple[str, ...], tenure: Value | None, lacks_id: bool
    ) -> Customer | tuple[Problem, ...]:
        values: Customer = {}
        problems: list[Problem] = [_BLANK_ID_PROBLEM] if lacks_id else []
        for name, text in zip(names, cells, strict=True):
            cell = self.with_point(name, text)
            known = values.get(TENURE, tenure) if name in _BLANK_WHEN_NEW and is_blank(cell) else None
            remembered = self._validate_cell if len(cell) <= MAX_REMEMBERED_BYTES else validate_cell
            outcome = remembered(name, cell, known)
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                values[name] = outcome
        return tuple(problems) if problems else values

    def with_point(self, name: str, cell: str) -> str:
        """Return a cell with a point for the decimal comma, where the file may have one."""
        return comma_to_point(cell) if self._has_commas and BY_NAME.get(name) in NUMERIC else cell
