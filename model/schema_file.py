"""schema.json, and the content of schema.toml: read strictly into a Schema, and written. Standard library only.

docs/schema.md lists the keys. Each check names the key, the rule and the value.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from model.errors import CustomerError
from model.schema import (
    DEFAULT_POSITIVE,
    OTHER,
    Blank,
    Categorical,
    Feature,
    Numeric,
    Schema,
    Target,
    Value,
    Word,
    default_label,
    fold,
)
from model.strict_json import Member
from model.text import clean_id
from model.validate import validate

MAX_FEATURES: Final = 60
"""A row that is read in bulk has a bit for each, of 64."""

MAX_WORDS: Final = 10_000
MAX_TEXT: Final = 500
"""Characters of a name, a word or a sentence."""

MAX_NUMBER: Final = 1e15
"""Whole numbers are exact up to 9e15 as floats."""

DIRECTIONS: Final = ("rises", "falls", "free")
KINDS: Final = ("flag", "category", "number")
REFUSE, ACCEPT = "refuse", "accept"

_TOP: Final = (
    *("id", "target", "positive", "negative", "money", "segments", "currency", "horizon", "example", "features"),
)
_COMMON: Final = ("name", "label", "help", "aliases", "kind", "missing", "protected", "phrases")
_KEYS: Final = {
    "flag": (*_COMMON, "values", "synonyms", "actionable"),
    "category": (*_COMMON, "values", "synonyms", "actionable", "other"),
    "number": (*_COMMON, "unit", "minimum", "maximum", "whole", "direction", "groups", "actionable", "changes"),
}
_RESERVED: Final = ("row", "prediction", "probability", "tier", "error", "errors", "reasons", "input", "value_at_risk")
"""Columns of results, so that no id can be named like one."""

_WRAPPERS: Final = ("customers", "customer", "changes")
"""Members of JSON bodies around customers."""

_DEFAULT_CHANGES: Final = (-0.1, -0.2)


def read_schema(document: Member) -> Schema:
    """Return the schema that a document describes.

    Raises
    ------
    DocumentError
    """
    document.known(_TOP)
    features: list[Feature] = []
    described = document.at("features").items("a list of features")
    if not 1 <= len(described) <= MAX_FEATURES:
        document.at("features").refuse(f"a list of 1 to {MAX_FEATURES} features", len(described))
    identity = _name(document.at("id")) if document.at("id").is_present else None
    if identity and fold(identity) in _RESERVED:
        document.at("id").refuse("a column that no column of the results is named like")
    taken = {fold(identity)} if identity else set()
    for member in described:
        feature = _feature(member, features)
        if fold(feature.name) in taken:
            member.at("name").refuse("unlike the name of any other feature and of the id")
        taken.add(fold(feature.name))
        features.append(feature)
    schema = Schema(
        features=tuple(features),
        example={},
        id=identity,
        target=_target(document, taken),
        money=_money(document.at("money"), features),
        segments=_segments(document.at("segments"), features),
        currency=_text(document.at("currency"), 10) if document.at("currency").is_present else "$",
        horizon=_text(document.at("horizon")) if document.at("horizon").is_present else "",
    )
    return with_example(schema, _example(document.at("example"), schema))


def with_example(schema: Schema, example: Mapping[str, Value]) -> Schema:
    """Return the same schema with another example."""
    return Schema(**{name: getattr(schema, name) for name in Schema.__dataclass_fields__} | {"example": dict(example)})


def _feature(member: Member, before: Sequence[Feature]) -> Feature:
    kind = member.at("kind").text()
    if kind not in KINDS:
        member.at("kind").refuse('"flag", "category" or "number"')
    member.known(_KEYS[kind])
    name = _name(member.at("name"))
    if fold(name) in _WRAPPERS:
        member.at("name").refuse("another name: a JSON body has a member of this name around customers")
    common: dict[str, Any] = {
        "name": name,
        "label": _text(member.at("label")) if member.at("label").is_present else "",
        "help": _text(member.at("help")) if member.at("help").is_present else "",
        "aliases": tuple(_name(alias) for alias in member.at("aliases").items())
        if member.at("aliases").is_present
        else (),
        "is_protected": _flag(member.at("protected")),
    }
    if common["is_protected"] and (_flag(member.at("actionable")) or member.at("changes").is_present):
        member.at("protected").refuse("false where the feature is actionable: no change of it is ever suggested")
    return _number(member, common, before) if kind == "number" else _words(member, common, kind)


def _words(member: Member, common: Mapping[str, Any], kind: str) -> Categorical:
    is_flag = kind == "flag"
    values = tuple(_word(value) for value in member.at("values").items("a list of words"))
    accepts_missing = _accepts(member.at("missing"))
    accepts_other = _accepts(member.at("other"))
    if is_flag and len(values) != 2:
        member.at("values").refuse("a list of two words, for no and yes in this order", len(values))
    if not 1 <= len(values) <= MAX_WORDS or len(values) + accepts_missing + accepts_other < 2:
        member.at("values").refuse(f"a list of 2 to {MAX_WORDS:,} words", len(values))
    seen: dict[str, Word] = {}
    for value, given in zip(member.at("values").items(), values, strict=True):
        if fold(str(given)) in seen:
            value.refuse(f'a word that is unlike "{seen[fold(str(given))]}"')
        seen[fold(str(given))] = given
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


def _word(member: Member) -> Word:
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
            folded = fold(str(_word(spelling)))
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
    return {by_text[text]: _text(member.at(text)) for text in member.object()}


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
        member.at("direction").refuse('"rises", "falls" or "free"')
    missing = member.at("missing")
    blank = _blank(missing, bounds, before) if isinstance(missing.value, dict) else None
    return Numeric(
        **common,
        **bounds,
        unit=_text(member.at("unit"), 50) if member.at("unit").is_present else "",
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
        missing.at("when").refuse("one feature and its value, such as { tenure = 0 }", len(when))
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
    text = _text(member)
    try:
        text.format(value="1", s="s")
    except (KeyError, IndexError, ValueError, AttributeError):
        member.refuse("the beginning of a sentence with {value} and, for a plural, {s}")
    return text


def _target(document: Member, taken: set[str]) -> Target:
    target = document.at("target")
    words = document
    if isinstance(target.value, dict):
        words = target
        target.known(("column", "positive", "negative"))
        target = target.at("column")
    column = _name(target)
    if fold(column) in taken:
        target.refuse("another column than the id and the features")
    positive, negative = words.at("positive"), words.at("negative")
    chosen = Target(
        column,
        str(_word(positive)) if positive.is_present else DEFAULT_POSITIVE,
        str(_word(negative)) if negative.is_present else "",
    )
    if fold(chosen.positive) == fold(chosen.negative) or not all(value in chosen.words.values() for value in (0, 1)):
        positive.refuse("another word than that of those who stayed")
    return chosen


def _money(member: Member, features: Sequence[Feature]) -> str | None:
    if not member.is_present:
        return None
    numbers = [feature.name for feature in features if isinstance(feature, Numeric)]
    if member.value not in numbers:
        member.refuse("a feature that is a number")
    return member.text()


def _segments(member: Member, features: Sequence[Feature]) -> tuple[str, ...]:
    if not member.is_present:
        return ()
    names = [feature.name for feature in features]
    chosen = [segment.text() for segment in member.items("a list of features")]
    for segment in member.items():
        if segment.value not in names or chosen.count(segment.text()) > 1:
            segment.refuse("a feature, once")
    return tuple(chosen)


def _example(member: Member, schema: Schema) -> dict[str, Value]:
    if not member.is_present:
        return {feature.name: _example_value(feature) for feature in schema.features}
    member.known(schema.names)
    try:
        return validate(member.object(), schema.features)
    except CustomerError as error:
        member.refuse(f"a customer that is accepted. {error.problems[0].message[:-1]}; it is", None)


def _example_value(feature: Feature) -> Value:
    if isinstance(feature, Categorical):
        return feature.values[0]
    middle = min(max(0.0, feature.minimum), feature.maximum)
    return int(middle) if feature.whole else middle


def _accepts(member: Member) -> bool:
    if member.is_present and member.value not in (REFUSE, ACCEPT):
        member.refuse(f'"{REFUSE}" or "{ACCEPT}"')
    return member.value == ACCEPT


def _flag(member: Member) -> bool:
    return member.is_present and member.flag()


def _text(member: Member, longest: int = MAX_TEXT) -> str:
    text = member.text()
    if not text.strip() or len(text) > longest or not text.isprintable():
        member.refuse(f"text of 1 to {longest} printable characters")
    return text


def _name(member: Member) -> str:
    text = member.text()
    if not text or len(text) > MAX_TEXT or clean_id(text) != text:
        member.refuse("the name of a column, without spaces around it")
    return text


def to_document(schema: Schema) -> dict[str, Any]:
    """Return what `read_schema` reads; keys that have their default are left out."""
    target = schema.target
    document: dict[str, Any] = {
        **({"id": schema.id} if schema.id else {}),
        "target": target.column,
        "positive": target.positive,
        **({"negative": target.negative} if target.negative else {}),
        **({"money": schema.money} if schema.money else {}),
        **({"segments": list(schema.segments)} if schema.segments else {}),
        "currency": schema.currency,
        **({"horizon": schema.horizon} if schema.horizon else {}),
        "example": dict(schema.example),
        "features": [_describe(feature) for feature in schema.features],
    }
    return document


def to_json(schema: Schema) -> bytes:
    """Return the content of schema.json."""
    return (json.dumps(to_document(schema), indent=2, ensure_ascii=False) + "\n").encode()


def _describe(feature: Feature) -> dict[str, Any]:
    described: dict[str, Any] = {"name": feature.name}
    if feature.label != default_label(feature.name):
        described["label"] = feature.label
    if feature.help != feature.label:
        described["help"] = feature.help
    if feature.aliases:
        described["aliases"] = list(feature.aliases)
    described |= _describe_words(feature) if isinstance(feature, Categorical) else _describe_number(feature)
    if feature.is_protected:
        described["protected"] = True
    return described


def _describe_words(feature: Categorical) -> dict[str, Any]:
    synonyms: dict[str, list[str]] = {}
    for spelling, word in feature.synonyms.items():
        synonyms.setdefault(str(word), []).append(spelling)
    return {
        "kind": "flag" if feature.is_flag else "category",
        "values": list(feature.values),
        **({"synonyms": synonyms} if synonyms else {}),
        **({"missing": ACCEPT} if feature.accepts_missing else {}),
        **({"other": ACCEPT} if feature.accepts_other else {}),
        **({"actionable": True} if feature.actionable else {}),
        **({"phrases": {str(word): phrase for word, phrase in feature.phrases.items()}} if feature.phrases else {}),
    }


def _describe_number(feature: Numeric) -> dict[str, Any]:
    blank = feature.blank
    default_phrase = Numeric(
        name=feature.name, label=feature.label, unit=feature.unit, minimum=feature.minimum, maximum=feature.maximum
    ).phrase
    return {
        "kind": "number",
        **({"unit": feature.unit} if feature.unit else {}),
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        **({"whole": True} if feature.whole else {}),
        **({"missing": ACCEPT} if feature.accepts_missing else {}),
        **({"missing": {"equals": blank.equals, "when": {blank.feature: blank.value}}} if blank else {}),
        **({"direction": feature.direction} if feature.direction != "free" else {}),
        **({"groups": list(feature.groups)} if feature.groups else {}),
        **({"changes": list(feature.changes)} if feature.changes else {}),
        **({"phrases": feature.phrase} if feature.phrase != default_phrase else {}),
    }
