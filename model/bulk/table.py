"""Rows of a table (Parquet, a catalog) as records: which types of columns are accepted, and their cells as text.

A number becomes the shortest text that spells it, true and false become words, null a blank; from there on the rules
are those of a CSV. So a table and its export as CSV give the same answers, and the same sentences for what is wrong.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from model.bulk.arrow import join_texts
from model.bulk.records import Records, quote
from model.errors import InputError, listed
from model.schema import Categorical, Schema

TEXT, BOOLEAN, WHOLE, NUMBER = "text", "boolean", "whole number", "number"
"""The kinds of columns that some feature accepts."""

_DELIMITER: Final = ","
_SPECIAL: Final = b',"\r\n'


def kinds_of(name: str, schema: Schema) -> tuple[str, ...]:
    """Return the kinds of columns that a feature, or the id, accepts; as in JSON, nothing is guessed."""
    feature = schema.by_name.get(name)
    if feature is None:
        return (TEXT, WHOLE)
    if isinstance(feature, Categorical):
        return (TEXT, *[BOOLEAN] * bool(feature.booleans), *[WHOLE, NUMBER] * feature.numbers)
    return (TEXT, WHOLE, NUMBER)


def check_kinds(kinds: Mapping[str, tuple[str | None, str]], schema: Schema) -> None:
    """Refuse a table whose columns have types that are not accepted, and name all of them.

    Parameters
    ----------
    kinds : mapping of str to (str or None, str)
        By the name of a feature: the kind of its column, None for any other, and the type as the table calls it.

    Raises
    ------
    InputError
        wrong_types.
    """
    wrong = [
        f"{name} is {type_name}, and must be {listed(kinds_of(name, schema), 'or')}"
        for name, (kind, type_name) in kinds.items()
        if kind not in kinds_of(name, schema)
    ]
    if wrong:
        raise InputError("wrong_types", wrong="; ".join(wrong))


class TableRecords(Records):
    """Rows whose cells are separate already; written as CSV only where one has to be validated alone.

    Parameters
    ----------
    columns : sequence of pyarrow.Array
        Of the same length: strings, booleans, numbers, with nulls.
    """

    def __init__(self, columns: Sequence[Any]) -> None:
        self.columns = [_to_text(column) for column in columns]
        self.delimiter = _DELIMITER

    @cached_property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.columns[0])

    @cached_property
    def data(self) -> bytes:  # type: ignore[override]
        """The rows as CSV."""
        cells = [_quoted(column) for column in self.columns]
        ends = pc.binary_join_element_wise(cells[-1], "", "\n")
        return join_texts(pc.binary_join_element_wise(*cells[:-1], ends, _DELIMITER))


def _to_text(column: Any) -> Any:
    text = column.cast(pa.string())
    return pc.fill_null(text, "") if text.null_count else text


def _quoted(column: Any) -> Any:
    content = join_texts(column)
    if not any(special in content for special in _SPECIAL):
        return column
    return pa.array([quote(text) for text in column.to_pylist()], pa.string())
