"""One decimal mark a file: in files with semicolons or tabs it may be a comma, but not both it and the point."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.arrays import octets_of
from model.bulk.records import Records, is_blank
from model.errors import InputError, show
from model.schema import FEATURES, Numeric
from model.text import clean
from model.validate import read_number

NUMERIC: Final = tuple(each for each in FEATURES if isinstance(each, Numeric) or each.numbers)
"""The features that may be written with a decimal mark."""


class Decimals:
    """Holds a file with semicolons or tabs to one decimal mark, the first that it uses."""

    def __init__(self) -> None:
        # The mark, and the row, the column and the cell that had it first.
        self._first: tuple[str, int, str, str] | None = None

    @property
    def mark(self) -> str | None:
        """The mark seen so far."""
        return self._first[0] if self._first else None

    def check(self, texts: Mapping[str, Any], kept: NDArray[np.int64], records: Records, first_row: int) -> None:
        """Raise InputError (mixed_decimals) at the first row that uses the other mark."""
        seen = {mark for feature in NUMERIC for mark in ",." if mark.encode() in octets_of(texts[feature.name])}
        if not seen or (self._first and seen == {self._first[0]}):
            return
        columns = [texts[feature.name].to_pylist() for feature in NUMERIC]
        for place, cells in enumerate(zip(*columns, strict=True)):
            for feature, cell in zip(NUMERIC, cells, strict=True):
                mark = "," if "," in cell else "." if "." in cell else None
                if mark is None or read_number(clean(cell).replace(",", ".")) is None:
                    continue
                if self._first is None:
                    row = first_row + _rows_above(records, int(kept[place]))
                    self._first = (mark, row, feature.name, clean(cell))
                elif self._first[0] != mark:
                    _, first, column, before = self._first
                    names = {",": "comma", ".": "point"}
                    raise InputError(
                        "mixed_decimals",
                        row=first_row + _rows_above(records, int(kept[place])),
                        field=feature.name,
                        value=clean(cell),
                        mark=names[mark],
                        first=first,
                        column=column,
                        before=show(before),
                        other=names[self._first[0]],
                    )


def mark_to_dot(cell: str) -> str:
    """Return a cell with its decimal comma made a point; one that is no number either way stays as it came."""
    if "," not in cell:
        return cell
    dotted = cell.replace(",", ".")
    return cell if read_number(clean(dotted)) is None else dotted


def _rows_above(records: Records, index: int) -> int:
    return sum(not is_blank(records[above], records.delimiter) for above in range(index))
