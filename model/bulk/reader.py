"""UTF-8 text to blocks of whole records, cut only between records; rows whose bytes are not UTF-8 are named."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.encoding import Utf8Stream, error_handler
from model.bulk.header import Header, notes_on
from model.bulk.records import MAX_RECORD_BYTES, Records, find_ends, is_blank, scan, where_unclosed
from model.bulk.source import MIB
from model.errors import InputError
from model.schema import Schema

BLOCK_BYTES: Final = MIB - (MIB >> 4)
"""Bytes read at a time. A block with the rest of the one before stays below MAX_RECORD_BYTES, so that the length of
each record has to be checked in odd files only."""

HEADER_BYTES: Final = MAX_RECORD_BYTES
"""Bytes in which the header must end."""

MAX_BLOCK_ROWS: Final = 32_768
"""A block of good rows has 24,000 at most, since the shortest good row has 41 bytes. Blocks of shorter ones are cut, so
that a limit that is checked between two blocks is checked often enough."""

_REPLACEMENT: Final = "\ufffd".encode()


class Reader:
    """The header of a file, and its records block by block.

    Parameters
    ----------
    text : Utf8Stream
    next_row : callable
        Returns the number of the next row, for messages: the caller counts, since blank records are no rows.
    schema : Schema
    needed : sequence of str, optional
        The columns that the file must have; the features if None.

    Attributes
    ----------
    header : Header
    above : bytes
        Everything above the first row.
    notes : list of str

    Raises
    ------
    InputError
        Whatever is wrong with the file as a whole.
    """

    def __init__(
        self, text: Utf8Stream, next_row: Callable[[], int], schema: Schema, needed: Sequence[str] | None = None
    ) -> None:
        self._text = text
        self._next_row = next_row
        start, is_all = self._read_start()
        self.header = Header(start, is_all, schema, schema.names if needed is None else needed, text.encoding)
        self.above, self._rest = start[: self.header.end], start[self.header.end :]
        self.notes = notes_on(self.header.names, self.header.positions, schema)

    def _read_start(self) -> tuple[bytes, bool]:
        """Return the start of the text, long enough for any header, and whether that is all of it."""
        start = b""
        while len(start) < HEADER_BYTES:
            chunk = self._text.read(HEADER_BYTES - len(start))
            if not chunk:
                return start, True
            start += chunk
        return start, False

    def __iter__(self) -> Iterator[Records]:
        """Yield the records in file order, some thousands at a time, cut at the same places in every run."""
        data, is_last = b"", False
        while not is_last:
            chunk = self._rest or self._text.read(BLOCK_BYTES)
            self._rest = b""
            data += chunk
            is_last = not chunk
            if is_last and data and data[-1:] not in (b"\n", b"\r"):
                data += b"\n"
            cut, ends = self._last_end(data, is_last)
            if len(data) > MAX_RECORD_BYTES:
                yield from self._check_lengths(data[:cut])
            elif cut:
                yield from _split_blocks(Records(data[:cut], self.header.delimiter, ends))
            data = data[cut:]
            if len(data) > MAX_RECORD_BYTES or (is_last and data):
                self._refuse(data, is_last)

    def _last_end(self, data: bytes, is_last: bool) -> tuple[int, NDArray[np.int64] | None]:
        """Return the offset after the last record that is certainly complete, and those of all, if they are known."""
        # A carriage return at the very end may be the first half of a CRLF.
        known = data if is_last or not data.endswith(b"\r") else data[:-1]
        if b'"' in known:
            ends = find_ends(known, self.header.delimiter)
            return (int(ends[-1]) if len(ends) else 0), ends
        return max(known.rfind(b"\n"), known.rfind(b"\r")) + 1, None

    def _check_lengths(self, data: bytes) -> Iterator[Records]:
        """Yield the records of a block that is long enough to hold one over the limit, up to that one."""
        records = Records(data, self.header.delimiter)
        too_long = np.flatnonzero(np.diff(records.ends, prepend=0) > MAX_RECORD_BYTES)
        if not len(too_long):
            if data:
                yield from _split_blocks(records)
            return
        start = int(records.ends[too_long[0] - 1]) if too_long[0] else 0
        if start:
            yield from _split_blocks(Records(data[:start], self.header.delimiter))
        raise InputError("record_too_long", row=self._next_row(), limit=f"{MAX_RECORD_BYTES:,}")

    def _refuse(self, data: bytes, is_last: bool) -> None:
        row = self._next_row()
        _, is_open = scan(data, self.header.delimiter)
        if is_open:
            raise InputError("open_quote", row=row, subject=f"Row {row}", where=where_unclosed(is_last))
        raise InputError("record_too_long", row=row, limit=f"{MAX_RECORD_BYTES:,}")


def _split_blocks(records: Records) -> Iterator[Records]:
    """Yield the records, at most MAX_BLOCK_ROWS at a time."""
    if records.count <= MAX_BLOCK_ROWS:
        yield records
        return
    cuts = [0, *records.ends[MAX_BLOCK_ROWS - 1 : -1 : MAX_BLOCK_ROWS].tolist(), len(records.data)]
    for start, stop in pairwise(cuts):
        yield Records(records.data[start:stop], records.delimiter)


def to_utf8(records: Records, encoding: str, first_row: int) -> tuple[Records, dict[int, str]]:
    """Return records as UTF-8, and the first invalid bytes of those that were not, by their index.

    An invalid byte becomes the character that it is in Windows-1252; none of those is a quote, a separator or a line
    end, so the records stay the same. Otherwise as `check_utf8`.
    """
    strays: dict[int, str] = {}
    if records.data.isascii():
        return records, strays
    if _invalid_position(records.data) is not None:
        lines = [records[index] for index in range(records.count)]
        for index, line in enumerate(lines):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                strays[index] = line[error.start : error.end].hex(" ").upper()
                lines[index] = line.decode("utf-8", error_handler("utf-8")).encode("utf-8")
        records = Records(b"".join(lines), records.delimiter)
    check_utf8(records, encoding, first_row)
    return records, strays


def check_utf8(records: Records, encoding: str, first_row: int) -> None:
    """Raise InputError if the records hold bytes that are not UTF-8, or U+FFFD, with the row.

    Parameters
    ----------
    encoding : str
        Of the file, as errors name it.
    """
    if records.data.isascii():
        return
    code, position = "encoding", _invalid_position(records.data)
    if position is None:
        code, position = "damaged_text", records.data.find(_REPLACEMENT)
    if position >= 0:
        above = int(np.searchsorted(records.ends, position, side="right"))
        rows = sum(not is_blank(records[index], records.delimiter) for index in range(above))
        row = first_row + rows
        raise InputError(code, row=row, subject=f"Row {row}", encoding=encoding.upper())


def _invalid_position(data: bytes) -> int | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None
