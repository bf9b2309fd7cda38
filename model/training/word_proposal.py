"""The words of a column as a feature of a schema: their spellings, their order, and which are rare."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from model.errors import show
from model.schema import Categorical, Feature, Word, fold
from model.schema_names import is_word
from model.text import counted
from model.training import column_names
from model.training.profile import Profile

_MAX_LEVELS: Final = 1_000
_MOST_OTHER: Final = 0.5
"""The share of customers with rare words from which a column is free text rather than words."""

_SHOWN: Final = 5

_NO_YES: Final = (
    *(("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("0", "1"), ("0.0", "1.0"), ("off", "on")),
    *(("nein", "ja"), ("non", "oui"), ("nee", "ja"), ("nej", "ja"), ("não", "sim"), ("no", "sí"), ("no", "si")),
)
_PLACEHOLDERS: Final = {
    "na",
    "n/a",
    "nan",
    "null",
    "nil",
    "-",
    "--",
    "?",
    "unknown",
    "#n/a",
    "missing",
    "not available",
}

_SCALES: Final = (
    ("very low", "low", "medium", "high", "very high"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl"),
    ("tiny", "small", "medium", "large", "very large"),
    ("basic", "standard", "premium"),
    ("bronze", "silver", "gold", "platinum", "diamond"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("daily", "weekly", "monthly", "quarterly", "half-yearly", "yearly"),
    ("month-to-month", "one year", "two year", "three year"),
)


_JOINT: Final = re.compile(r"(?<=[^\W\d_])[ ._-]+(?=[^\W_])|(?<=[^\W_])[ ._-]+(?=[^\W\d_])")
"""What joins two words, or a word and a number; the mark between two digits, and a sign, mean something."""


class Proposal(NamedTuple):
    """A column that is proposed as a feature, or is not.

    Attributes
    ----------
    feature : Feature or None
    notes : list of str
        What people must look at.
    facts : list of str
        What helps them to edit it.
    reason : str
        Why there is no feature, as the second half of "ignored: ...".
    typical : str, int, float or None
        A value for the example.
    """

    feature: Feature | None
    notes: list[str]
    reason: str = ""
    typical: str | int | float | None = None
    facts: Sequence[str] = ()


def propose_words(profile: Profile, notes: list[str], rows: int) -> Proposal:
    """Return the feature that the words of a column may be."""
    column = profile.column
    groups = _group_spellings(column.words)
    counts = {spellings[0]: sum(column.words[text] for text in spellings) for spellings in groups}
    pair = _no_and_yes(profile)
    rare = [] if pair or len(counts) <= 2 else [text for text, count in counts.items() if count < rare_limit(rows)]
    folded = sum(counts[text] for text in rare)
    if len(counts) - len(rare) > _MAX_LEVELS or folded > _MOST_OTHER * profile.filled:
        return Proposal(None, [], _too_many(profile, len(counts), folded))
    frequent = [text for text in counts if text not in set(rare)]
    wrong = [text for text in frequent if not is_word(text)]
    if wrong:
        return Proposal(None, [], f"it has words that cannot be in a schema, such as {show(wrong[0])}")
    texts = list(pair_order(pair, frequent)) if pair else natural_order(frequent)
    values: list[Word] = [int(float(text)) for text in texts] if _all_digits(texts) else list(texts)
    by_text = dict(zip(texts, values, strict=True))
    synonyms = _synonyms([spellings for spellings in groups if spellings[0] in by_text], by_text)
    label, unit = column_names.to_label(column.name)
    if rare:
        notes.append(
            f"{counted(len(rare), 'word')} of fewer than {rare_limit(rows)} customers each, such as {show(rare[0])}, "
            f"share one level with words that are new ({counted(folded, 'customer')})."
        )
    varied = [
        spellings for spellings in groups if spellings[0] in by_text and len({fold(text) for text in spellings}) > 1
    ]
    if varied:
        listing = " = ".join(show(text) for text in varied[0][:_SHOWN])
        notes.append(f"Spellings that differ in case, accents or signs only are taken as one word, such as {listing}.")
    notes += _placeholder_notes(counts)
    if pair and len(counts) == 2 and not rare and min(counts.values()) < rare_limit(rows):
        notes.append(
            f"Only {min(counts.values()):,} customers have {show(min(counts, key=lambda text: counts[text]))}."
        )
    feature = Categorical(
        name=column.name,
        values=tuple(values),
        label="" if unit else label,
        is_flag=pair is not None,
        synonyms=synonyms,
        accepts_missing=bool(profile.blanks),
        accepts_other=bool(rare),
        is_protected=column_names.is_protected(column.name),
    )
    if len(feature.levels) < 2:
        return Proposal(None, [], f"it is {show(texts[0])} in every row, however spelt")
    return Proposal(feature, notes, typical=by_text[max(by_text, key=lambda text: counts[text])])


def rare_limit(rows: int) -> int:
    """Return how many customers a word needs for points of its own."""
    return min(50, max(10, rows // 200))


def _too_many(profile: Profile, count: int, folded: int) -> str:
    if profile.share(lambda text: text.count(" ") >= 2) > 0.5:
        return f"it is free text: {count:,} different ones, most of them rare"
    share = folded / profile.filled
    return f"it has {count:,} different words, and {share:.0%} of the customers have a rare one; group them"


def _group_spellings(words: Mapping[str, int]) -> list[list[str]]:
    """Return the spellings of each word, the most frequent first: but for case, accents, spaces, - _ and ."""
    groups: dict[str, list[str]] = {}
    for text in words:
        plain = unicodedata.normalize("NFKD", text).casefold()
        key = _JOINT.sub("", "".join(letter for letter in plain if not unicodedata.combining(letter)))
        groups.setdefault(key or text, []).append(text)
    if all(map(_is_whole, words)):
        # 1 and 1.0 are one word.
        groups = {}
        for text in words:
            groups.setdefault(str(int(float(text))), []).append(text)
    return list(groups.values())


def _is_whole(text: str) -> bool:
    digits, _, rest = text.partition(".")
    return digits.isascii() and digits.isdigit() and not rest.strip("0") and (digits == "0" or digits[0] != "0")


def _all_digits(texts: Sequence[str]) -> bool:
    return all(_is_whole(text) and len(text) < 15 for text in texts)


def _synonyms(groups: Sequence[Sequence[str]], by_text: Mapping[str, Word]) -> dict[str, Word]:
    synonyms: dict[str, Word] = {}
    taken = {fold(str(word)) for word in by_text.values()}
    for spellings in groups:
        for text in spellings:
            if fold(text) not in taken:
                taken.add(fold(text))
                synonyms[fold(text)] = by_text[spellings[0]]
    return synonyms


def pair_order(pair: tuple[str, str], texts: Sequence[str]) -> Sequence[str]:
    """Return two words, no first."""
    first = str(int(float(pair[0]))) if pair[0] in ("0", "0.0") else pair[0]
    return sorted(texts, key=lambda text: fold(text).removesuffix(".0") != first)


def natural_order(texts: Sequence[str]) -> list[str]:
    """Return words by their numbers, or on a scale that is known, else as they are: by frequency."""
    folded = [fold(text) for text in texts]
    for scale in _SCALES:
        if set(folded) <= set(scale):
            return sorted(texts, key=lambda text: scale.index(fold(text)))
    starts = [_first_number(text) for text in texts]
    known = [start for start in starts if start is not None]
    if len(known) == len(texts) and len(set(known)) == len(known):
        return sorted(texts, key=lambda text: _first_number(text) or 0.0)
    return list(texts)


def _first_number(text: str) -> float | None:
    digits = text.lstrip("<>=+ ~")
    end = next((index for index, letter in enumerate(digits) if letter not in "0123456789."), len(digits))
    try:
        return float(digits[:end]) - (0.5 if text[:1] == "<" else 0.0) + (0.5 if text[:1] == ">" else 0.0)
    except ValueError:
        return None


def _placeholder_notes(counts: Mapping[str, int]) -> list[str]:
    words = [text for text in counts if fold(text) in _PLACEHOLDERS]
    return [
        f"{show(text)} ({counts[text]:,} rows) is a word like any other here; make it blank if it means not known."
        for text in words
    ]


def is_flag(profile: Profile) -> bool:
    """Return whether a column holds no and yes, however they are written."""
    return _no_and_yes(profile) is not None


def _no_and_yes(profile: Profile) -> tuple[str, str] | None:
    words = {fold(text) for text in profile.column.words}
    if words <= {"0", "1", "0.0", "1.0"} and {"0", "0.0"} & words and {"1", "1.0"} & words:
        return "0", "1"
    return next((pair for pair in _NO_YES if words == set(pair)), None)
