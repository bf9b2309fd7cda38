"""UTF-8 text to blocks of whole records: finds header, separator and columns, and cuts only between records."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.charsets import errors_of
from model.bulk.records import DELIMITERS, RECORD_LIMIT, Records, find_ends, is_blank, scan, split
from model.bulk.source import MIB, Utf8Stream
from model.errors import InputError, listed, show
from model.parse import find_alike, resolve
from model.schema import COLUMNS, CUSTOMER_ID, NAMES
from model.text import clean

BLOCK: Final = MIB - (MIB >> 4)
"""Bytes read at a time. A block with what was left of the one before stays below RECORD_LIMIT, so that only in odd
files the length of each record has to be looked at."""

HEAD: Final = RECORD_LIMIT
"""Bytes in which the header must be found."""

MAX_COLUMNS: Final = 16_384
"""As many as a sheet of Excel has. Each costs time in every block, and a header of 1 MiB has room for 500,000."""

MAX_BLOCK_ROWS: Final = 32_768
"""A block of good rows has 24,000 at most, since the shortest good row has 41 bytes. Blocks of shorter ones are cut, so
that a limit that is looked at between two blocks is looked at often enough."""

_NAMES_SHOWN: Final = 30
_NAMES_COMPARED: Final = 500
_BYTES_COMPARED: Final = 20_000
"""Of a header, to find out what it may have meant; a megabyte of names would take seconds."""

_DAMAGED: Final = "\ufffd".encode()
_FOREIGN_SEPARATORS: Final = "|^~:\x01\x1f "
"""Separators of other programs, which are named and not read."""

_BLANK_BYTES: Final = b" \t\r\n,;"
_EXCEL_DIRECTIVE: Final = re.compile(rb'"?sep=[,;\t]"?(?:\r\n|\r|\n)', re.IGNORECASE)
"""A first line by which Excel tells itself the separator; it is no header."""

_BLANK_LINES: Final = re.compile(rb"(?:[ \t,;]*+(?>\r\n|\r|\n))++")
"""Possessive: a CRLF can be taken as one line end or two, and going back over those is exponential in their number."""


class Reader:
    """The header of a file, and its records block by block.

    Parameters
    ----------
    text : Utf8Stream
    next_row : callable
        Gives the number of the row that comes next, for messages: the caller counts, since blank records are no rows.
    needed : sequence of str
        The columns that the file must have.

    Attributes
    ----------
    header : list of str
        The names as they stand.
    delimiter : str
    positions : dict of str to int
        Where each of our columns stands.
    blank_lines : int
        Blank records above the header.
    above : bytes
        All that stands above the first row: the header, and what is above that.
    notes : list of str

    Raises
    ------
    InputError
        Whatever is wrong with the file as a whole.
    """

    def __init__(self, text: Utf8Stream, next_row: Callable[[], int], needed: Sequence[str] = NAMES) -> None:
        self._text = text
        self._next_row = next_row
        start, ended = head, _ = self._read_head()
        if ended and not head.strip(_BLANK_BYTES):
            raise InputError("empty_file")
        directive = _EXCEL_DIRECTIVE.match(head)
        if directive:
            head = head[directive.end() :]
        blank = _BLANK_LINES.match(head)
        above = blank.group() if blank else b""
        self.blank_lines = above.count(b"\n") + above.count(b"\r") - above.count(b"\r\n")
        head = head[len(above) :]
        self._needed = needed
        self.delimiter, end = self._find_header(head, ended)
        self.header = split(head[:end], self.delimiter)
        self._rest = head[end:]
        self.above = start[: len(start) - len(self._rest)]
        self.positions = check_header(self.header, needed)
        self.notes = notes_on(self.header, self.positions)

    def _read_head(self) -> tuple[bytes, bool]:
        """Return the start of the text, enough to hold any header, and whether that is all of it."""
        head = b""
        while len(head) < HEAD:
            chunk = self._text.read(HEAD - len(head))
            if not chunk:
                return head, True
            head += chunk
        return head, False

    def _find_header(self, head: bytes, ended: bool) -> tuple[str, int]:
        """Return the separator under which the first record names most columns, and where that record ends."""
        found, opened, is_wide = [], False, False
        for rank, delimiter in enumerate(DELIMITERS):
            ends, is_open = scan(head, delimiter, most=1)
            opened |= is_open
            if not ends and (is_open or not ended):
                continue
            end = ends[0] if ends else len(head)
            if head.count(delimiter.encode(), 0, end) >= MAX_COLUMNS:
                is_wide = True
                continue
            try:
                cells = split(head[:end], delimiter)
            except UnicodeDecodeError:
                # Only where the encoding was declared or marked; a guess looks at more than the header.
                raise InputError("encoding", place="The header", encoding=self._text.encoding.upper()) from None
            found.append((len(resolve(cells, self._needed)[0]), len(cells), -rank, end))
        if is_wide and not (found and max(found)[0]):
            raise InputError("too_many_columns", limit=f"{MAX_COLUMNS:,}")
        if found:
            _, _, rank, end = max(found)
            return DELIMITERS[-rank], end
        if opened:
            raise InputError("open_quote", place="The header", where=_where(ended))
        raise InputError("header_too_long", limit=f"{HEAD:,}")

    def __iter__(self) -> Iterator[Records]:
        """Yield the records in file order, some thousands at a time, cut at the same places in every run."""
        data, final = b"", False
        while not final:
            chunk = self._rest or self._text.read(BLOCK)
            self._rest = b""
            data += chunk
            final = not chunk
            if final and data and data[-1:] not in (b"\n", b"\r"):
                data += b"\n"
            cut, ends = self._last_end(data, final)
            if len(data) > RECORD_LIMIT:
                yield from self._checked(data[:cut])
            elif cut:
                yield from _in_blocks(Records(data[:cut], self.delimiter, ends))
            data = data[cut:]
            if len(data) > RECORD_LIMIT or (final and data):
                self._refuse(data, final)

    def _last_end(self, data: bytes, final: bool) -> tuple[int, NDArray[np.int64] | None]:
        """Return the offset after the last record that is known to be complete, and those of all, if they are known."""
        # A carriage return at the very end may be the first half of a CRLF.
        known = data if final or not data.endswith(b"\r") else data[:-1]
        if b'"' in known:
            ends = find_ends(known, self.delimiter)
            return (int(ends[-1]) if len(ends) else 0), ends
        return max(known.rfind(b"\n"), known.rfind(b"\r")) + 1, None

    def _checked(self, data: bytes) -> Iterator[Records]:
        """Yield the records of a block that is long enough to hold one over the limit, up to such a one."""
        records = Records(data, self.delimiter)
        too_long = np.flatnonzero(np.diff(records.ends, prepend=0) > RECORD_LIMIT)
        if not len(too_long):
            if data:
                yield from _in_blocks(records)
            return
        start = int(records.ends[too_long[0] - 1]) if too_long[0] else 0
        if start:
            yield from _in_blocks(Records(data[:start], self.delimiter))
        raise InputError("record_too_long", row=self._next_row(), limit=f"{RECORD_LIMIT:,}")

    def _refuse(self, data: bytes, final: bool) -> None:
        row = self._next_row()
        _, is_open = scan(data, self.delimiter)
        if is_open:
            raise InputError("open_quote", row=row, place=f"Row {row}", where=_where(final))
        raise InputError("record_too_long", row=row, limit=f"{RECORD_LIMIT:,}")


def _in_blocks(records: Records) -> Iterator[Records]:
    """Yield the records, at most MAX_BLOCK_ROWS at a time."""
    if records.count <= MAX_BLOCK_ROWS:
        yield records
        return
    cuts = [0, *records.ends[MAX_BLOCK_ROWS - 1 : -1 : MAX_BLOCK_ROWS].tolist(), len(records.data)]
    for start, stop in pairwise(cuts):
        yield Records(records.data[start:stop], records.delimiter)


def _where(ended: bool) -> str:
    return "before the end of the file" if ended else f"within {RECORD_LIMIT:,} bytes"


def read_text(records: Records, encoding: str, first_row: int) -> tuple[Records, dict[int, str]]:
    """Return records as UTF-8, and the bytes that were not, by the index of the records that held them.

    A byte that is not UTF-8 becomes the letter that it is in Windows-1252; none of those is a quote, a separator or a
    line end, so the records stay the same. Otherwise as `check_text`.
    """
    strays: dict[int, str] = {}
    if records.data.isascii():
        return records, strays
    if not _is_utf8(records.data):
        lines = [records[index] for index in range(records.count)]
        for index, line in enumerate(lines):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                strays[index] = line[error.start : error.end].hex(" ").upper()
                lines[index] = line.decode("utf-8", errors_of("utf-8")).encode("utf-8")
        records = Records(b"".join(lines), records.delimiter)
    elif _DAMAGED not in records.data:
        return records, strays
    check_text(records, encoding, first_row)
    return records, strays


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def check_text(records: Records, encoding: str, first_row: int) -> None:
    """Raise InputError if the records hold bytes that are not UTF-8, or U+FFFD, and name the row.

    Parameters
    ----------
    encoding : str
        What the file was taken for, as messages name it.
    """
    data = records.data
    if data.isascii():
        return
    code, position = "encoding", -1
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    else:
        code, position = "damaged_text", data.find(_DAMAGED)
    if position >= 0:
        above = int(np.searchsorted(records.ends, position, side="right"))
        rows = sum(not is_blank(records[index], records.delimiter) for index in range(above))
        row = first_row + rows
        raise InputError(code, row=row, place=f"Row {row}", encoding=encoding.upper())


def check_header(header: Sequence[str], needed: Sequence[str] = NAMES) -> dict[str, int]:
    """Return where each of our columns stands in a header, or raise InputError for one that cannot be used."""
    if any("\0" in name for name in header):
        raise InputError("binary")
    positions, repeated = resolve(header, needed)
    missing = [name for name in needed if name not in positions]
    if missing:
        _check_separator(header, needed, len(positions))
    if not positions:
        raise InputError("no_header", value=", ".join(header), columns=", ".join(COLUMNS))
    if repeated:
        raise InputError("duplicate_columns", duplicates=listed([name for name in positions if name in repeated]))
    if missing:
        shown = [show(name)[1:-1] for name in header[:_NAMES_SHOWN]] + ["…"] * (len(header) > _NAMES_SHOWN)
        noun = "column" if len(header) == 1 else "columns"
        found = f"{len(header)} {noun}: {', '.join(shown)}"
        raise InputError("missing_columns", missing=listed(missing), found=found, advice=_renames(header, missing))
    return positions


def notes_on(header: Sequence[str], positions: Mapping[str, int]) -> list[str]:
    """Return what to know of a file or table by its header: that it has no ids."""
    if CUSTOMER_ID in positions:
        return []
    advice = _renames(header, [CUSTOMER_ID])
    return [f"The file has no column {CUSTOMER_ID}, so its rows are identified by their number only.{advice}"]


def _check_separator(header: Sequence[str], needed: Sequence[str], known: int) -> None:
    """Raise InputError if other cells than ours of the header would name more columns than are known."""
    is_one = len(header) == 1
    # In quotes as a whole, a line is one cell, whatever it is separated by.
    separators = [*(DELIMITERS if is_one else ""), *_FOREIGN_SEPARATORS]
    line = ",".join(header[:_NAMES_COMPARED])[:_BYTES_COMPARED]
    for separator in separators:
        cells = [clean(cell).strip('"') for cell in line.split(separator)]
        if len(resolve(cells, needed)[0]) > max(known, 1):
            if separator in DELIMITERS:
                raise InputError("quoted_lines")
            raise InputError("wrong_separator", value=separator)


def _renames(header: Sequence[str], missing: Sequence[str]) -> str:
    """Return advice for columns that have another name, as sentences with a space in front; empty if there are none."""
    given = header[:_NAMES_COMPARED]
    found = [(name, given[place]) for name in missing if (place := find_alike(given, name)) is not None]
    if len(found) == 1:
        [(name, theirs)] = found
        return f" The column {show(theirs)} looks like it: rename it to {name}."
    return f" Rename {listed([f'{show(theirs)} to {name}' for name, theirs in found])}." if found else ""
