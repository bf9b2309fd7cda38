"""Which columns of a file have a role: the outcome, the id, the money, the segments, the currency."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bulk.distinct import Column
from model.errors import TrainingError, listed, show
from model.schema import Categorical, Feature, Numeric, Target, fold
from model.schema_names import is_reserved
from model.text import counted
from model.training import column_names
from model.training.profile import Profile, auc_alone

_LEFT: Final = {
    *("left", "churn", "churned", "churner", "attrited", "attrition", "cancelled", "canceled", "closed", "exited"),
    *("terminated", "lost", "leaver", "gone", "inactive", "ended", "unsubscribed", "lapsed", "departed", "positive"),
}
_YES: Final = {"yes", "y", "true", "t", "1", "1.0", "ja", "oui", "sim", "si", "sí"}
_UNIQUE: Final = 0.98
_SEGMENT_WORDS: Final = 8
_SHOWN: Final = 5

Bools = NDArray[np.bool_]


def read_target(column: Column, positive: str | None, path: Path) -> tuple[Target, Bools, Bools]:
    """Return the target, who left, and whose outcome is known.

    Raises
    ------
    TrainingError
        If the column has other than two words, or all customers have the same.
    """
    words: dict[str, str] = {}
    for text in column.words:
        words.setdefault(fold(text), text)
    shown = ", ".join(f"{show(text)} ({_count(column, folded):,})" for folded, text in list(words.items())[:8])
    name = show(column.name)
    if not words:
        raise TrainingError(f"{path}: {name} is blank in every row; it must hold who left.")
    if len(words) == 1:
        raise TrainingError(f"{path}: {name} is {shown} in every row; a model needs customers who left and who stayed.")
    if len(words) > 2:
        raise TrainingError(
            f"{path}: {name} has {len(words):,} words: {shown}{', …' if len(words) > 8 else ''}. It must have two, one "
            "for those who left and one for the others."
        )
    if positive is not None and fold(positive) not in words:
        raise TrainingError(f"{path}: {name} never holds {show(positive)} (--positive). Its words are {shown}.")
    chosen = fold(positive) if positive is not None else _guess(list(words))
    if chosen is None:
        raise TrainingError(f"{path}: {name} has the words {shown}. Name the one of those who left with --positive.")
    (other,) = words.keys() - {chosen}
    target = Target(column.name, words[chosen])
    if target.words.get(other) != 0:
        target = target._replace(negative=words[other])
    by_text = np.array([fold(text) == chosen for text in column.texts], bool)
    return target, by_text[column.codes], ~column.is_blank


def _count(column: Column, folded: str) -> int:
    return sum(count for text, count in column.words.items() if fold(text) == folded)


def _guess(words: Sequence[str]) -> str | None:
    """Return which of two words is that of those who left, None where neither is plain."""
    yes = [word for word in words if word in _YES]
    if len(yes) == 1:
        return yes[0]
    left = [word for word in words if set(column_names.words_of(word)) & _LEFT and not word.startswith(("not ", "no "))]
    return left[0] if len(left) == 1 else None


def find_id(profiles: Sequence[Profile]) -> str | None:
    """Return the column that identifies a customer: by its name, and because nearly every row has its own value."""
    candidates = []
    for profile in profiles:
        name, words = profile.column.name, profile.column.words
        if not name or profile.blanks or is_reserved(name) or len(words) < _UNIQUE * profile.filled:
            continue
        is_named = column_names.is_id(name)
        if not is_named and (profile.form or profile.is_number or profile.share(lambda text: " " in text) > 0):
            continue
        candidates.append((not is_named, profile.filled - len(words), name))
    named = [candidate for candidate in candidates if not candidate[0]]
    unique = [candidate for candidate in candidates if not candidate[1]]
    best = min(named or unique, default=None, key=lambda candidate: candidate[1])
    return best[2] if best and len(profiles[0].column.codes) >= _SHOWN else None


def repeated_ids(profile: Profile) -> list[str]:
    """Return what is wrong with the ids."""
    column, warnings = profile.column, []
    if profile.blanks:
        row = profile.row_numbers[column.is_blank][0]
        warnings.append(f"{column.name} is blank in {counted(profile.blanks, 'row')}, the first of them row {row}.")
    repeated = [text for text, count in column.words.items() if count > 1]
    if repeated:
        rows = profile.row_numbers[column.codes == column.texts.index(repeated[0])]
        ids = counted(len(repeated), "value is", "values are")
        listing = listed([str(row) for row in rows[:_SHOWN]])
        warnings.append(
            f"{column.name}: {ids} in more than one row, such as {show(repeated[0])} in the rows {listing}; training "
            "refuses them: keep one row a customer."
        )
    return warnings


def repeated_rows(profiles: Sequence[Profile]) -> list[str]:
    """Return whether rows are the same in every column, where there are no ids."""
    if not profiles:
        return []
    hashed = np.zeros(len(profiles[0].column.codes), np.uint64)
    for profile in profiles:
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + profile.column.codes.astype(np.uint64) + np.uint64(1)
        hashed ^= hashed >> np.uint64(29)
    _, inverse, counts = np.unique(hashed, return_inverse=True, return_counts=True)
    extra = int((counts - 1).sum())
    if not extra:
        return []
    rows = profiles[0].row_numbers[inverse == int(np.argmax(counts > 1))]
    same = f"{counted(extra, 'row is', 'rows are')} the same as an earlier one in every column"
    return [f"{same}, such as row {rows[1]} as row {rows[0]}: if they are the same customers, keep one row each."]


def find_money(features: Sequence[Feature]) -> str | None:
    """Return the number that looks like what a customer pays a month."""
    numbers = [feature for feature in features if isinstance(feature, Numeric) and feature.minimum >= 0]
    ranked = sorted(numbers, key=lambda feature: -column_names.money_rank(feature.name))
    return ranked[0].name if ranked and column_names.money_rank(ranked[0].name) == 2 else None


def find_currency(money: str | None, profiles: Sequence[Profile]) -> tuple[str, str]:
    """Return the sign of amounts, and where it is from."""
    if money and column_names.currency_of(money):
        return column_names.currency_of(money), f"From the name of {money}."
    for profile in profiles:
        if "currency" in column_names.words_of(profile.column.name) and profile.column.words:
            words = list(profile.column.words)
            sign = column_names.CURRENCIES.get(words[0].lower(), words[0][:10])
            several = f", where {len(words)} are used: amounts must be in one" if len(words) > 1 else ""
            return sign, f"From the column {profile.column.name}{several}."
    signs = [sign for profile in profiles if (sign := column_names.currency_of(profile.column.name))]
    if signs:
        return signs[0], "From the name of a column."
    return "$", "The data has none; set yours."


def find_segments(features: Sequence[Feature], profiles: Mapping[str, Profile], left: Bools) -> tuple[str, ...]:
    """Return the two features of words, and the number, that separate leavers from stayers best."""

    def rank(feature: Feature) -> float:
        return -auc_alone(profiles[feature.name].levels, left)

    usable = [feature for feature in features if not feature.is_protected]
    words = [
        feature for feature in usable if isinstance(feature, Categorical) and len(feature.levels) <= _SEGMENT_WORDS
    ]
    numbers = [feature for feature in usable if isinstance(feature, Numeric) and feature.whole]
    best = [*sorted(words, key=rank)[:2], *sorted(numbers, key=rank)[:1]]
    return tuple(feature.name for feature in features if feature in best)


def likeness(first: str, second: str) -> float:
    """Return how much two names are alike, 0 to 1."""
    return difflib.SequenceMatcher(None, fold(first[:200]), fold(second[:200])).ratio()


def near_names(wanted: str, names: Sequence[str]) -> list[str]:
    """Return the names that are nearly the wanted one."""
    plain = {"".join(column_names.words_of(name)): name for name in names[:2_000] if len(name) < 200}
    own = "".join(column_names.words_of(wanted[:200]))
    near = difflib.get_close_matches(own, list(plain), n=3, cutoff=0.7)
    parts = [
        name for key, name in plain.items() if own and len(own) > 2 and (own in key or (len(key) > 2 and key in own))
    ]
    return list(dict.fromkeys([plain[key] for key in near] + parts))[:3]
