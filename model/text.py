"""Text as people see it: what is invisible is removed, and letters that look like others are named.

Knows no customer and no file; standard library only.
"""

import math
import re
from typing import Final

_IGNORABLES: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that take no space on a screen: Default_Ignorable_Code_Point of Unicode 15, and U+FFF9 to U+FFFB. Byte
order marks, zero-width spaces, soft hyphens and marks of direction are among them."""

_IGNORABLE: Final = re.compile(f"[{_IGNORABLES}]")

_SPACES: Final = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `str.strip` removes."""

_UNSEEN: Final = f"[{_SPACES}{_IGNORABLES}]"

VISIBLE: Final = "|".join(
    [
        f'[^"{_SPACES}{_IGNORABLES}]',
        # Quotes alone are a text as well, unless they are an empty cell that was quoted after a space.
        f'^[{_IGNORABLES}]*"',
        f'^{_UNSEEN}*"{_UNSEEN}*$',
        f'"{_UNSEEN}*"{_UNSEEN}*"',
    ]
)
"""The regular expression that is found in exactly the texts of which `clean` leaves something, in the syntax that
Python and ECMA-262 with the flag u share: JSON Schema's."""

_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""C0 and C1 controls but tab, line ends and form feed: NUL, Ctrl-Z, DEL."""

_LOOK_ALIKES: Final = {
    **dict(zip("АВЕЅІЈКМНОРСТХУҮӀ", "ABESIJKMHOPCTXYYI", strict=True)),
    **dict(zip("аеорсухѕіјһӏԁԛԝ", "aeopcyxsijhldqw", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    **dict(zip("αιοκνρ", "aiokvp", strict=True)),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}
"""Letters of Cyrillic and Greek, and dashes, by what they look like in ASCII: a part of confusables.txt of Unicode."""

_MARKED_AT_MOST: Final = 3
"""Of one value; the first few show what is wrong, and a message must not grow tenfold."""

_MOST_DECIMALS: Final = 8
"""Of a number in a sentence; a smaller one than 0.000001 has an exponent."""

_WORD: Final = re.compile(r"[^\W\d_]+")

_FOLDABLE: Final = re.compile("[^\u0130\u037e\u1fef\u212a]+")
"""All but what NFC or lower case would turn into ASCII: İ, two signs of Greek, and the Kelvin sign."""


def clean(text: str) -> str:
    """Return a cell without what nobody sees: trimmed, without zero-width characters, a quote after a space removed.

    `, "Yes"` is how some programs write a quoted cell: to a CSV reader the quotes belong to the text, since they do not
    open the cell.
    """
    if not text.isascii():
        text = _IGNORABLE.sub("", text)
    trimmed = text.strip()
    if trimmed[:1] == '"' == trimmed[-1:] and len(trimmed) > 1 and text[0].isspace():
        trimmed = trimmed[1:-1].replace('""', '"').strip()
    return trimmed


def fold_case(text: str) -> str:
    """Return `text` composed (NFC) and in lower case; letters beyond ASCII never become ASCII, and ß stays ß."""
    # Cold starts do without: nearly all text is ASCII.
    from unicodedata import normalize

    text = _FOLDABLE.sub(lambda part: normalize("NFC", part[0]), text)
    # Composed again, as there is a ǰ and no capital of it; a capital sigma has two small ones.
    return _FOLDABLE.sub(lambda part: normalize("NFC", part[0].lower()), text).replace("ς", "σ")


def clean_id(text: str) -> str:
    """Return an id without what nobody sees; control characters are removed as well."""
    return clean(_CONTROLS.sub("", text))


def has_invisible(text: str) -> bool:
    """Return whether `clean_id` does more to some of these texts, joined, than trim them."""
    return bool(_CONTROLS.search(text) or _IGNORABLE.search(text))


def reveal(text: str) -> str:
    """Return `text` with the code point after each letter that looks like an ASCII one and is another.

    Where a word has letters of both kinds, or all of the text looks like ASCII; a word that is plainly Russian, Greek
    or accented stays as it is.
    """
    if text.isascii():
        return text
    looks = [_look(letter) for letter in text]
    is_all = all(look.isascii() for look in looks)
    mixed = {
        index
        for word in _WORD.finditer(text)
        if any(letter.isascii() for letter in word.group())
        for index in range(*word.span())
    }
    marked = [
        index
        for index, (letter, look) in enumerate(zip(text, looks, strict=True))
        if look != letter and (is_all or index in mixed)
    ]
    parts = list(text)
    for index in marked[:_MARKED_AT_MOST]:
        parts[index] += f" (U+{ord(text[index]):04X})"
    return "".join(parts)


def _look(letter: str) -> str:
    """Return what a letter looks like in ASCII, the letter itself where it looks like nothing there."""
    if letter.isascii() or letter in _LOOK_ALIKES:
        return _LOOK_ALIKES.get(letter, letter)
    # Cold starts do without: nearly all text is ASCII.
    import unicodedata

    plain = unicodedata.normalize("NFKC", letter)
    return plain if plain.isascii() and letter.isalnum() else letter


def written(number: float) -> str:
    """Return a number with all its digits: :g would round 123456.78, and make 1e+06 of a million."""
    return f"{number:,}".removesuffix(".0")


def decimals(number: float) -> int:
    """Return how many decimals people need of a number: two, or those of its first three digits where it is below 1."""
    size = abs(number)
    return 2 if size >= 1 or size == 0 else 2 - math.floor(math.log10(size))


def shown(number: float, least: int = 0) -> str:
    """Return a number with the `decimals` that people need, without zeros at its end beyond the `least` decimals."""
    count = decimals(number)
    if count > _MOST_DECIMALS:
        return f"{number:.3g}"
    whole, _, rest = f"{number:,.{count}f}".partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{whole}.{rest}" if rest else whole


def to_percent(share: float) -> str:
    """Return a share with one decimal, such as 26.5%, and below 1 % with the digits that people need: 0.0123%."""
    return f"{share:.1%}" if share >= 0.01 or not share else f"{shown(100 * share)}%"


def within(sentence: str) -> str:
    """Return the beginning of a sentence as it goes on within one: an abbreviation (VIP) keeps its capitals."""
    return sentence if sentence[1:2].isupper() else f"{sentence[:1].lower()}{sentence[1:]}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 row, 2,000 rows."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


_FEW: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(count: int) -> str:
    """Return a number as prose has it: ten, 13."""
    return _FEW[count] if count < len(_FEW) else str(count)


def default_label(name: str) -> str:
    """Return the name of a column in plain words: OrderValue and order_value are "Order value"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").strip()
    if not words.isascii() or words.isupper():
        return words.capitalize() if words.isascii() else words
    # An abbreviation keeps its capitals.
    return words[:1].upper() + re.sub(r"(?<= )[A-Z](?=[a-z])", lambda letter: letter[0].lower(), words[1:])


def quoted(word: str) -> str:
    """Return a word in quotes that it does not hold itself."""
    return f'"{word}"' if '"' not in word else f"'{word}'" if "'" not in word else f"“{word}”"


_UNCLEAR: Final = ("ss", "us", "is", "ies", "ches", "shes", "xes", "zes")
"""Ends of plurals, and of words that are none, whose singular is more than an s away."""


def with_plural(unit: str) -> str:
    """Return a unit for `str.format`, with {s} in place of the s of its plural: months are month{s}; ms stay ms."""
    word = unit.rpartition(" ")[2]
    is_plural = len(word) > 3 and word.isalpha() and word.endswith("s") and not word.endswith(_UNCLEAR)
    return f"{escaped(unit[:-1])}{{s}}" if is_plural else escaped(unit)


def escaped(text: str) -> str:
    """Return text for `str.format` that stays as it is."""
    return text.replace("{", "{{").replace("}", "}}")
