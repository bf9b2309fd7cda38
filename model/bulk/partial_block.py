"""The rows of a block that the columns read, and a bit for each field that they leave to the fallback."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.bulk.arrow import from_numpy
from model.bulk.block import Array, column_type, filler, to_values
from model.schema import Categorical, Customer, Schema, Value
from model.schema_file import MAX_FEATURES

BLANK_ID: Final = 1 << MAX_FEATURES
"""The row lacks the id that it needs; the bits below are those of the features."""

STRAY: Final = BLANK_ID << 1
"""The record had a byte that is not UTF-8."""

WRONG_FIELD_COUNT: Final = -1
"""A record with too many or too few fields."""


class PartialBlock:
    """The rows that pyarrow read, among all records of the block: some have a wrong number of fields, or are empty.

    Parameters
    ----------
    schema : Schema
    count : int
        Of all records.
    kept : ndarray of int64
        The indices of the records that were read.
    columns : dict of str to ndarray
        Of those.
    unread : ndarray of int64
        Of those: a bit for each feature that `model.validate` must decide about.
    ids : pyarrow.StringArray
        Of those.
    """

    def __init__(
        self,
        schema: Schema,
        count: int,
        kept: NDArray[np.int64],
        columns: dict[str, Array],
        unread: NDArray[np.int64],
        ids: Any,
    ) -> None:
        self._schema = schema
        self.unread = np.full(count, WRONG_FIELD_COUNT, np.int64)
        self.unread[kept] = unread
        # The index of each record among the rows read; for the others that of the one before, as a filler.
        self._rows = np.maximum(np.cumsum(self.unread != WRONG_FIELD_COUNT) - 1, 0)
        self._columns = columns
        self._ids = ids

    def values_at(self, name: str, records: NDArray[np.int64]) -> list[Value]:
        """Return a feature of some records, which has a meaning only where it was read."""
        if not len(self._ids):
            return [None] * len(records)
        return to_values(self._schema.by_name[name], self._columns[name][self._rows[records]])

    def columns_at(self, records: NDArray[np.int64], accepted: Mapping[int, Customer]) -> dict[str, Array]:
        """Return the columns of some records, with the values that were accepted after all."""
        if not len(self._ids):
            return {
                feature.name: np.full(len(records), filler(feature), column_type(feature))
                for feature in self._schema.features
            }
        rows = self._rows[records]
        columns = {name: column.take(rows) for name, column in self._columns.items()}
        for row, customer in accepted.items():
            for name, value in customer.items():
                feature = self._schema.by_name[name]
                # A missing number is NaN in a column, as None becomes there.
                columns[name][row] = feature.codes[value] if isinstance(feature, Categorical) else value
        return columns

    def ids_at(self, records: NDArray[np.int64], others: list[str]) -> Any:
        """Return the ids of some records; `others` are those of the records with a wrong number of fields."""
        rows = self._rows[records]
        is_other = self.unread[records] == WRONG_FIELD_COUNT
        if not is_other.any():
            return self._ids if len(rows) == len(self._ids) else self._ids.take(from_numpy(rows))
        rows[is_other] = len(self._ids) + np.arange(len(others))
        return pa.concat_arrays([self._ids, pa.array(others, pa.string())]).take(from_numpy(rows))
