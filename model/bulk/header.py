"""The header of a file: its separator, where the columns of the schema are, and what is wrong with it."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from model.bulk.records import DELIMITERS, MAX_RECORD_BYTES, scan, split, where_unclosed
from model.errors import InputError, listed, show
from model.parse import find_alike, resolve
from model.schema import Schema
from model.text import clean

MAX_COLUMNS: Final = 16_384
"""As many as a sheet of Excel has. Each costs time in every block, and a header of 1 MiB has room for 500,000."""

_NAMES_SHOWN: Final = 30
_NAMES_COMPARED: Final = 500
_BYTES_COMPARED: Final = 20_000
"""Of a header, to suggest what it may mean; a megabyte of names would take seconds."""

_FOREIGN_SEPARATORS: Final = "|^~:\x01\x1f "
"""Separators of other programs, which errors name."""

_BLANK_BYTES: Final = b" \t\r\n,;"
_EXCEL_DIRECTIVE: Final = re.compile(rb'"?sep=[,;\t]"?(?:\r\n|\r|\n)', re.IGNORECASE)
"""A first line that sets the separator for Excel; it is no header."""

_BLANK_LINES: Final = re.compile(rb"(?:[ \t,;]*+(?>\r\n|\r|\n))++")
"""Possessive: a CRLF can be read as one line end or two, and backtracking over those is exponential in their number."""


class Header:
    """The header of a file.

    Parameters
    ----------
    start : bytes
        The start of the text, long enough for any header.
    is_all : bool
        Whether that is the whole text.
    schema : Schema
    needed : sequence of str
        The columns that the file must have.
    encoding : str
        As errors name it.

    Attributes
    ----------
    names : list of str
        As the file has them.
    delimiter : str
    positions : dict of str to int
        The index of each column of the schema.
    blank_lines : int
        Blank records above the header.
    end : int
        The offset of the first row.

    Raises
    ------
    InputError
        Whatever is wrong with the file as a whole.
    """

    def __init__(
        self, start: bytes, is_all: bool, schema: Schema, needed: Sequence[str], encoding: str = "utf-8"
    ) -> None:
        if is_all and not start.strip(_BLANK_BYTES):
            raise InputError("empty_file")
        directive = _EXCEL_DIRECTIVE.match(start)
        begin = directive.end() if directive else 0
        blank = _BLANK_LINES.match(start, begin)
        lines = blank.group() if blank else b""
        self.blank_lines = lines.count(b"\n") + lines.count(b"\r") - lines.count(b"\r\n")
        text = start[begin + len(lines) :]
        self.delimiter, end = _find_separator(text, is_all, schema, needed, encoding)
        self.names = split(text[:end], self.delimiter)
        self.end = begin + len(lines) + end
        self.positions = check_header(self.names, schema, needed)


def _find_separator(text: bytes, is_all: bool, schema: Schema, needed: Sequence[str], encoding: str) -> tuple[str, int]:
    """Return the separator by which the first record has most columns of the schema, and the end of that record."""
    candidates, is_any_open, is_wide = [], False, False
    for rank, delimiter in enumerate(DELIMITERS):
        ends, is_open = scan(text, delimiter, limit=1)
        is_any_open |= is_open
        if not ends and (is_open or not is_all):
            continue
        end = ends[0] if ends else len(text)
        if text.count(delimiter.encode(), 0, end) >= MAX_COLUMNS:
            is_wide = True
            continue
        try:
            cells = split(text[:end], delimiter)
        except UnicodeDecodeError:
            # Only where the encoding was declared or marked; to guess it, more than the header is read.
            raise InputError("encoding", subject="The header", encoding=encoding.upper()) from None
        candidates.append((len(resolve(cells, schema, needed)[0]), len(cells), -rank, end))
    if is_wide and not (candidates and max(candidates)[0]):
        raise InputError("too_many_columns", limit=f"{MAX_COLUMNS:,}")
    if candidates:
        _, _, rank, end = max(candidates)
        return DELIMITERS[-rank], end
    if is_any_open:
        raise InputError("open_quote", subject="The header", where=where_unclosed(is_all))
    raise InputError("header_too_long", limit=f"{MAX_RECORD_BYTES:,}")


def check_header(header: Sequence[str], schema: Schema, needed: Sequence[str] | None = None) -> dict[str, int]:
    """Return the index of each column of the schema in a header, or raise InputError for one that cannot be used.

    Parameters
    ----------
    needed : sequence of str, optional
        The columns that must be there; the features if None.
    """
    needed = schema.names if needed is None else needed
    if any("\0" in name for name in header):
        raise InputError("binary")
    positions, repeated = resolve(header, schema, needed)
    missing = [name for name in needed if name not in positions]
    if missing:
        _check_separator(header, schema, needed, len(positions))
    if needed and not positions:
        raise InputError("no_header", value=", ".join(header), columns=", ".join(schema.columns))
    if repeated:
        raise InputError("duplicate_columns", duplicates=listed([name for name in positions if name in repeated]))
    if missing:
        shown = [show(name)[1:-1] for name in header[:_NAMES_SHOWN]] + ["…"] * (len(header) > _NAMES_SHOWN)
        noun = "column" if len(header) == 1 else "columns"
        actual = f"{len(header)} {noun}: {', '.join(shown)}"
        raise InputError(
            "missing_columns", missing=listed(missing), columns=actual, advice=_renames(header, missing, schema)
        )
    return positions


def notes_on(header: Sequence[str], positions: Mapping[str, int], schema: Schema) -> list[str]:
    """Return what to know about a file or table because of its header: that it has no ids."""
    if schema.id is None or schema.id in positions:
        return []
    advice = _renames(header, [schema.id], schema)
    return [f"The file has no column {schema.id}, so its rows are identified by their number only.{advice}"]


def _check_separator(header: Sequence[str], schema: Schema, needed: Sequence[str], known: int) -> None:
    """Raise InputError if the header has more columns of the schema by another separator."""
    # In quotes as a whole, a line is one cell, whatever its separator.
    separators = [*(DELIMITERS if len(header) == 1 else ""), *_FOREIGN_SEPARATORS]
    line = ",".join(header[:_NAMES_COMPARED])[:_BYTES_COMPARED]
    for separator in separators:
        cells = [clean(cell).strip('"') for cell in line.split(separator)]
        if len(resolve(cells, schema, needed)[0]) > max(known, 1):
            if separator in DELIMITERS:
                raise InputError("quoted_lines")
            raise InputError("wrong_separator", value=separator)


def _renames(header: Sequence[str], missing: Sequence[str], schema: Schema) -> str:
    """Return advice for columns with another name, as sentences after a space; "" if there is none."""
    names = header[:_NAMES_COMPARED]
    alike = [(name, names[index]) for name in missing if (index := find_alike(names, name, schema)) is not None]
    if len(alike) == 1:
        [(name, theirs)] = alike
        return f" The column {show(theirs)} looks like it: rename it to {name}."
    return f" Rename {listed([f'{show(theirs)} to {name}' for name, theirs in alike])}." if alike else ""
