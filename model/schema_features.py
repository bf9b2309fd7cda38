"""The features of schema.json and schema.toml, read strictly. Standard library only."""

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, Final

from model.errors import CustomerError
from model.schema import FLAT, Blank, Categorical, Feature, Numeric, Word, fold
from model.schema_names import MAX_NUMBER, read_feature_name, read_text, read_word
from model.strict_json import Member
from model.validate import validate

MAX_WORDS: Final = 10_000
DIRECTIONS: Final = ("rises", "falls", "free", FLAT)
KINDS: Final = ("flag", "category", "number")
REFUSE, ACCEPT = "refuse", "accept"

_COMMON: Final = ("name", "label", "help", "aliases", "kind", "missing", "protected", "phrases")
_KEYS: Final = {
    "flag": (*_COMMON, "values", "synonyms", "actionable"),
    "category": (*_COMMON, "values", "synonyms", "actionable", "other"),
    "number": (*_COMMON, "unit", "minimum", "maximum", "whole", "direction", "groups", "actionable", "changes"),
}
_DEFAULT_CHANGES: Final = (-0.1, -0.2)
_LIMIT: Final = f"a number from {-MAX_NUMBER:g} to {MAX_NUMBER:g}"
_MAX_CHANGES: Final = 20
_MAX_GROUPS: Final = 50

_NO: Final = {"no", "n", "false", "0", "0.0", "off", "nein", "non", "nee", "nej", "não"}
_YES: Final = {"yes", "y", "true", "1", "1.0", "on", "ja", "oui", "sim", "sí"}


