"""One column of a file as a feature of a schema: its kind, words or bounds, and what people must look at."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import show
from model.schema import Numeric
from model.schema_names import MAX_NUMBER, MAX_TEXT, is_plain, why_not_feature
from model.text import counted, to_percent, written
from model.training import column_names
from model.training.profile import Profile
from model.training.word_proposal import Proposal, is_flag, propose_words

_MAX_CODES: Final = 50
"""Different codes in digits that are proposed as words."""

_WIDE: Final = 5
"""A bound is the next 1, 2 or 5 with zeros that is at least so many times the largest number of the data: cents for
dollars are beyond it for most customers, and tomorrow's largest customer is not."""

_SHOWN: Final = 5

_UNIQUE: Final = 0.95
"""The share of different values from which a column may be an id."""

_ADVICE: Final = {
    "dates": "; a number, such as the days since then, would be a feature",
    "numbers with a decimal comma in a file that is separated by commas": "; separate it by semicolons, or use points",
    "numbers with a sign or with marks between thousands": "; write them like 1889.50",
}


def propose(profile: Profile, rows: int) -> Proposal:
    """Return the feature that a column may be, or why it is none."""
    name = profile.column.name
    reason = _unfit_name(name) or _unfit_content(profile)
    if reason:
        return Proposal(None, [], reason)
    notes = []
    if profile.blanks:
        notes.append(f"Blank in {profile.blanks:,} of {rows:,} rows ({to_percent(profile.blanks / rows)}).")
    if _is_coded(profile):
        notes.append("Its numbers look like codes, so they are words here.")
    elif profile.is_number and not is_flag(profile):
        return _number(profile, notes)
    return propose_words(profile, notes, rows)


def _unfit_name(name: str) -> str:
    if not name:
        return "it has no name"
    if not is_plain(name):
        return f"its name is longer than {MAX_TEXT} characters or has invisible ones; rename the column"
    return why_not_feature(name)


def _unfit_content(profile: Profile) -> str:
    column, filled = profile.column, profile.filled
    words = column.words
    if not filled:
        return "it is blank in every row"
    if len(words) == 1 and not profile.blanks:
        return f"it is {show(next(iter(words)))} in every row"
    if column_names.is_position(column.name) and (profile.is_number or profile.form):
        return "it is a position on a map; a column with the region would be better"
    if profile.form:
        sample = show(next(iter(words)))
        return f"it holds {profile.form}, such as {sample}{_ADVICE.get(profile.form, '')}"
    is_unique = len(words) > _UNIQUE * filled and filled >= _SHOWN
    if is_unique and not profile.is_number:
        kind = "text" if profile.share(lambda text: " " in text) > 0.5 else "an id"
        return f"{len(words):,} of {filled:,} rows have a word of their own: {kind}, not a property"
    if is_unique and (column_names.is_id(column.name) or column_names.is_code(column.name)):
        return "nearly every row has a number of its own: an id, not a property"
    if is_unique and profile.is_whole and _counts_rows(profile):
        return "it counts the rows"
    if column_names.is_phone(column.name) and profile.is_number and min(profile.digits, default=0) >= 7:
        return f"it holds telephone numbers, such as {show(next(iter(words)))}"
    if _is_coded(profile) and len(words) > _MAX_CODES:
        return f"it holds {len(words):,} different codes in digits, whose size means nothing; group them"
    return ""


def _counts_rows(profile: Profile) -> bool:
    steps = np.diff(profile.values)
    return bool(len(steps)) and bool((steps == 1).all())


def _is_coded(profile: Profile) -> bool:
    if not profile.is_number or not profile.is_whole or is_flag(profile):
        return False
    return column_names.is_code(profile.column.name) or profile.has_leading_zeros


def _number(profile: Profile, notes: list[str]) -> Proposal:
    column = profile.column
    is_wrong = np.isnan(profile.numbers) & np.array([bool(text) for text in column.texts])
    if is_wrong.any():
        wrong = [column.texts[index] for index in np.flatnonzero(is_wrong)]
        rows = profile.row_numbers[is_wrong[column.codes]]
        listing = ", ".join(map(show, wrong[:_SHOWN]))
        cells = counted(len(rows), "cell is no number", "cells are no numbers")
        notes.append(f"{cells} (row {rows[0]}): {listing}. Make them blank, or write numbers: training refuses others.")
    known = profile.values[~np.isnan(profile.values)]
    if known.min() == known.max():
        return Proposal(None, [], f"it is {known.min():g} in every row that is not blank")
    minimum, maximum = _bounds(column.name, known)
    if max(-minimum, maximum) > MAX_NUMBER:
        return Proposal(None, [], f"it has numbers beyond {MAX_NUMBER:g}")
    label, unit = column_names.to_label(column.name)
    if profile.is_whole and len(profile.digits) == 1 and max(profile.digits) >= 3 and len(column.words) <= _MAX_CODES:
        notes.append('All its numbers have the same length: if they are codes, make it kind = "category" with values.')
    facts = [f"The data has {written(float(known.min()))} to {written(float(known.max()))}."]
    feature = Numeric(
        name=column.name,
        label=label,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        whole=profile.is_whole,
        accepts_missing=bool(profile.blanks or is_wrong.any()),
        is_protected=column_names.is_protected(column.name),
    )
    middle = float(np.sort(known)[len(known) // 2])
    return Proposal(feature, notes, typical=int(middle) if profile.is_whole else middle, facts=facts)


def _bounds(name: str, known: NDArray[Any]) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    if column_names.is_age(name) and low >= 0 and high <= 120:
        return 0.0, 120.0
    if low >= 1900 and high <= 2100 and "year" in column_names.words_of(name):
        return 1900.0, 2100.0
    if column_names.is_percentage(name) and low >= 0 and high <= 100:
        return 0.0, 100.0
    largest = _round_up(_WIDE * max(abs(low), abs(high)))
    return (-largest if low < 0 else 0.0), largest


def _round_up(number: float) -> float:
    power = 10.0 ** math.floor(math.log10(number))
    rounded = next(step * power for step in (1, 2, 5, 10) if number <= step * power * (1 + 1e-9))
    return max(rounded, 1.0)
