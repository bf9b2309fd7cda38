"""A file of customers as columns of distinct texts, before there is a schema.

Read by the code that scores files: the same encodings, separators, quotes and gzip, and the same numbers of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from model.bulk.encoding import BOM, Utf8Stream
from model.bulk.reader import Reader, to_utf8
from model.bulk.records import Records, is_blank
from model.errors import InputError, TrainingError
from model.schema import Schema, Target
from model.text import clean

MAX_CELLS: Final = 400_000_000
"""Of a file; each takes four bytes, and more where its text is new."""

_NO_SCHEMA: Final = Schema(features=(), example={}, target=Target("churn"))

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    name : str
        Cleaned.
    texts : list of str
        The distinct cells, cleaned, in order of first appearance; a blank is "".
    codes : ndarray of shape (rows,), int32
        The index of each row's text.
    """

    name: str
    texts: list[str]
    codes: Codes

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each text occurs."""
        return np.bincount(self.codes, minlength=len(self.texts))

    @cached_property
    def is_blank(self) -> NDArray[np.bool_]:
        """Which rows are blank."""
        blank: NDArray[np.bool_] = np.array([not text for text in self.texts], bool)[self.codes]
        return blank

    @cached_property
    def words(self) -> dict[str, int]:
        """The count of each text that is not blank, most frequent first."""
        pairs = [(text, int(count)) for text, count in zip(self.texts, self.counts, strict=True) if text and count]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def subset(self, rows: NDArray[Any]) -> "Column":
        """Return the column of some rows."""
        return Column(self.name, self.texts, self.codes[rows])


@dataclass
class Table:
    """A file of customers.

    Attributes
    ----------
    columns : list of Column
        Those that have a name.
    row_numbers : ndarray of shape (rows,), int64
        The number of each row in the file, from 1.
    delimiter : str
    wrong_rows : dict of int to str
        What is wrong with the rows that are left out, by number.
    notes : list of str
        About the file as a whole.
    """

    columns: list[Column]
    row_numbers: NDArray[np.int64]
    delimiter: str
    wrong_rows: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return len(self.row_numbers)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def subset(self, rows: NDArray[Any]) -> "Table":
        """Return the table of some rows."""
        columns = [column.subset(rows) for column in self.columns]
        return Table(columns, self.row_numbers[rows], self.delimiter, self.wrong_rows, self.notes)


def read_table(path: Path) -> Table:
    """Return all columns of a file of customers.

    Raises
    ------
    TrainingError
        If the file cannot be read, or is no table with a header.
    """
    try:
        with path.open("rb") as file:
            return _read(Utf8Stream(file))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error
    except InputError as error:
        raise TrainingError(f"{path}: {error}") from error


def _read(text: Utf8Stream) -> Table:
    rows = 0
    reader = Reader(text, next_row=lambda: rows + 1, schema=_NO_SCHEMA)
    header = reader.header
    parts: list[Any] = []
    numbers: list[NDArray[np.int64]] = []
    wrong: dict[int, str] = {}
    for block in reader:
        records, strays = to_utf8(block, text.encoding, rows + 1)
        kept, kept_numbers, count = _sort_rows(records, rows + 1, len(header.names), wrong)
        for index, stray in strays.items():
            wrong[int(kept_numbers[np.searchsorted(kept, index)])] = f"has bytes that are not UTF-8 ({stray})"
        if len(kept):
            parts.append(_split(records, kept, len(header.names)))
            numbers.append(kept_numbers)
        rows += count
        if rows * len(header.names) > MAX_CELLS:
            limit = f"{MAX_CELLS:,}"
            raise TrainingError(f"The file has more than {limit} cells. Use fewer rows; 100,000 are enough.")
    row_numbers = np.concatenate([np.zeros(0, np.int64), *numbers])
    columns = [
        _column(clean(name), [part.column(position) for part in parts]) for position, name in enumerate(header.names)
    ]
    return Table(columns, row_numbers, header.delimiter, wrong, list(text.notes))


def _sort_rows(
    records: Records, first_row: int, width: int, wrong: dict[int, str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the records with every field, their row numbers, and how many records are rows; add the others."""
    counts = records.field_counts()
    may_be_blank = np.flatnonzero((counts == 0) | _begin_blank(records))
    blank = [index for index in may_be_blank.tolist() if is_blank(records[index], records.delimiter)]
    is_row = np.ones(records.count, bool)
    is_row[blank] = False
    numbers = first_row - 1 + np.cumsum(is_row)
    for index in np.flatnonzero(is_row & (counts != width)).tolist():
        fields = "1 field" if counts[index] == 1 else f"{counts[index]} fields"
        wrong[int(numbers[index])] = f"has {fields}, but the header has {width}"
    kept = np.flatnonzero(is_row & (counts == width))
    return kept, numbers[kept], int(is_row.sum())


def _begin_blank(records: Records) -> NDArray[np.bool_]:
    starts = np.append(0, records.ends)[:-1]
    first = np.frombuffer(records.data, np.uint8)[starts]
    begins: NDArray[np.bool_] = np.isin(first, np.frombuffer(b" \t,;\r\n\v\f\xc2\xe2\xe3", np.uint8))
    return begins


def _split(records: Records, kept: NDArray[np.int64], width: int) -> Any:
    """Return the cells of the records that have every field, each column with its distinct texts."""
    data = records.data
    if len(kept) < records.count:
        data = b"".join([records[index] for index in kept.tolist()])
    if data.startswith(BOM):
        data = BOM + data
    names = [str(position) for position in range(width)]
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        csv.ParseOptions(delimiter=records.delimiter, newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            check_utf8=False,
            strings_can_be_null=False,
            column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
        ),
    )


def _column(name: str, parts: Sequence[Any]) -> Column:
    """Return one column of the blocks of a file; texts that differ in nothing that people see are one."""
    index: dict[str, int] = {}
    codes: list[Codes] = []
    for part in parts:
        for chunk in part.chunks:
            known = [index.setdefault(clean(text), len(index)) for text in chunk.dictionary.to_pylist()]
            codes.append(np.array(known, np.int32)[chunk.indices.to_numpy()])
    return Column(name, list(index), np.concatenate([np.zeros(0, np.int32), *codes]))
