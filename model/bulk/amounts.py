"""Columns of money, as numbers or still as text, to float64; what is not surely an amount is left in doubt."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.bulk.arrays import as_numpy, bits_of, octets_of, offsets_of, with_nulls, with_octets
from model.schema import Numeric
from model.validate import LONGEST_NUMBER, NUMBER

BLANKS: Final = ("", " ")
"""What pyarrow may take for a null instead of a number; 11 rows of the public data have a space."""

_NUMBER_BYTES: Final = np.zeros(256, bool)
_NUMBER_BYTES[list(b"0123456789+-.eE")] = True
_COMMA_TO_DOT: Final = bytes.maketrans(b",", b".")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def to_amounts(column: Any, feature: Numeric, new: Bools | None, has_commas: bool) -> tuple[Floats, Bools]:
    """Return a whole column of amounts, and which of them are in doubt.

    Parameters
    ----------
    column : pyarrow.StringArray or pyarrow.DoubleArray of length rows
    new : ndarray of shape (rows,), bool, optional
        Whose amount may be blank, and then is 0.
    has_commas : bool
        Whether the decimal mark may be a comma.
    """
    amounts, strange, blank = _convert_text(column, has_commas) if pa.types.is_string(column.type) else _numbers(column)
    known = ~strange & (amounts >= feature.minimum) & (amounts <= feature.maximum)
    amounts = np.where(known, amounts, 0.0)
    if new is not None:
        # Every block of real data has a few; settled one by one they took 8 % of the time of a clean file.
        known |= blank & new
    return amounts, ~known


def _numbers(column: Any) -> tuple[Floats, Bools, Bools]:
    """Return numbers, which of them are none, and which are blank: "nan" and "inf" were numbers to pyarrow."""
    amounts = as_numpy(column, np.float64) + 0.0
    blank = ~bits_of(column.is_valid()) if column.null_count else np.zeros(len(column), bool)
    return amounts, blank | ~np.isfinite(amounts), blank


def _convert_text(text: Any, has_commas: bool) -> tuple[Floats, Bools, Bools]:
    """Return the same of a column of text."""
    octets = octets_of(text)
    if b" " in octets or b"\t" in octets:
        if b'"' in octets:
            # A quote after a space, as `model.text.clean` reads it.
            text = pc.replace_substring_regex(text, '^[ \t]+"([^"]*)"[ \t]*$', r"\1")
        text = pc.ascii_trim_whitespace(text)
    if has_commas and b"," in octets:
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
        fits = pc.match_substring_regex(text, f"^(?:{NUMBER.pattern})$")
        strange |= ~bits_of(fits)
        amounts = as_numpy(with_nulls(text, strange).cast(pa.float64()), np.float64) + 0.0
    return amounts, strange, lengths == 0