def read_feature(member: Member, before: Sequence[Feature]) -> Feature:
    """Return the feature that a table describes; `before` are those above it, to which its rule may refer."""
    kind = member.at("kind").text()
    if kind not in KINDS:
        member.at("kind").refuse('"flag", "category" or "number"')
    member.known(_KEYS[kind])
    common: dict[str, Any] = {
        "name": read_feature_name(member.at("name")),
        "label": read_text(member.at("label")) if member.at("label").is_present else "",
        "help": read_text(member.at("help")) if member.at("help").is_present else "",
        "aliases": tuple(read_feature_name(alias) for alias in member.at("aliases").items())
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
    synonyms = _synonyms(member.at("synonyms"), values, seen)
    if is_flag:
        _check_order(member, values, synonyms)
    return Categorical(
        **common,
        values=values,
        is_flag=is_flag,
        synonyms=synonyms,
        accepts_missing=accepts_missing,
        accepts_other=accepts_other,
        actionable=_flag(member.at("actionable")),
        phrases=_phrases(member.at("phrases"), values),
    )


def _check_order(member: Member, values: Sequence[Word], synonyms: Mapping[str, Word]) -> None:
    """Refuse a flag with a spelling of yes before one of no: JSON's true would mean no."""
    words = {fold(str(value)): value for value in values} | dict(synonyms)
    no, yes = [{text for text, word in words.items() if word == value} for value in values]
    wrong = (no & _YES) | (yes & _NO) | ({"t"} if "t" in no and "f" in yes else set())
    for text in sorted(wrong):
        key = "synonyms" if text in synonyms else "values"
        member.at(key).refuse("no first and yes second: JSON's false means the first word, true the second", text)


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
            if synonyms.get(folded, words.get(folded, by_text[text])) != by_text[text]:
                spelling.refuse("a spelling of one word only")
            if folded not in words:
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
    bounds = {name: member.at(name).number((-MAX_NUMBER, MAX_NUMBER), _LIMIT) for name in ("minimum", "maximum")}
    if bounds["minimum"] >= bounds["maximum"]:
        member.at("maximum").refuse(f"above the minimum, {bounds['minimum']:g}")
    for name, bound in bounds.items():
        if whole and bound != int(bound):
            member.at(name).refuse("a whole number, as the feature is one")
    direction = member.at("direction").text() if member.at("direction").is_present else "free"
    if direction not in DIRECTIONS:
        member.at("direction").refuse('"rises", "falls", "free" or "flat"')
    missing = member.at("missing")
    blank = _blank(missing, bounds, whole, before) if isinstance(missing.value, dict) else None
    return Numeric(
        **common,
        minimum=bounds["minimum"],
        maximum=bounds["maximum"],
        unit=read_text(member.at("unit"), 50) if member.at("unit").is_present else "",
        whole=whole,
        accepts_missing=blank is None and _accepts(missing),
        blank=blank,
        direction=direction,
        groups=_groups(member.at("groups"), bounds),
        changes=_changes(member),
        phrase=_phrase(member.at("phrases")),
    )


def _blank(missing: Member, bounds: Mapping[str, float], whole: bool, before: Sequence[Feature]) -> Blank:
    missing.known(("equals", "when"))
    rule = f"a {'whole ' if whole else ''}number from minimum to maximum"
    equals = missing.at("equals").number((bounds["minimum"], bounds["maximum"]), rule)
    if whole and equals != int(equals):
        missing.at("equals").refuse(rule)
    when = missing.at("when").object()
    if len(when) != 1:
        missing.at("when").refuse("one feature and its value, such as { orders = 0 }", len(when))
    ((name, value),) = when.items()
    feature = next((feature for feature in before if feature.name == name), None)
    if feature is None or (isinstance(feature, Numeric) and feature.blank):
        missing.at("when").refuse("a feature that comes before this one and has no such rule itself", name)
    try:
        typed = validate({name: value}, [feature])[name]
    except CustomerError:
        missing.at("when").at(name).refuse(f"a value that {name} may have")
    if typed is None:
        missing.at("when").at(name).refuse(f"a value of {name} that is not blank")
    return Blank(equals, name, typed)


def _groups(member: Member, bounds: Mapping[str, float]) -> tuple[float, ...]:
    if not member.is_present:
        return ()
    groups = member.rising(least=1)
    if len(groups) > _MAX_GROUPS:
        member.refuse(f"a list of 1 to {_MAX_GROUPS} numbers", len(groups))
    for group in member.items():
        group.number((bounds["minimum"], bounds["maximum"]), "a number from minimum to maximum")
    return tuple(groups)


def _changes(member: Member) -> tuple[float, ...]:
    changes = member.at("changes")
    actionable = _flag(member.at("actionable"))
    if not changes.is_present:
        return _DEFAULT_CHANGES if actionable else ()
    if member.at("actionable").is_present and not actionable:
        member.at("actionable").refuse("true where there are changes, or be left out")
    described = changes.items("a list of relative changes")
    if not 1 <= len(described) <= _MAX_CHANGES:
        changes.refuse(f"a list of 1 to {_MAX_CHANGES} relative changes", len(described))
    chosen: list[float] = []
    for change in described:
        rule = "a relative change from -1 to 10 that is not 0, such as -0.1 for ten per cent less"
        number = change.number((-1, 10), rule)
        if number == 0:
            change.refuse(rule)
        if number in chosen:
            change.refuse("unlike the other changes")
        chosen.append(number)
    return tuple(chosen)


def _phrase(member: Member) -> str:
    if not member.is_present:
        return ""
    text = read_text(member)
    try:
        fields = [(name, form, conversion) for _, name, form, conversion in Formatter().parse(text) if name is not None]
    except ValueError:
        fields = [("", "", None)]
    if any(field not in (("value", "", None), ("s", "", None)) for field in fields):
        member.refuse("the beginning of a sentence with {value} and, for a plural, {s}")
    return text


def _accepts(member: Member) -> bool:
    if member.is_present and member.value not in (REFUSE, ACCEPT):
        member.refuse(f'"{REFUSE}" or "{ACCEPT}"')
    return member.value == ACCEPT


def _flag(member: Member) -> bool:
    return member.is_present and member.flag()
