"""Records to typed columns and problems: parse and validate, for many customers at once.

The fast path accepts only what it is sure of: each distinct word is judged once, numbers are converted as whole
columns. Every row of which it is not sure goes through `model.validate`, as a customer sent as JSON does, so that a row
is accepted, or its errors named, by the same lines of code at every door.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from model.bulk.arrays import as_numpy, octets_of, offsets_of, to_arrow, to_strings, with_nulls, with_octets
from model.bulk.decimals import NUMERIC, Decimals, mark_to_dot
from model.bulk.records import Records, is_blank, split
from model.bulk.source import BOM
from model.errors import CustomerError, Problem, problem
from model.schema import BY_NAME, CUSTOMER_ID, FEATURES, Choice, Customer, Feature, Number, Value
from model.validate import LONGEST_NUMBER, read_number, read_value, validate

_NUMBER_BYTES: Final = np.zeros(256, bool)
_NUMBER_BYTES[list(b"0123456789+-.eE")] = True
_COMMA_TO_DOT: Final = bytes.maketrans(b",", b".")
_WORD_CODES: Final[dict[str, dict[Value, int]]] = {
    feature.name: {value: code for code, value in enumerate(feature.values)}
    for feature in FEATURES
    if isinstance(feature, Choice)
}
_UNSURE: Final = -1
_JUDGED_AT_MOST: Final = 10_000
"""Distinct spellings remembered for a feature; a file of noise must not fill the memory."""

Array = NDArray[Any]


@dataclass
class Block:
    """Some consecutive rows of a file, typed.

    Attributes
    ----------
    first_row : int
        Number of the first row; rows count from 1.
    rows : int
        Good and bad ones.
    ids : pyarrow.StringArray of length rows
        customerID, trimmed; "" where absent.
    columns : dict of str to ndarray of shape (rows,)
        int8 codes into `Choice.values`, float64 for numbers; fillers in bad rows.
    good : ndarray of shape (rows,), bool
    problems : dict of int to tuple of Problem
        By index in the block, in file order, one entry for each bad row.
    records : dict of int to str
        The record of each bad row as it came, without its line end.
    blank_lines : int
        Records that were no rows.
    source : Records
        All records of the block as they came, blank ones among them.
    places : ndarray of shape (rows,), int64
        Which of those records each row is.
    log_odds, probability : ndarray of shape (rows,), float64
        Set by the scoring step.
    """

    first_row: int
    rows: int
    ids: Any
    columns: dict[str, Array]
    good: NDArray[np.bool_]
    problems: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    records: dict[int, str] = field(default_factory=dict)
    blank_lines: int = 0
    source: Records = field(default_factory=lambda: Records(b"", ","))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    log_odds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probability: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def customer(self, index: int) -> Customer:
        """Return one good row as `model.validate` would have made it."""
        customer: Customer = {}
        for feature in FEATURES:
            value = self.columns[feature.name][index]
            if isinstance(feature, Choice):
                customer[feature.name] = feature.values[int(value)]
            else:
                customer[feature.name] = int(value) if feature.whole else float(value)
        return customer


class Columns:
    """Turns the records of one file into blocks.

    Parameters
    ----------
    header : list of str
    positions : mapping of str to int
        Where each of our columns stands in the header.
    delimiter : str
    id_required : bool
        Whether a blank customerID is a problem.
    """

    def __init__(self, header: list[str], positions: Mapping[str, int], delimiter: str, id_required: bool) -> None:
        self._width = len(header)
        self._positions = dict(positions)
        self._delimiter = delimiter
        self._id_required = id_required
        self._decimals = Decimals() if delimiter != "," else None
        self._judged: dict[str, dict[str, float]] = {feature.name: {} for feature in FEATURES}
        words = pa.dictionary(pa.int32(), pa.string())
        self._types = {
            str(position): words if _has_few_spellings(name) else pa.string() for name, position in positions.items()
        }

    def parse(self, records: Records, first_row: int) -> Block:
        """Return the rows of `records`, which are UTF-8.

        Raises
        ------
        InputError
            mixed_decimals.
        """
        table, kept = self._read(records)
        columns, sure = self._convert(table, kept, records, first_row)
        ids = self._ids(table)
        if self._id_required:
            sure &= as_numpy(pc.binary_length(ids), np.int32) > 0
        if len(kept) == records.count and sure.all():
            return Block(first_row, records.count, ids, columns, sure, source=records, places=kept)
        return self._settle(records, first_row, _Draft(records.count, kept, columns, sure, ids))

    def _read(self, records: Records) -> tuple[Any, NDArray[np.int64]]:
        """Return our columns as text, and which records they are: pyarrow leaves out ragged and empty ones."""
        data = records.data
        # pyarrow drops a byte order mark at the start of what it reads; here it belongs to the first cell.
        if data.startswith(BOM):
            data = BOM + data
        skipped = 0

        def skip(_: Any) -> str:
            nonlocal skipped
            skipped += 1
            return "skip"

        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(
                use_threads=False,
                block_size=len(data) + 1,
                column_names=[str(position) for position in range(self._width)],
            ),
            csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=skip),
            csv.ConvertOptions(
                check_utf8=False,
                strings_can_be_null=False,
                column_types=self._types,
                include_columns=list(self._types),
            ),
        )
        count = records.count
        if not skipped and table.num_rows == count:
            return table, np.arange(count)
        kept = np.flatnonzero(records.field_counts() == self._width)
        if len(kept) != table.num_rows:
            raise AssertionError(f"pyarrow read {table.num_rows} of the {len(kept)} records that have every field")
        return table, kept

    def _column(self, table: Any, name: str) -> Any:
        column = table.column(str(self._positions[name]))
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def _ids(self, table: Any) -> Any:
        if CUSTOMER_ID not in self._positions:
            return to_strings([""] * table.num_rows)
        ids = self._column(table, CUSTOMER_ID)
        octets = octets_of(ids)
        if not octets.isascii() or any(space in octets for space in b" \t\r\n\v\f\x1c\x1d\x1e\x1f"):
            ids = pc.utf8_trim_whitespace(ids)
        return ids

    def _convert(
        self, table: Any, kept: NDArray[np.int64], records: Records, first_row: int
    ) -> tuple[dict[str, Array], NDArray[np.bool_]]:
        """Return a typed column for each feature, and which rows are right beyond doubt."""
        columns: dict[str, Array] = {}
        texts = {feature.name: self._column(table, feature.name) for feature in FEATURES}
        if self._decimals is not None:
            self._decimals.check(texts, kept, records, first_row)
        sure = np.ones(table.num_rows, bool)
        for feature in FEATURES:
            text = texts[feature.name]
            if isinstance(feature, Choice) or feature.whole:
                judged = self._judge(feature, text.dictionary.to_pylist())
                column = judged.take(as_numpy(text.indices, np.int32))
                if _UNSURE in judged:
                    sure &= column != _UNSURE
            else:
                column, known = self._to_money(text, feature)
                sure &= known
            columns[feature.name] = column
        return columns, sure

    def _judge(self, feature: Feature, spellings: list[str]) -> Array:
        """Return the code or number of each distinct spelling, `_UNSURE` where `model.validate` has to be asked."""
        remembered = self._judged[feature.name]
        judged = np.empty(len(spellings), np.int8 if isinstance(feature, Choice) else np.float64)
        for index, spelling in enumerate(spellings):
            value = remembered.get(spelling)
            if value is None:
                value = self._judge_one(feature, spelling)
                if len(remembered) < _JUDGED_AT_MOST:
                    remembered[spelling] = value
            judged[index] = value
        return judged

    def _judge_one(self, feature: Feature, spelling: str) -> float:
        value = read_value(feature, self._mark_to_dot(feature.name, spelling))
        if isinstance(value, Problem):
            return _UNSURE
        return float(_WORD_CODES[feature.name][value] if isinstance(feature, Choice) else value)

    def _mark_to_dot(self, name: str, cell: str) -> str:
        return cell if self._decimals is None or BY_NAME.get(name) not in NUMERIC else mark_to_dot(cell)

    def _to_money(self, text: Any, feature: Number) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return a whole column of amounts, and which of them are beyond doubt."""
        octets = octets_of(text)
        if b" " in octets or b"\t" in octets:
            text = pc.ascii_trim_whitespace(text)
        if self._decimals is not None and b"," in octets:
            text = with_octets(text, octets_of(text).translate(_COMMA_TO_DOT))
        offsets = offsets_of(text)
        strange = np.zeros(len(text), bool)
        is_number_byte = _NUMBER_BYTES[np.frombuffer(octets_of(text), np.uint8)]
        at = np.flatnonzero(~is_number_byte) + offsets[0] if len(text) else np.zeros(0, int)
        strange[np.searchsorted(offsets, at, side="right") - 1] = True
        lengths = np.diff(offsets)
        strange |= (lengths == 0) | (lengths > LONGEST_NUMBER)
        if strange.any():
            text = with_nulls(text, strange)
        try:
            amounts = as_numpy(text.cast(pa.float64()), np.float64) + 0.0
        except pa.ArrowInvalid:
            # Made of the right characters, and still no number: "1.2.3", "--5", "1e".
            each = (None if cell is None else read_number(cell) for cell in text.to_pylist())
            amounts = np.array([math.nan if amount is None else amount for amount in each])
        known = ~strange & (amounts >= feature.minimum) & (amounts <= feature.maximum)
        return np.where(known, amounts, 0.0), known

    def _settle(self, records: Records, first_row: int, draft: "_Draft") -> Block:
        """Ask `model.validate` about every row that is in doubt, and leave out blank records."""
        wanted = ~records.are_empty()
        problems: dict[int, tuple[Problem, ...]] = {}
        texts: dict[int, str] = {}
        # Empty lines are settled all at once: ten million of them are a small file.
        empty_above = np.cumsum(~wanted)
        blank_lines = 0
        for index in np.flatnonzero(wanted & ~draft.sure).tolist():
            record = records[index]
            if is_blank(record, self._delimiter):
                wanted[index] = False
                blank_lines += 1
                continue
            cells = split(record, self._delimiter)
            identity = self._identity(cells)
            found = self._validate(cells, identity)
            if isinstance(found, dict):
                draft.set(index, found)
                continue
            place = index - blank_lines - int(empty_above[index])
            draft.ids[index] = identity
            problems[place] = tuple(each.at(first_row + place, identity) for each in found)
            texts[place] = record.decode("utf-8").rstrip("\r\n")
        rows = int(wanted.sum())
        good = np.ones(rows, bool)
        good[list(problems)] = False
        columns = {name: column[wanted] for name, column in draft.columns.items()}
        return Block(
            first_row,
            rows,
            draft.all_ids(wanted),
            columns,
            good,
            problems,
            texts,
            blank_lines=draft.count - rows,
            source=records,
            places=np.flatnonzero(wanted),
        )

    def _identity(self, cells: list[str]) -> str:
        position = self._positions.get(CUSTOMER_ID, self._width)
        return cells[position].strip() if position < len(cells) else ""

    def _validate(self, cells: list[str], identity: str) -> Customer | tuple[Problem, ...]:
        if len(cells) != self._width:
            return (_field_count(len(cells), self._width),)
        found = (problem("blank_id", field=CUSTOMER_ID),) if self._id_required and not identity else ()
        raw = {name: cells[position] for name, position in self._positions.items() if name != CUSTOMER_ID}
        if self._decimals is not None:
            raw = {name: self._mark_to_dot(name, cell) for name, cell in raw.items()}
        try:
            customer = validate(raw)
        except CustomerError as error:
            return (*found, *error.problems)
        return found or customer


