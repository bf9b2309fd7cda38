"""schema.json, and the content of schema.toml, read strictly into a Schema. Standard library only.

docs/schema.md lists the keys. Each check names the key, the rule and the value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from model.errors import CustomerError, show
from model.schema import DEFAULT_POSITIVE, Categorical, Feature, Numeric, Schema, Target, Value, fold
from model.schema_features import read_feature
from model.schema_names import is_reserved, read_name, read_text, read_word
from model.strict_json import Member
from model.validate import validate

MAX_FEATURES: Final = 60
"""A row that is read in bulk has a bit for each, of 64."""

_CURRENCIES: Final = ("$", "€", "£", "¥", "dollars", "euros", "pounds", "usd", "eur", "gbp", "jpy", "chf")

_TOP: Final = (
    *("id", "target", "positive", "negative", "money", "segments", "currency", "horizon", "example", "features"),
)


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
    identity = read_name(document.at("id")) if document.at("id").is_present else None
    if identity and is_reserved(identity):
        document.at("id").refuse("a column that no column of the results is named like")
    taken = {fold(identity)} if identity else set()
    for member in described:
        feature = read_feature(member, features)
        if fold(feature.name) in taken:
            member.at("name").refuse("unlike the name of any other feature and of the id")
        taken.add(fold(feature.name))
        for alias, name in zip(member.at("aliases").items() if feature.aliases else [], feature.aliases, strict=True):
            if fold(name) in taken:
                alias.refuse("unlike the name and the aliases of any other column")
            taken.add(fold(name))
        features.append(feature)
    currency = read_text(document.at("currency"), 10) if document.at("currency").is_present else "$"
    money = _money(document.at("money"), features)
    schema = Schema(
        features=tuple([_with_amount(feature, money, currency) for feature in features]),
        example={},
        id=identity,
        target=_target(document, taken),
        money=money,
        segments=_segments(document.at("segments"), features),
        currency=currency,
        horizon=read_text(document.at("horizon")) if document.at("horizon").is_present else "",
    )
    return with_example(schema, _example(document.at("example"), schema))


def with_example(schema: Schema, example: Mapping[str, Value]) -> Schema:
    """Return the same schema with another example."""
    return Schema(**{name: getattr(schema, name) for name in Schema.__dataclass_fields__} | {"example": dict(example)})


def _target(document: Member, taken: set[str]) -> Target:
    target = document.at("target")
    words = document
    if isinstance(target.value, dict):
        words = target
        target.known(("column", "positive", "negative"))
        target = target.at("column")
        for name in ("positive", "negative"):
            if document.at(name).is_present:
                document.at(name).refuse("in the table target, as target is a table")
    column = read_name(target)
    if fold(column) in taken:
        target.refuse("another column than the id and the features")
    positive, negative = words.at("positive"), words.at("negative")
    chosen = Target(
        column,
        str(read_word(positive)) if positive.is_present else DEFAULT_POSITIVE,
        str(read_word(negative)) if negative.is_present else "",
    )
    if not chosen.negative and Target(column).words.get(fold(chosen.positive)) == 0:
        negative.refuse(f"the word of those who stayed, as positive is {show(chosen.positive)}")
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


def _with_amount(feature: Feature, money: str | None, currency: str) -> Feature:
    """Return a feature that knows whether it is money: by its role, or by the beginning of its unit."""
    if not isinstance(feature, Numeric):
        return feature
    unit = (fold(feature.unit).replace("/", " ").split() or [""])[0]
    is_amount = feature.name == money or unit in (*_CURRENCIES, fold(currency))
    return replace(feature, is_amount=True) if is_amount else feature


def _segments(member: Member, features: Sequence[Feature]) -> tuple[str, ...]:
    if not member.is_present:
        return ()
    names = [feature.name for feature in features]
    chosen = [segment.text() for segment in member.items("a list of features")]
    for segment in member.items():
        if segment.value not in names and fold(segment.text()) in map(fold, names):
            segment.refuse("a feature, once, as its name is written (upper and lower case matter)")
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
        problem = error.problems[0]
        wrong = member.at(problem.field) if problem.field in member.object() else member
        wrong.reject(f"example: {problem.message} Change it or remove [example]")


def _example_value(feature: Feature) -> Value:
    if isinstance(feature, Categorical):
        return feature.values[0]
    middle = min(max(0.0, feature.minimum), feature.maximum)
    return int(middle) if feature.whole else middle
