"""Columns of amounts, as numbers or still as text, to float64; and the one decimal mark of a file."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy, join_texts, offsets_of
from model.bulk.block import filler
from model.bulk.records import Records, is_blank
from model.errors import InputError, show
from model.schema import Feature, Numeric, Schema
from model.text import clean
from model.validate import LONGEST_NUMBER, NUMBER, read_number

BLANKS: Final = ("", " ")
"""What pyarrow may read as a null instead of a number; 11 rows of the public data have a space."""

_NULL: Final = pa.array([None], pa.string())[0]
_NUMBER_BYTES: Final = np.zeros(256, bool)
_NUMBER_BYTES[list(b"0123456789+-.eE")] = True
_NUMBER: Final = f"^(?:{NUMBER.pattern})$"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def numeric_features(schema: Schema) -> tuple[Feature, ...]:
    """Return the features that may be written with a decimal mark."""
    return tuple(feature for feature in schema.features if isinstance(feature, Numeric) or feature.numbers)


def meaning_of_blank(feature: Feature) -> float:
    """Return the number that an accepted blank means: NaN for a missing one."""
    return feature.blank.equals if isinstance(feature, Numeric) and feature.blank else np.nan


def to_amounts(column: Any, feature: Numeric, may_be_blank: Bools | bool, has_commas: bool) -> tuple[Floats, Bools]:
    """Return a whole column of numbers, and which of them `model.validate` must decide about.

    Parameters
    ----------
    column : pyarrow.StringArray or pyarrow.DoubleArray of length rows
    may_be_blank : bool, or ndarray of shape (rows,)
        Whether a blank is certainly accepted, for all customers or for each.
    has_commas : bool
        Whether the decimal mark may be a comma.
    """
    if pa.types.is_string(column.type):
        numbers, blank = _parse(column, has_commas)
    else:
        numbers, blank = column, column.is_null().to_numpy(zero_copy_only=False)
    amounts = numbers.to_numpy(zero_copy_only=False) + 0.0
    # False for NaN, which a null is too.
    known = (amounts >= feature.minimum) & (amounts <= feature.maximum)
    if feature.whole:
        known &= amounts == np.floor(amounts)
    amounts = np.where(known, amounts, filler(feature))
    if may_be_blank is not False:
        # Every block of real data has a few; validated one by one they took 8 % of the time of a clean file.
        accepted = blank & may_be_blank
        amounts[accepted] = meaning_of_blank(feature)
        known |= accepted
    return amounts, ~known


def _parse(text: Any, has_commas: bool) -> tuple[Any, NDArray[np.bool_]]:
    """Return the numbers of a column of text, null for any other text, and which texts are blank."""
    content = join_texts(text)
    if b" " in content or b"\t" in content:
        if b'"' in content:
            # A quote after a space, as `model.text.clean` reads it.
            text = pc.replace_substring_regex(text, '^[ \t]+"([^"]*)"[ \t]*$', r"\1")
        text = pc.ascii_trim_whitespace(text)
    if has_commas and b"," in content:
        text = pc.replace_substring(text, ",", ".")
    offsets = offsets_of(text)
    lengths = np.diff(offsets)
    is_other = (lengths == 0) | (lengths > LONGEST_NUMBER)
    others = np.flatnonzero(~_NUMBER_BYTES[np.frombuffer(join_texts(text), np.uint8)])
    is_other[np.searchsorted(offsets, others + offsets[:1], side="right") - 1] = True
    try:
        numbers = pc.if_else(from_numpy(is_other), _NULL, text).cast(pa.float64())
    except pa.ArrowInvalid:
        # Of the right characters, and still no number: "1.2.3", "--5", "1e".
        is_other |= ~pc.match_substring_regex(text, _NUMBER).to_numpy(zero_copy_only=False)
        numbers = pc.if_else(from_numpy(is_other), _NULL, text).cast(pa.float64())
    return numbers, lengths == 0


class DecimalMark:
    """Holds a file with semicolons or tabs to one decimal mark, the first that it uses.

    Parameters
    ----------
    features : sequence of Feature
        Those that may be written with one.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._names = [feature.name for feature in features]
        # The mark, and the row, the column and the cell that had it first.
        self._first: tuple[str, int, str, str] | None = None

    @property
    def mark(self) -> str | None:
        """The mark of the rows so far."""
        return self._first[0] if self._first else None

    def check(self, columns: Mapping[str, Any], kept: NDArray[np.int64], records: Records, first_row: int) -> None:
        """Raise InputError (mixed_decimals) at the first row that uses the other mark.

        Parameters
        ----------
        columns : mapping of str to pyarrow.Array
            The texts of each feature.
        kept : ndarray of int64
            The records that those are of.
        """
        marks = {mark for name in self._names for mark in ",." if mark.encode() in _bytes_of(columns[name])}
        if not marks or (self._first and marks == {self._first[0]}):
            return
        cells_of_rows = zip(*[columns[name].to_pylist() for name in self._names], strict=True)
        for index, cells in zip(kept.tolist(), cells_of_rows, strict=True):
            for name, cell in zip(self._names, cells, strict=True):
                mark = "," if "," in cell else "." if "." in cell else None
                if mark is None or read_number(clean(cell).replace(",", ".")) is None:
                    continue
                if self._first is None:
                    self._first = (mark, first_row + _rows_above(records, index), name, clean(cell))
                elif self._first[0] != mark:
                    self._refuse(mark, first_row + _rows_above(records, index), name, clean(cell))

    def _refuse(self, mark: str, row: int, name: str, cell: str) -> None:
        assert self._first is not None
        other, first, column, before = self._first
        names = {",": "comma", ".": "point"}
        raise InputError(
            "mixed_decimals",
            row=row,
            field=name,
            value=cell,
            mark=names[mark],
            first=first,
            column=column,
            before=show(before),
            other=names[other],
        )


def comma_to_point(cell: str) -> str:
    """Return a cell with a point for its decimal comma; one that is no number either way stays unchanged."""
    if "," not in cell:
        return cell
    with_point = cell.replace(",", ".")
    return cell if read_number(clean(with_point)) is None else with_point


def _bytes_of(column: Any) -> bytes:
    return join_texts(column.dictionary if pa.types.is_dictionary(column.type) else column)


def _rows_above(records: Records, index: int) -> int:
    return sum(not is_blank(records[above], records.delimiter) for above in range(index))
