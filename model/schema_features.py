"""The features of schema.json and schema.toml, read strictly. Standard library only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from model.errors import CustomerError
from model.schema import FLAT, OTHER, Blank, Categorical, Feature, Numeric, Word, fold
from model.strict_json import Member
from model.text import clean_id
from model.validate import validate

MAX_WORDS: Final = 10_000
MAX_TEXT: Final = 500
"""Characters of a name, a word or a sentence."""

MAX_NUMBER: Final = 1e15
"""Whole numbers are exact up to 9e15 as floats."""

DIRECTIONS: Final = ("rises", "falls", "free", FLAT)
KINDS: Final = ("flag", "category", "number")
REFUSE, ACCEPT = "refuse", "accept"

_COMMON: Final = ("name", "label", "help", "aliases", "kind", "missing", "protected", "phrases")
_KEYS: Final = {
    "flag": (*_COMMON, "values", "synonyms", "actionable"),
    "category": (*_COMMON, "values", "synonyms", "actionable", "other"),
    "number": (*_COMMON, "unit", "minimum", "maximum", "whole", "direction", "groups", "actionable", "changes"),
}
_WRAPPERS: Final = ("customers", "customer", "changes")
"""Members of JSON bodies around customers."""

_DEFAULT_CHANGES: Final = (-0.1, -0.2)


def read_feature(member: Member, before: Sequence[Feature]) -> Feature:
    """Return the feature that a table describes; `before` are those above it, to which its rule may refer."""
    kind = member.at("kind").text()
    if kind not in KINDS:
        member.at("kind").refuse('"flag", "category" or "number"')
    member.known(_KEYS[kind])
    name = read_name(member.at("name"))
    if fold(name) in _WRAPPERS:
        member.at("name").refuse("another name: a JSON body has a member of this name around customers")
    common: dict[str, Any] = {
        "name": name,
        "label": read_text(member.at("label")) if member.at("label").is_present else "",
        "help": read_text(member.at("help")) if member.at("help").is_present else "",
        "aliases": tuple(read_name(alias) for alias in member.at("aliases").items())
        if member.at("aliases").is_present
        else (),
        "is_protected": _flag(member.at("protected")),
    }
    if common["is_protected"] and (_flag(member.at("actionable")) or member.at("changes").is_present):
        member.at("protected").refuse("false where the feature is actionable: no change of it is ever suggested")
    return _number(member, common, before) if kind == "number" else _words(member, common, kind)


def _words(member: Member, common: Mapping[str, Any], kind: str) -> Categorical:
    is_flag = kind == "flag"
    values = tuple(read_word(value) for value in member.at("values").items("a list of words"))
    accepts_missing = _accepts(member.at("missing"))
    accepts_other = _accepts(member.at("other"))
    if is_flag and len(values) != 2:
        member.at("values").refuse("a list of two words, for no and yes in this order", len(values))
    if not 1 <= len(values) <= MAX_WORDS or len(values) + accepts_missing + accepts_other < 2:
        member.at("values").refuse(f"a list of 2 to {MAX_WORDS:,} words", len(values))
    seen: dict[str, Word] = {}
    for value, word in zip(member.at("values").items(), values, strict=True):
        if fold(str(word)) in seen:
            value.refuse(f'a word that is unlike "{seen[fold(str(word))]}"')
        seen[fold(str(word))] = word
    return Categorical(
        **common,
        values=values,
        is_flag=is_flag,
        synonyms=_synonyms(member.at("synonyms"), values, seen),
        accepts_missing=accepts_missing,
        accepts_other=accepts_other,
        actionable=_flag(member.at("actionable")),
        phrases=_phrases(member.at("phrases"), values),
    )


def read_word(member: Member) -> Word:
    """Return a word of a column."""
    rule = "a word: text that is not blank, or a whole number"
    if type(member.value) is int and abs(member.value) < MAX_NUMBER:
        return member.value
    text = member.value
    if not isinstance(text, str) or not text or len(text) > MAX_TEXT or clean_id(text) != text:
        member.refuse(rule)
    if text == OTHER:
        member.refuse(f"another word than {OTHER}, which means any word that is not listed")
    return text


def _synonyms(member: Member, values: Sequence[Word], words: Mapping[str, Word]) -> dict[str, Word]:
    synonyms: dict[str, Word] = {}
    if not member.is_present:
        return synonyms
    by_text = {str(value): value for value in values}
    for text in member.object():
        if text not in by_text:
            member.at(text).refuse_key(list(by_text)[:20])
        for spelling in member.at(text).items("a list of other spellings"):
            folded = fold(str(read_word(spelling)))
            if folded in synonyms or folded in words:
                spelling.refuse("a spelling of one word only")
            synonyms[folded] = by_text[text]
    return synonyms


def _phrases(member: Member, values: Sequence[Word]) -> dict[Word, str]:
    if not member.is_present:
        return {}
    by_text = {str(value): value for value in values}
    for text in member.object():
        if text not in by_text:
            member.at(text).refuse_key(list(by_text)[:20])
    return {by_text[text]: read_text(member.at(text)) for text in member.object()}


def _number(member: Member, common: Mapping[str, Any], before: Sequence[Feature]) -> Numeric:
    whole = _flag(member.at("whole"))
    bounds = {name: member.at(name).number((-MAX_NUMBER, MAX_NUMBER)) for name in ("minimum", "maximum")}
    if bounds["minimum"] >= bounds["maximum"]:
        member.at("maximum").refuse(f"above the minimum, {bounds['minimum']:g}")
    for name, bound in bounds.items():
        if whole and bound != int(bound):
            member.at(name).refuse("a whole number, as the feature is one")
    direction = member.at("direction").text() if member.at("direction").is_present else "free"
    if direction not in DIRECTIONS:
        member.at("direction").refuse('"rises", "falls", "free" or "flat"')
    missing = member.at("missing")
    blank = _blank(missing, bounds, before) if isinstance(missing.value, dict) else None
    return Numeric(
        **common,
        minimum=bounds["minimum"],
        maximum=bounds["maximum"],
        unit=read_text(member.at("unit"), 50) if member.at("unit").is_present else "",
        whole=whole,
        accepts_missing=blank is None and _accepts(missing),
        blank=blank,
        direction=direction,
        groups=tuple(member.at("groups").rising(least=1)) if member.at("groups").is_present else (),
        changes=_changes(member),
        phrase=_phrase(member.at("phrases")),
    )


def _blank(missing: Member, bounds: Mapping[str, float], before: Sequence[Feature]) -> Blank:
    missing.known(("equals", "when"))
    equals = missing.at("equals").number((bounds["minimum"], bounds["maximum"]), "a number from minimum to maximum")
    when = missing.at("when").object()
    if len(when) != 1:
        missing.at("when").refuse("one feature and its value, such as { orders = 0 }", len(when))
    ((name, value),) = when.items()
    feature = next((feature for feature in before if feature.name == name), None)
    if feature is None or (isinstance(feature, Numeric) and feature.blank):
        missing.at("when").refuse("a feature that comes before this one and has no such rule itself", name)
    try:
        return Blank(equals, name, validate({name: value}, [feature])[name])
    except CustomerError:
        missing.at("when").at(name).refuse(f"a value that {name} may have")


def _changes(member: Member) -> tuple[float, ...]:
    changes = member.at("changes")
    if not changes.is_present:
        return _DEFAULT_CHANGES if _flag(member.at("actionable")) else ()
    rule = "a list of relative changes from -1 to 10, such as -0.1 for ten per cent less"
    return tuple(change.number((-1, 10), rule) for change in changes.items(rule))


def _phrase(member: Member) -> str:
    if not member.is_present:
        return ""
    text = read_text(member)
    try:
        text.format(value="1", s="s")
    except (KeyError, IndexError, ValueError, AttributeError):
        member.refuse("the beginning of a sentence with {value} and, for a plural, {s}")
    return text


def _accepts(member: Member) -> bool:
    if member.is_present and member.value not in (REFUSE, ACCEPT):
        member.refuse(f'"{REFUSE}" or "{ACCEPT}"')
    return member.value == ACCEPT


def _flag(member: Member) -> bool:
    return member.is_present and member.flag()


def read_text(member: Member, longest: int = MAX_TEXT) -> str:
    """Return text for people."""
    text = member.text()
    if not text.strip() or len(text) > longest or not text.isprintable():
        member.refuse(f"text of 1 to {longest} printable characters")
    return text


def read_name(member: Member) -> str:
    """Return the name of a column."""
    text = member.text()
    if not text or len(text) > MAX_TEXT or clean_id(text) != text:
        member.refuse("the name of a column, without spaces around it")
    return text
