"""Where the records of a CSV end, exactly, with quoted line ends and all three kinds of line end.

The rules are those of the csv module and of pyarrow alike: a quote opens a quoted field only at the start of a field,
two quotes inside mean one, and what follows the closing quote up to the separator belongs to the field
unchanged.
"""

import csv
import re
from functools import cached_property
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.source import MIB

MAX_RECORD_BYTES: Final = MIB
"""Bytes. A longer record is an endless line or a quote that was never closed, not a customer."""

DELIMITERS: Final = ",;\t"

_ASCII_SPACE: Final = b" \t\r\n\v\f\x1c\x1d\x1e\x1f"
_QUOTE, _LF, _CR = b'"\n\r'
_LINE_END: Final = re.compile(b"\r\n|\r|\n")

# The default, 131,072 characters, is below the limit for a record.
csv.field_size_limit(MAX_RECORD_BYTES)


def split(record: bytes, delimiter: str) -> list[str]:
    """Return the cells of one record, with or without its line end."""
    text = record.decode("utf-8").removesuffix("\n").removesuffix("\r")
    if '"' not in text:
        return text.split(delimiter) if text else []
    return next(csv.reader([text], delimiter=delimiter), [])


def quote(text: str, delimiter: str = ",") -> str:
    """Return `text` as a CSV cell, in quotes where it needs them.

    The csv module leaves a carriage return unquoted before Python 3.13, and so writes other bytes there.
    """
    if delimiter in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def is_blank(record: bytes, delimiter: str) -> bool:
    """Whether a record holds nothing but white space and separators."""
    if record.isascii():
        return not record.strip(_ASCII_SPACE + delimiter.encode())
    return not record.decode("utf-8").replace(delimiter, "").strip()


def where_unclosed(is_last: bool) -> str:
    """Return how far a quote was looked for, for messages."""
    return "before the end of the file" if is_last else f"within {MAX_RECORD_BYTES:,} bytes"


def scan(data: bytes, delimiter: str, limit: int | None = None) -> tuple[list[int], bool]:
    """Walk through `data` from quote to quote; for the rare data for which `find_ends` needs it.

    Returns
    -------
    ends : list of int
        The offset after each record, at most `limit` of them.
    is_open : bool
        Whether the data ends inside a quoted field.
    """
    ends: list[int] = []
    before = b"\r\n" + delimiter.encode()
    start, position = 0, -1
    while (position := data.find(b'"', position + 1)) >= 0:
        # Only at the start of a field does a quote open one.
        if position and data[position - 1] not in before:
            continue
        _add_ends(ends, data, start, position, limit)
        if len(ends) == limit:
            return ends, False
        start = _after_quote(data, position + 1)
        if start < 0:
            return ends, True
        position = start - 1
    _add_ends(ends, data, start, len(data), limit)
    return ends, False


def _add_ends(ends: list[int], data: bytes, start: int, stop: int, limit: int | None) -> None:
    matches = _LINE_END.finditer(data, start, stop)
    ends.extend(match.end() for match in islice(matches, None if limit is None else limit - len(ends)))


def _after_quote(data: bytes, position: int) -> int:
    while True:
        position = data.find(b'"', position) + 1
        if position == 0:
            return -1
        if data[position : position + 1] != b'"':
            return position
        position += 1


def find_ends(data: bytes, delimiter: str) -> NDArray[np.int64]:
    """Return the offset after each record that is complete in `data`, which starts at the start of a record.

    A line end is inside quotes if the number of quotes before it is odd, as long as quotes open only at the start of a
    field; where one is elsewhere, `scan` decides.

    Returns
    -------
    ndarray of shape (n_records,), int64
    """
    codes = np.frombuffer(data, np.uint8)
    is_end = codes == _LF
    if b"\r" in data:
        is_end |= (codes == _CR) & (np.append(codes[1:], 0) != _LF)
    ends = np.flatnonzero(is_end)
    if b'"' in data:
        quotes = _plain_quotes(codes, delimiter)
        if quotes is None:
            return np.array(scan(data, delimiter)[0], np.int64)
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return ends + 1


def _plain_quotes(codes: NDArray[np.uint8], delimiter: str) -> NDArray[np.int64] | None:
    """Return the positions of the quotes if every other one opens a field or is doubled, else None."""
    quotes = np.flatnonzero(codes == _QUOTE)
    openers = quotes[::2]
    before = codes[np.maximum(openers - 1, 0)]
    fits = (before == ord(delimiter)) | (before == _LF) | (before == _CR) | (before == _QUOTE) | (openers == 0)
    return quotes if fits.all() else None


class Records:
    """Some whole records, with the bytes of the file.

    Parameters
    ----------
    data : bytes
        Each record with its line end.
    delimiter : str
    ends : ndarray of shape (n_records,), int64, optional
        The offset after each record, where it is known.
    """

    def __init__(self, data: bytes, delimiter: str, ends: NDArray[np.int64] | None = None) -> None:
        self.data = data
        self.delimiter = delimiter
        if ends is not None:
            self.ends = ends

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """The offset after each record."""
        return find_ends(self.data, self.delimiter)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ends)

    @cached_property
    def _cuts(self) -> list[int]:
        return [0, *self.ends.tolist()]

    def __getitem__(self, index: int) -> bytes:
        return self.data[self._cuts[index] : self._cuts[index + 1]]

    def are_empty(self) -> NDArray[np.bool_]:
        """Return which records are a line end and nothing else.

        Returns
        -------
        ndarray of shape (n_records,), bool
        """
        starts = np.append(0, self.ends)[:-1]
        first = np.frombuffer(self.data, np.uint8)[starts]
        empty: NDArray[np.bool_] = (first == _LF) | (first == _CR)
        return empty

    def field_counts(self) -> NDArray[np.int64]:
        """Return how many fields each record has; 0 for an empty line.

        Returns
        -------
        ndarray of shape (n_records,), int64
        """
        codes = np.frombuffer(self.data, np.uint8)
        separators = np.flatnonzero(codes == ord(self.delimiter))
        if b'"' in self.data:
            quotes = _plain_quotes(codes, self.delimiter)
            if quotes is None:
                return np.array([len(split(self[i], self.delimiter)) for i in range(self.count)], np.int64)
            separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
        counts = np.diff(np.searchsorted(separators, self.ends), prepend=0) + 1
        counts[self.are_empty()] = 0
        return counts
