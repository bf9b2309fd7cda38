"""Columns that are read by their distinct spellings: words, and whole numbers of which there are few."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from model.bulk.block import Array, column_type, filler
from model.bulk.fallback import CHECK_EVERY, MAX_REMEMBERED_BYTES
from model.bulk.numbers import Bools, meaning_of_blank
from model.schema import Categorical, Feature, Numeric
from model.validate import find_word, is_blank, read_value

_MAX_SPELLINGS: Final = 10_000
"""Distinct spellings remembered for a feature, beyond its words; a file of noise must not fill the memory."""

_UNREAD: Final = -np.inf
"""Instead of a code or a number, where `model.validate` must decide."""


class Spellings:
    """The codes and numbers of the spellings of one feature in one file.

    Parameters
    ----------
    feature : Feature
    with_point : callable
        Returns a cell with a point for the decimal comma, where the file may have one.
    check : callable
        Called every `CHECK_EVERY` new spellings; may raise an exception that ends the work.
    """

    def __init__(self, feature: Feature, with_point: Callable[[str], str], check: Callable[[], object]) -> None:
        self._feature, self._with_point, self._check = feature, with_point, check
        self._type, self._filler = column_type(feature), filler(feature)
        self._known: dict[str, float] = {}
        self._most = _MAX_SPELLINGS + (len(feature.levels) if isinstance(feature, Categorical) else 0)

    def read(self, column: Any, may_be_blank: Bools | bool) -> tuple[Array, Bools | None]:
        """Return a whole column, and which of it `model.validate` must decide about.

        Parameters
        ----------
        column : pyarrow.DictionaryArray of length rows
        may_be_blank : bool, or ndarray of shape (rows,)
            Whether a blank is certainly accepted, for all customers or for each.
        """
        spellings, indices = column.dictionary.to_pylist(), column.indices.to_numpy()
        values = self._values_of(spellings)
        unread = values == _UNREAD
        if not unread.any():
            return values.astype(self._type, copy=False).take(indices), None
        values[unread] = self._filler
        typed: Array = values.astype(self._type, copy=False).take(indices)
        is_unread: Bools = unread.take(indices)
        if isinstance(self._feature, Numeric) and self._feature.blank:
            blank = np.array([is_blank(spelling) for spelling in spellings])
            accepted = blank.take(indices) & may_be_blank
            typed[accepted] = meaning_of_blank(self._feature)
            is_unread &= ~accepted
        return typed, is_unread

    def _values_of(self, spellings: list[str]) -> Array:
        """Return the code or number of each distinct spelling, or `_UNREAD`."""
        values = list(map(self._known.get, spellings))
        if None in values:
            new = [index for index, value in enumerate(values) if value is None]
            for number, index in enumerate(new):
                if not number % CHECK_EVERY:
                    self._check()
                values[index] = self._learn(spellings[index])
        return np.array(values, np.float64)

    def _learn(self, spelling: str) -> float:
        value = self._read(self._with_point(spelling))
        if len(self._known) < self._most and len(spelling) <= MAX_REMEMBERED_BYTES:
            self._known[spelling] = value
        return value

    def _read(self, cell: str) -> float:
        feature = self._feature
        if is_blank(cell):
            if not feature.accepts_missing:
                return _UNREAD
            return feature.codes[None] if isinstance(feature, Categorical) else np.nan
        if isinstance(feature, Categorical):
            # Without the error, which costs ten times as much and is made once for each cell by the fallback.
            word = find_word(feature, cell)
            return _UNREAD if word is None else feature.codes[word]
        value = read_value(feature, cell)
        return float(value) if isinstance(value, int | float) else _UNREAD
