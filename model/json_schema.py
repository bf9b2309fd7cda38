"""The JSON Schema of a customer, from the schema of a model. Standard library only."""

from model.schema import LISTED_WORDS, Categorical, Numeric, Schema
from model.text import VISIBLE


def json_schema(schema: Schema) -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of one customer in canonical spelling.

    The entry points are more lenient than this schema (spellings, text numbers), never stricter.
    """
    properties: dict[str, object] = {}
    if schema.id:
        properties[schema.id] = {"type": "string", "description": "The customer's own number"}
    for feature in schema.features:
        properties[feature.name] = _words(feature) if isinstance(feature, Categorical) else _number(feature)
    required = [feature.name for feature in schema.features if not feature.accepts_missing]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Customer",
        "type": "object",
        "properties": properties,
        "required": required,
        **({} if required else {"anyOf": [{"required": [name]} for name in schema.names]}),
        "examples": [dict(schema.example)],
    }


def _words(feature: Categorical) -> dict[str, object]:
    described: dict[str, object] = {"enum": list(feature.values), "description": feature.help}
    if feature.accepts_other:
        types = ["string", *["integer"] * feature.numbers]
        described = {"type": types, "examples": list(feature.values[:LISTED_WORDS]), "description": feature.help}
        if not feature.accepts_missing:
            described["pattern"] = VISIBLE
    if feature.accepts_missing:
        return {"anyOf": [described, {"type": "null"}], "description": feature.help}
    return described


def _number(feature: Numeric) -> dict[str, object]:
    kind = "integer" if feature.whole else "number"
    number: dict[str, object] = {
        "type": kind,
        "minimum": _plain(feature.minimum),
        "maximum": _plain(feature.maximum),
        "description": f"{feature.help}, in {feature.unit}" if feature.unit else feature.help,
    }
    if feature.accepts_missing or feature.blank:
        number["type"] = [kind, "null"]
    if feature.blank:
        number["description"] = (
            f"{number['description']}; null is accepted where {feature.blank.feature} is {feature.blank.value}"
        )
    return number


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number
