"""Records to typed columns and problems: parse and validate, for many customers at once.

The fast path accepts only what it is sure of: each distinct word is judged once, numbers are converted as whole
columns. Every field of which it is not sure goes through `model.validate`, as that of a customer sent as JSON does: it
is accepted, or its error named, by the same lines of code at every door.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from model.bulk.amounts import BLANKS, to_amounts
from model.bulk.arrays import as_numpy, octets_of, to_strings
from model.bulk.decimals import NUMERIC, Decimals, mark_to_dot
from model.bulk.fallback import (
    ALL,
    BLANK_ID,
    RAGGED,
    STRAY,
    WORD_CODES,
    Draft,
    advice_on,
    field_count,
    names_of,
    settle,
)
from model.bulk.records import Records, split
from model.bulk.records import is_blank as is_blank_record
from model.bulk.source import BOM
from model.bulk.table import TableRecords
from model.errors import Problem, problem
from model.schema import BY_NAME, CUSTOMER_ID, FEATURES, TENURE, Categorical, Customer, Feature, Numeric, Value
from model.text import clean_id, has_invisible
from model.validate import LONGEST_NUMBER, find_word, is_blank, read_value

_UNSURE: Final = -1
_JUDGED_AT_MOST: Final = 10_000
"""Distinct spellings remembered for a feature; a file of noise must not fill the memory."""

_SETTLED_AT_MOST: Final = 4_096
"""Cells in doubt whose outcome is remembered: most bad rows of a file are wrong in the same few. A power of two, and
with its problem a cell takes up to 1.5 KB."""

_ROWS_AT_MOST: Final = 1_000
"""Rows whose outcome is remembered, likewise."""

_CHECKED_EVERY: Final = 64
"""Rows, or distinct spellings, that are classified between two looks at the budget; each takes 2 to 60 us."""

_REMEMBERED_BYTES: Final = 400
"""Of a spelling; a longer one is judged anew each time."""

_TEXTS_AT_ONCE: Final = 15
"""Blocks read as text after one in which an amount was no number: where one is, more are, and tries are for nothing."""


_BLANK_ID: Final = problem("blank_id", field=CUSTOMER_ID)
_BLANK_WHEN_NEW: Final = {each.name for each in FEATURES if isinstance(each, Numeric) and each.blank_is_zero_when_new}
_TENURE_BIT: Final = 1 << [each.name for each in FEATURES].index(TENURE)

_SPACE: Final = ord(" ")
_DEL: Final = 0x7F
"""Bytes of an id between these two are plain: neither white space nor control characters, nor beyond ASCII."""

_MAY_BE_INVISIBLE: Final = np.zeros(256, bool)
_MAY_BE_INVISIBLE[[*range(0x20), _DEL, *b"\xc2\xcd\xd8\xe1\xe2\xe3\xef\xf0\xf3"]] = True
"""First bytes, in UTF-8, of what `model.text.has_invisible` looks for; looking takes five times as long."""

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
        customerID as `model.text.clean_id` leaves it; "" where absent.
    columns : dict of str to ndarray of shape (rows,)
        int8 codes into `Categorical.values`, float64 for numbers; fillers in bad rows.
    good : ndarray of shape (rows,), bool
    problems : dict of int to tuple of Problem
        By index in the block, in file order, one entry for each bad row. Rows that are wrong in the same way share
        their problems, which name neither row nor customer; `located` does.
    identities : dict of int to str
        The customerID of each bad row, trimmed; "" where absent.
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
    identities: dict[int, str] = field(default_factory=dict)
    records: dict[int, str] = field(default_factory=dict)
    blank_lines: int = 0
    source: Records = field(default_factory=lambda: Records(b"", ","))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    log_odds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    probability: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def located(self, index: int) -> tuple[Problem, ...]:
        """Return the problems of one bad row, with its number and its customerID."""
        row, identity = self.first_row + index, self.identities[index]
        return tuple([each.at(row, identity) for each in self.problems[index]])

    def parts(self, rows: int) -> "Iterator[Block]":
        """Yield the scored block as smaller ones of so many rows at most. What is no row is counted in none of them."""
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
                places=self.places[start:stop],
                log_odds=self.log_odds[start:stop],
                probability=self.probability[start:stop],
            )

    def customer(self, index: int) -> Customer:
        """Return one good row as `model.validate` would have made it."""
        customer: Customer = {}
        for feature in FEATURES:
            value = self.columns[feature.name][index]
            if isinstance(feature, Categorical):
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
    check : callable, optional
        Called again and again while many rows are classified one by one; may raise what ends that.
    """

    def __init__(
        self,
        header: list[str],
        positions: Mapping[str, int],
        delimiter: str,
        id_required: bool,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._width = len(header)
        self._positions = dict(positions)
        self._delimiter = delimiter
        self._id_required = id_required
        self._check = check
        self._decimals = Decimals() if delimiter != "," else None
        self._judged: dict[str, dict[str, float]] = {feature.name: {} for feature in FEATURES}
        self._settled = lru_cache(_SETTLED_AT_MOST)(settle)
        self._alike: dict[tuple[object, ...], Customer | tuple[Problem, ...]] = {}
        words = pa.dictionary(pa.int32(), pa.string())
        self._texts = {
            str(position): words if _has_few_spellings(name) else pa.string() for name, position in positions.items()
        }
        amounts = [name for name in positions if name in BY_NAME and not _has_few_spellings(name)]
        self._numbers = {**self._texts, **{str(positions[name]): pa.float64() for name in amounts}}
        self._texts_left = 0

    def parse(self, records: Records, first_row: int, strays: Mapping[int, str] = MappingProxyType({})) -> Block:
        """Return the rows of `records`, which are UTF-8; of those that were not, `strays` has the first such byte.

        Raises
        ------
        InputError
            mixed_decimals.
        """
        return self._parse(*self._read(records), records, first_row, strays)

    def parse_cells(self, cells: TableRecords, first_row: int) -> Block:
        """Return the rows of `cells`, which come from a table."""
        names = list(self._positions)
        columns = [cells.columns[self._positions[name]] for name in names]
        texts = [
            column.dictionary_encode() if _has_few_spellings(name) else column
            for name, column in zip(names, columns, strict=True)
        ]
        table = pa.Table.from_arrays(texts, [str(self._positions[name]) for name in names])
        return self._parse(table, np.arange(cells.count), cells, first_row)

    def _parse(
        self,
        table: Any,
        kept: NDArray[np.int64],
        records: Records,
        first_row: int,
        strays: Mapping[int, str] = MappingProxyType({}),
    ) -> Block:
        columns, doubts = self._convert(table, kept, records, first_row)
        ids = self._ids(table)
        if self._id_required:
            doubts[as_numpy(pc.binary_length(ids), np.int32) == 0] |= BLANK_ID
        if len(kept) == records.count and not strays and not doubts.any():
            good = np.ones(records.count, bool)
            return Block(first_row, records.count, ids, columns, good, source=records, places=kept)
        draft = Draft(records.count, kept, columns, doubts, ids)
        draft.doubts[list(strays)] |= STRAY
        return self._settle(records, first_row, draft, strays)

    @property
    def decimal_mark(self) -> str | None:
        """The decimal mark of the file, where one was seen in a file with semicolons or tabs."""
        return self._decimals.mark if self._decimals else None

    def _read(self, records: Records) -> tuple[Any, NDArray[np.int64]]:
        """Return our columns, and which records they are: pyarrow leaves out ragged and empty ones.

        Amounts are numbers where pyarrow could read them all, else text.
        """
        data = records.data
        # pyarrow drops a byte order mark at the start of what it reads; here it belongs to the first cell.
        if data.startswith(BOM):
            data = BOM + data
        if self._may_be_numbers(records):
            # Converted while they are split: two thirds of what splitting first and converting then takes.
            try:
                return self._split(data, self._numbers, records)
            except pa.ArrowInvalid:
                self._texts_left = _TEXTS_AT_ONCE
        self._texts_left -= 1
        return self._split(data, self._texts, records)

    def _may_be_numbers(self, records: Records) -> bool:
        """Whether pyarrow may convert these amounts: it knows no decimal comma and no limit to a number's digits."""
        return (
            self._decimals is None
            and self._texts_left <= 0
            and int(np.diff(records.ends, prepend=0).max(initial=0)) <= LONGEST_NUMBER
        )

    def _split(self, data: bytes, types: Mapping[str, Any], records: Records) -> tuple[Any, NDArray[np.int64]]:
        """Return our columns of these types, and which records they are.

        Raises
        ------
        ArrowInvalid
            If what should be a number is none.
        """
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
                null_values=BLANKS,
                strings_can_be_null=False,
                column_types=types,
                include_columns=list(types),
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
        letters = np.frombuffer(octets, np.uint8)
        if not len(letters) or (letters.min() > _SPACE and letters.max() < _DEL):
            return ids
        if b'"' in octets or (_MAY_BE_INVISIBLE[letters].any() and has_invisible(octets.decode("utf-8"))):
            return to_strings(clean_id(each) for each in ids.to_pylist())
        return pc.utf8_trim_whitespace(ids)

    def _convert(
        self, table: Any, kept: NDArray[np.int64], records: Records, first_row: int
    ) -> tuple[dict[str, Array], NDArray[np.int32]]:
        """Return a typed column for each feature, and for each row a bit for each feature that is in doubt."""
        columns: dict[str, Array] = {}
        texts = {feature.name: self._column(table, feature.name) for feature in FEATURES}
        if self._decimals is not None:
            self._decimals.check(texts, kept, records, first_row)
        doubts = np.zeros(table.num_rows, np.int32)
        for place, feature in enumerate(FEATURES):
            text = texts[feature.name]
            if isinstance(feature, Categorical) or feature.whole:
                judged = self._judge(feature, text.dictionary.to_pylist())
                column = judged.take(as_numpy(text.indices, np.int32))
                doubted = column == _UNSURE if _UNSURE in judged else None
            else:
                new = columns[TENURE] == 0 if feature.blank_is_zero_when_new and TENURE in columns else None
                column, doubted = to_amounts(text, feature, new, self._decimals is not None)
            if doubted is not None:
                doubts[doubted] |= 1 << place
            columns[feature.name] = column
        return columns, doubts

    def _judge(self, feature: Feature, spellings: list[str]) -> Array:
        """Return the code or number of each distinct spelling, `_UNSURE` where `model.validate` has to be asked."""
        remembered = self._judged[feature.name]
        judged = np.empty(len(spellings), np.int8 if isinstance(feature, Categorical) else np.float64)
        new = 0
        for index, spelling in enumerate(spellings):
            value = remembered.get(spelling)
            if value is None:
                if not new % _CHECKED_EVERY:
                    self._check()
                new += 1
                value = self._judge_one(feature, spelling)
                if len(remembered) < _JUDGED_AT_MOST and len(spelling) <= _REMEMBERED_BYTES:
                    remembered[spelling] = value
            judged[index] = value
        return judged

    def _judge_one(self, feature: Feature, spelling: str) -> float:
        spelling = self._mark_to_dot(feature.name, spelling)
        if isinstance(feature, Categorical):
            # Without the sentence of what is wrong, which costs ten times as much and is made once a cell below.
            word = find_word(feature, spelling)
            return _UNSURE if word is None else WORD_CODES[feature.name][word]
        value = read_value(feature, spelling)
        return _UNSURE if isinstance(value, Problem) else float(value)

    def _mark_to_dot(self, name: str, cell: str) -> str:
        return cell if self._decimals is None or BY_NAME.get(name) not in NUMERIC else mark_to_dot(cell)

    def _settle(self, records: Records, first_row: int, draft: Draft, strays: Mapping[int, str]) -> Block:
        """Ask `model.validate` about every field that is in doubt, and leave out blank records."""
        wanted = ~records.are_empty()
        problems: dict[int, tuple[Problem, ...]] = {}
        identities: dict[int, str] = {}
        texts: dict[int, str] = {}
        accepted: dict[int, Customer] = {}
        ragged_ids: list[str] = []
        # Empty lines are settled all at once: ten million of them are a small file.
        empty_above = np.cumsum(~wanted)
        blank_lines = 0
        for number, index in enumerate(np.flatnonzero(wanted & (draft.doubts != 0)).tolist()):
            if not number % _CHECKED_EVERY:
                self._check()
            record = records[index]
            doubted = int(draft.doubts[index])
            # A row with a feature that is right is not blank.
            if doubted & ALL == ALL and is_blank_record(record, self._delimiter):
                wanted[index] = False
                blank_lines += 1
                continue
            cells = split(record, self._delimiter)
            identity = self._identity(cells)
            if doubted == RAGGED:
                ragged_ids.append(identity)
            found = self._validate(cells, identity, doubted, draft.tenure(index))
            if index in strays:
                found = (*(() if isinstance(found, dict) else found), problem("stray_byte", bytes=strays[index]))
            place = index - blank_lines - int(empty_above[index])
            if isinstance(found, dict):
                accepted[place] = found
                continue
            problems[place] = found
            identities[place] = identity
            texts[place] = record.decode("utf-8").rstrip("\r\n")
        places = np.flatnonzero(wanted)
        good = np.ones(len(places), bool)
        good[list(problems)] = False
        return Block(
            first_row,
            len(places),
            draft.ids_at(places, ragged_ids),
            draft.columns_at(places, accepted),
            good,
            problems,
            identities,
            texts,
            blank_lines=records.count - len(places),
            source=records,
            places=places,
        )

    def _identity(self, cells: list[str]) -> str:
        position = self._positions.get(CUSTOMER_ID, self._width)
        return clean_id(cells[position]) if position < len(cells) else ""

    def _validate(self, cells: list[str], identity: str, doubted: int, tenure: int) -> Customer | tuple[Problem, ...]:
        """Return what the fields in doubt hold, or all that is wrong with the row."""
        if len(cells) != self._width:
            return (field_count(len(cells), self._width, advice_on(cells, self._delimiter)),)
        names = names_of(doubted)
        asked = tuple([cells[self._positions[name]] for name in names])
        # The tenure says something of another field only where that is blank.
        is_asked = doubted & _TENURE_BIT or not any(name in _BLANK_WHEN_NEW for name in names)
        known = None if is_asked else tenure
        key = (doubted, asked, known, self._id_required and not identity)
        found = self._alike.get(key)
        if found is None:
            found = self._classify(names, asked, known, self._id_required and not identity)
            if len(self._alike) < _ROWS_AT_MOST and sum(map(len, asked)) <= _REMEMBERED_BYTES:
                self._alike[key] = found
        return found

    def _classify(
        self, names: tuple[str, ...], cells: tuple[str, ...], tenure: Value | None, lacks_id: bool
    ) -> Customer | tuple[Problem, ...]:
        values: Customer = {}
        problems: list[Problem] = [_BLANK_ID] if lacks_id else []
        for name, cell in zip(names, cells, strict=True):
            if self._decimals is not None:
                cell = self._mark_to_dot(name, cell)
            known = values.get(TENURE, tenure) if name in _BLANK_WHEN_NEW and is_blank(cell) else None
            ask = self._settled if len(cell) <= _REMEMBERED_BYTES else settle
            found = ask(name, cell, known)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                values[name] = found
        return tuple(problems) if problems else values


def _has_few_spellings(name: str) -> bool:
    """Whether to judge a column by its distinct spellings: words do, and whole months, of which there are few."""
    feature = BY_NAME.get(name)
    return isinstance(feature, Categorical) or (isinstance(feature, Numeric) and feature.whole)
