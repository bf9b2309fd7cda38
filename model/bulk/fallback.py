"""What the fast path is in doubt of, a bit a feature for each row, and what `model.validate` makes of those alone."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.bulk.arrays import to_arrow, to_strings
from model.errors import CustomerError, Problem, problem
from model.schema import BY_NAME, FEATURES, TENURE, Categorical, Customer, Value
from model.validate import NOTHING, is_blank, read_value, validate

BLANK_ID: Final = 1 << len(FEATURES)
ALL: Final = BLANK_ID - 1
"""Every feature is in doubt; the row may be blank."""

STRAY: Final = BLANK_ID << 1
"""The record held a byte that is not UTF-8."""

RAGGED: Final = -1
"""Stands for a record that has too many or too few fields."""

WORD_CODES: Final[dict[str, dict[Value, int]]] = {
    feature.name: {value: code for code, value in enumerate(feature.values)}
    for feature in FEATURES
    if isinstance(feature, Categorical)
}

_WAYS: Final = 2048
"""How many combinations of doubts there are, and of counts of fields that are remembered: files choose them."""

_LATE_QUOTE: Final = (
    " A quote after a space does not open a cell, so a separator inside the quotes cuts it: remove the space after the "
    "separator."
)

_WHOLE_LINE: Final = (
    " The line is in quotes as a whole, so that it is one cell: remove the quotes at its start and end."
)

Array = NDArray[Any]


@lru_cache(_WAYS)
def names_of(doubted: int) -> tuple[str, ...]:
    """Return the features whose bits are set."""
    return tuple(feature.name for place, feature in enumerate(FEATURES) if doubted >> place & 1)


def settle(name: str, cell: str, tenure: Value | None) -> Value | Problem:
    """Return what `model.validate` makes of one field; the tenure is that of the same customer, if it is known."""
    if not is_blank(cell):
        # What `validate` does with it as well; its exception takes as long again.
        return read_value(BY_NAME[name], cell)
    known = NOTHING if tenure is None else {TENURE: tenure}
    try:
        return validate({name: cell}, [BY_NAME[name]], known)[name]
    except CustomerError as error:
        return error.problems[0]


@lru_cache(_WAYS)
def field_count(found: int, expected: int, advice: str = "") -> Problem:
    """Return the problem of a record with too many or too few fields."""
    return problem("field_count", found=_fields(found), expected=_fields(expected), advice=advice)


def advice_on(cells: list[str], delimiter: str) -> str:
    """Return what to do about quotes that may be why a record has too many or too few fields, "" without any."""
    if len(cells) == 1 and delimiter in cells[0]:
        return _WHOLE_LINE
    late = any(cell[:1].isspace() and cell.lstrip()[:1] == '"' for cell in cells)
    return _LATE_QUOTE if late else ""


def is_not_a_customer(problems: Sequence[Problem]) -> bool:
    """Return whether nothing in a row is as a customer has it: a total, a footer, a row of other columns."""
    return problems[0].code == "field_count" or sum(each.field in BY_NAME for each in problems) == len(BY_NAME)


class Draft:
    """The rows that pyarrow read, beside all records of the block: some of those are ragged or empty."""

    def __init__(
        self,
        count: int,
        kept: NDArray[np.int64],
        columns: dict[str, Array],
        doubts: NDArray[np.int32],
        ids: Any,
    ) -> None:
        self.doubts = np.full(count, RAGGED, np.int32)
        self.doubts[kept] = doubts
        # Where each record stands among the rows read; the others take the place of the one before, as a filler.
        self._rows = np.maximum(np.cumsum(self.doubts != RAGGED) - 1, 0)
        self._columns = columns
        self._ids = ids

    def tenure(self, index: int) -> int:
        """Return the tenure of a record, which says something only where it is not in doubt."""
        return int(self._columns[TENURE][self._rows[index]]) if len(self._ids) else 0

    def columns_at(self, places: NDArray[np.int64], accepted: Mapping[int, Customer]) -> dict[str, Array]:
        """Return the columns of some records, with what was accepted after all entered."""
        if not len(self._ids):
            return {name: np.zeros(len(places), column.dtype) for name, column in self._columns.items()}
        rows = self._rows[places]
        columns = {name: column.take(rows) for name, column in self._columns.items()}
        for place, customer in accepted.items():
            for name, value in customer.items():
                codes = WORD_CODES.get(name)
                columns[name][place] = value if codes is None else codes[value]
        return columns

    def ids_at(self, places: NDArray[np.int64], ragged: list[str]) -> Any:
        """Return the ids of some records; those of the ragged ones among them are given."""
        rows = self._rows[places]
        is_ragged = self.doubts[places] == RAGGED
        if not is_ragged.any():
            return self._ids if len(rows) == len(self._ids) else self._ids.take(to_arrow(rows))
        rows[is_ragged] = len(self._ids) + np.arange(len(ragged))
        return pa.concat_arrays([self._ids, to_strings(ragged)]).take(to_arrow(rows))


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"
