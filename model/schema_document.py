"""A schema as the content of schema.json. Standard library only."""

import json
from typing import Any

from model.schema import Categorical, Feature, Numeric, Schema
from model.schema_features import ACCEPT
from model.text import default_label


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
