"""What one column of a file looks like: numbers, dates, codes, and how well it separates leavers from stayers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.distinct import Column
from model.validate import read_number

MOSTLY: Final = 0.95
"""The share of the cells that are not blank for which a pattern must hold; the rest is reported."""

_BINS: Final = 20
_MONTHS: Final = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_TIME: Final = r"(?:[ T]\d{1,2}:\d{2}.*)?"

_DATE: Final = re.compile(
    rf"\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}{_TIME}|\d{{1,2}}([-/.])\d{{1,2}}\2(?:\d{{2}}|\d{{4}}){_TIME}"
    rf"|\d{{1,2}}[ -]{_MONTHS}[ -]\d{{2,4}}|{_MONTHS} \d{{1,2}},? \d{{4}}|{_MONTHS}[ -]\d{{2,4}}"
    r"|(?:19|20)\d{2}-(?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])/(?:19|20)\d{2}",
    re.ASCII | re.IGNORECASE,
)
_COMPACT_DATE: Final = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.ASCII)
_PHONE: Final = re.compile(r"(?:\+|\()?\d[\d ()/.-]{6,24}", re.ASCII)
_POSITION: Final = re.compile(r"[+-]?\d{1,3}\.\d+[,; ]\s*[+-]?\d{1,3}\.\d+", re.ASCII)
_SIGNS: Final = re.compile(r"[$€£¥%]|\b(?:usd|eur|gbp|chf)\b", re.IGNORECASE)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+(?:[.,]\d+)?|[+-]?\d++(?:[.,]\d*+)?", re.ASCII)
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+", re.ASCII)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """A column, and what its cells are.

    Attributes
    ----------
    column : Column
    has_commas : bool
        Whether the decimal mark may be a comma: in files that are not separated by commas.
    row_numbers : ndarray of shape (rows,), int64
        As `Table.row_numbers`.
    """

    column: Column
    has_commas: bool
    row_numbers: NDArray[np.int64]

    @cached_property
    def filled(self) -> int:
        """How many rows are not blank."""
        return sum(self.column.words.values())

    @property
    def blanks(self) -> int:
        """How many rows are blank."""
        return len(self.column.codes) - self.filled

    @cached_property
    def numbers(self) -> Floats:
        """The number that each text spells; NaN for other texts.

        Returns
        -------
        ndarray of shape (n_texts,), float64
        """
        texts = self.column.texts
        if self.has_commas:
            texts = [text.replace(",", ".") for text in texts]
        read = [read_number(text) for text in texts]
        numbers = np.array([np.nan if number is None else number for number in read], np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    @cached_property
    def values(self) -> Floats:
        """The number of each row; NaN where it is none."""
        values: Floats = self.numbers[self.column.codes]
        return values

    def share(self, fits: Callable[[str], object]) -> float:
        """Return the share of the filled rows whose text fits."""
        count = sum(count for text, count in self.column.words.items() if fits(text))
        return count / self.filled if self.filled else 0.0

    @cached_property
    def is_number(self) -> bool:
        """Whether the column holds numbers."""
        counts = self.column.counts[~np.isnan(self.numbers)].sum()
        return bool(self.filled) and counts >= MOSTLY * self.filled

    @cached_property
    def is_whole(self) -> bool:
        """Whether all its numbers are whole ones."""
        known = self.values[~np.isnan(self.values)]
        return bool((known == np.round(known)).all())

    @cached_property
    def has_leading_zeros(self) -> bool:
        """Whether texts of digits begin with a zero, as codes do and numbers do not."""
        return self.share(lambda text: len(text) > 1 and text.isdigit() and text.startswith("0")) > 0

    @cached_property
    def digits(self) -> set[int]:
        """The lengths of its texts of digits."""
        return {len(text) for text in self.column.words if text.isdigit()}

    @cached_property
    def form(self) -> str:
        """What the cells are in place of words and numbers, "" where they are those."""
        if not self.filled:
            return ""
        if self.is_number:
            is_date = self.digits == {8} and self.share(_COMPACT_DATE.fullmatch) >= MOSTLY
            return "dates" if is_date else ""
        forms: Mapping[str, Callable[[str], object]] = {
            "dates": _DATE.fullmatch,
            "positions on a map": _POSITION.fullmatch,
            "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch,
            "telephone numbers": _is_phone,
            "numbers with a decimal comma in a file that is separated by commas": _DECIMAL_COMMA.fullmatch,
            "numbers with a sign or with marks between thousands": _is_formatted,
        }
        return next((form for form, fits in forms.items() if self.share(fits) >= MOSTLY), "")

    @cached_property
    def levels(self) -> NDArray[Any]:
        """A group for each row: the word, or one of 20 ranges of numbers; blanks are a group of their own.

        Returns
        -------
        ndarray of shape (rows,), int64
        """
        if not self.is_number:
            return self.column.codes.astype(np.int64)
        known = ~np.isnan(self.values)
        edges = np.unique(np.quantile(self.values[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
        levels = np.searchsorted(edges, np.where(known, self.values, np.inf), side="right")
        return np.where(known, levels, len(edges) + 1)


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and sum(map(str.isdigit, text)) >= 8 and (text[0] in "+(" or " " in text)


def _is_formatted(text: str) -> bool:
    return bool(_GROUPED.fullmatch(_SIGNS.sub("", text).strip()))


def auc_alone(levels: NDArray[Any], left: NDArray[np.bool_]) -> float:
    """Return the ROC AUC of a column by itself: each half of the rows is ranked by the rates of the other half.

    Without the halves, a column of ids would seem to know everything.
    """
    half = np.zeros(len(left), np.int64)
    for kind in (left, ~left):
        half[kind] = np.arange(int(kind.sum())) % 2
    count = int(levels.max(initial=0)) + 1
    base = left.mean()
    leavers = np.array([np.bincount(levels[left & (half == side)], minlength=count) for side in (0, 1)])
    stayers = np.array([np.bincount(levels[~left & (half == side)], minlength=count) for side in (0, 1)])
    rates = ((leavers + base) / (leavers + stayers + 1))[::-1]
    order = np.argsort(rates, axis=None, kind="stable")
    _, ties = np.unique(rates.ravel()[order], return_inverse=True)
    left_in, stayed_in = (np.bincount(ties, weights=counts.ravel()[order]) for counts in (leavers, stayers))
    below = np.cumsum(stayed_in) - stayed_in
    return float((left_in * (below + stayed_in / 2)).sum() / max(left_in.sum() * stayed_in.sum(), 1))