@cache
def _field_count(found: int, expected: int) -> Problem:
    return problem("field_count", found=_fields(found), expected=_fields(expected))


class _Draft:
    """The columns of a block at their full length, before the rows in doubt are settled."""

    def __init__(
        self,
        count: int,
        kept: NDArray[np.int64],
        columns: dict[str, Array],
        sure: NDArray[np.bool_],
        ids: Any,
    ) -> None:
        self.count = count
        self.sure = np.zeros(count, bool)
        self.sure[kept] = sure
        self.columns = {}
        for name, column in columns.items():
            self.columns[name] = np.zeros(count, column.dtype)
            self.columns[name][kept] = column
        self.ids: dict[int, str] = {}
        self._kept = kept
        self._kept_ids = ids

    def set(self, index: int, customer: Customer) -> None:
        """Enter a customer that was accepted after all."""
        for name, value in customer.items():
            codes = _WORD_CODES.get(name)
            self.columns[name][index] = value if codes is None else codes[value]

    def all_ids(self, wanted: NDArray[np.bool_]) -> Any:
        """Return the ids of the records wanted, those of ragged ones filled in."""
        if len(self._kept) == self.count:
            return self._kept_ids if wanted.all() else self._kept_ids.take(to_arrow(np.flatnonzero(wanted)))
        others = np.ones(self.count, bool)
        others[self._kept] = False
        ragged = np.flatnonzero(others)
        order = np.empty(self.count, np.int64)
        order[self._kept] = np.arange(len(self._kept))
        order[ragged] = len(self._kept) + np.arange(len(ragged))
        more = to_strings(self.ids.get(index, "") for index in ragged.tolist())
        return pa.concat_arrays([self._kept_ids, more]).take(to_arrow(order[wanted]))


def _has_few_spellings(name: str) -> bool:
    """Whether to judge a column by its distinct spellings: words do, and whole months, of which there are few."""
    feature = BY_NAME.get(name)
    return isinstance(feature, Choice) or (isinstance(feature, Number) and feature.whole)


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"
