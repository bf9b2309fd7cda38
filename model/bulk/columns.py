"""Records to typed columns and problems: parse and validate, for many customers at once.

The columns accept only what is certain: each distinct word is read once, amounts are converted as whole columns. Every
other field goes through `model.validate`, see model/bulk/fallback.py, so that the same code accepts it, or names its
error, at every entry point.
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from model.bulk.arrow import join_texts
from model.bulk.block import Array, Block, are_equal, has_few_values
from model.bulk.encoding import BOM
from model.bulk.fallback import Fallback
from model.bulk.numbers import BLANKS, Bools, DecimalMark, numeric_features, to_amounts
from model.bulk.partial_block import BLANK_ID, STRAY, PartialBlock
from model.bulk.records import Records
from model.bulk.spellings import Spellings
from model.bulk.table import TableRecords
from model.schema import Feature, Numeric, Schema
from model.text import clean_id, has_invisible
from model.validate import LONGEST_NUMBER

_TEXT_BLOCKS: Final = 15
"""Blocks read as text after one with an amount that is no number: more follow, and each try to convert is wasted."""

_SPACE: Final = ord(" ")
_DEL: Final = 0x7F
"""Bytes of an id between these two are plain: neither white space nor control characters, nor beyond ASCII."""

_MAY_BE_INVISIBLE: Final = np.zeros(256, bool)
_MAY_BE_INVISIBLE[[*range(0x20), _DEL, *b"\xc2\xcd\xd8\xe1\xe2\xe3\xef\xf0\xf3"]] = True
"""First bytes, in UTF-8, of the characters that `model.text.has_invisible` finds; it takes five times as long."""


class Columns:
    """Turns the records of one file into blocks.

    Parameters
    ----------
    schema : Schema
    header : list of str
    positions : mapping of str to int
        The index of each column of the schema in the header.
    delimiter : str
    id_required : bool
        Whether a blank id is a problem.
    check : callable, optional
        Called repeatedly while many rows are validated one by one; may raise an exception that ends the work.
    """

    def __init__(
        self,
        schema: Schema,
        header: list[str],
        positions: Mapping[str, int],
        delimiter: str,
        id_required: bool,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._schema = schema
        self._width = len(header)
        self._positions = dict(positions)
        self._delimiter = delimiter
        self._id_required = id_required
        self._check = check
        self._decimal_mark = DecimalMark(numeric_features(schema)) if delimiter != "," else None
        has_commas = self._decimal_mark is not None
        self._fallback = Fallback(schema, self._width, self._positions, id_required, has_commas, check)
        self._spellings = {
            feature.name: Spellings(feature, functools.partial(self._fallback.with_point, feature.name), check)
            for feature in schema.features
            if has_few_values(feature)
        }
        self._may_all_be_missing = all(feature.accepts_missing for feature in schema.features)
        words = pa.dictionary(pa.int32(), pa.string())
        self._texts = {
            str(position): words if name in self._spellings else pa.string() for name, position in positions.items()
        }
        amounts = [name for name in schema.names if name not in self._spellings]
        self._numbers = {**self._texts, **{str(positions[name]): pa.float64() for name in amounts}}
        self._text_blocks_left = 0

    @property
    def decimal_mark(self) -> str | None:
        """The decimal mark of the file, if it has semicolons or tabs and a mark was found."""
        return self._decimal_mark.mark if self._decimal_mark else None

    def parse(self, records: Records, first_row: int, strays: Mapping[int, str] = MappingProxyType({})) -> Block:
        """Return the rows of `records`, which are UTF-8; `strays` has the first invalid byte of those that were not.

        Raises
        ------
        InputError
            mixed_decimals.
        """
        return self._parse(*self._read(records), records, first_row, strays)

    def parse_table(self, records: TableRecords, first_row: int) -> Block:
        """Return the rows of a table."""
        names = list(self._positions)
        columns = [records.columns[self._positions[name]] for name in names]
        texts = [
            column.dictionary_encode() if name in self._spellings else column
            for name, column in zip(names, columns, strict=True)
        ]
        table = pa.Table.from_arrays(texts, [str(self._positions[name]) for name in names])
        return self._parse(table, np.arange(records.count), records, first_row)

    def _parse(
        self,
        table: Any,
        kept: NDArray[np.int64],
        records: Records,
        first_row: int,
        strays: Mapping[int, str] = MappingProxyType({}),
    ) -> Block:
        columns, unread = self._convert(table, kept, records, first_row)
        ids = self._ids(table)
        if self._id_required:
            unread[pc.equal(pc.binary_length(ids), 0).to_numpy(zero_copy_only=False)] |= BLANK_ID
        if len(kept) == records.count and not strays and not unread.any():
            good = np.ones(records.count, bool)
            return Block(
                self._schema, first_row, records.count, ids, columns, good, source=records, record_indices=kept
            )
        partial = PartialBlock(self._schema, records.count, kept, columns, unread, ids)
        partial.unread[list(strays)] |= STRAY
        return self._fallback.complete(records, first_row, partial, strays)

    def _read(self, records: Records) -> tuple[Any, NDArray[np.int64]]:
        """Return the columns of the schema, and which records they are of: pyarrow skips wrong and empty ones.

        Amounts are numbers where pyarrow can read them all, else text.
        """
        data = records.data
        # pyarrow drops a byte order mark at the start of its input; here it is part of the first cell.
        if data.startswith(BOM):
            data = BOM + data
        if self._may_be_numbers(records):
            # Converted while they are split: two thirds of the time of splitting first and converting then.
            try:
                return self._split(data, self._numbers, records)
            except pa.ArrowInvalid:
                self._text_blocks_left = _TEXT_BLOCKS
        self._text_blocks_left -= 1
        return self._split(data, self._texts, records)

    def _may_be_numbers(self, records: Records) -> bool:
        """Whether pyarrow may convert these amounts: it has no decimal comma and no limit to a number's digits."""
        return (
            self._decimal_mark is None
            and self._text_blocks_left <= 0
            and int(np.diff(records.ends, prepend=0).max(initial=0)) <= LONGEST_NUMBER
        )

    def _split(self, data: bytes, types: Mapping[str, Any], records: Records) -> tuple[Any, NDArray[np.int64]]:
        """Return the columns with these types, and which records they are of.

        Raises
        ------
        ArrowInvalid
            If a number is none.
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
        if self._schema.id is None or self._schema.id not in self._positions:
            return pa.array([""] * table.num_rows, pa.string())
        ids = self._column(table, self._schema.id)
        content = join_texts(ids)
        codes = np.frombuffer(content, np.uint8)
        if not len(codes) or (codes.min() > _SPACE and codes.max() < _DEL):
            return ids
        if b'"' in content or (_MAY_BE_INVISIBLE[codes].any() and has_invisible(content.decode("utf-8"))):
            return pa.array([clean_id(text) for text in ids.to_pylist()], pa.string())
        return pc.utf8_trim_whitespace(ids)

    def _convert(
        self, table: Any, kept: NDArray[np.int64], records: Records, first_row: int
    ) -> tuple[dict[str, Array], NDArray[np.int64]]:
        """Return a typed column for each feature, and for each row a bit for each feature that is unread."""
        texts = {name: self._column(table, name) for name in self._schema.names}
        if self._decimal_mark is not None:
            self._decimal_mark.check(texts, kept, records, first_row)
        columns: dict[str, Array] = {}
        unread = np.zeros(table.num_rows, np.int64)
        unread_by_name: dict[str, Bools] = {}
        for bit, feature in enumerate(self._schema.features):
            may_be_blank = self._may_be_blank(feature, columns, unread_by_name)
            text = texts[feature.name]
            if feature.name in self._spellings:
                column, is_unread = self._spellings[feature.name].read(text, may_be_blank)
            else:
                assert isinstance(feature, Numeric)
                column, is_unread = to_amounts(text, feature, may_be_blank, self._decimal_mark is not None)
            if is_unread is not None:
                unread[is_unread] |= 1 << bit
                unread_by_name[feature.name] = is_unread
            columns[feature.name] = column
        if self._may_all_be_missing:
            # Such a row may be blank, and then it is none.
            unread[self._are_missing(columns)] |= (1 << len(columns)) - 1
        return columns, unread

    def _may_be_blank(
        self, feature: Feature, columns: Mapping[str, Array], unread_by_name: Mapping[str, Bools]
    ) -> Bools | bool:
        """Return whether a blank of a feature is certainly accepted, given the features before it."""
        if not isinstance(feature, Numeric) or feature.blank is None:
            return feature.accepts_missing
        other = self._schema.by_name[feature.blank.feature]
        accepted: Bools = are_equal(columns[other.name], other, feature.blank.value)
        if other.name in unread_by_name:
            accepted &= ~unread_by_name[other.name]
        return accepted

    def _are_missing(self, columns: Mapping[str, Array]) -> Bools:
        """Return which rows have no value at all."""
        missing = np.ones(len(next(iter(columns.values()))), bool)
        for feature in self._schema.features:
            missing &= are_equal(columns[feature.name], feature, None)
        return missing
