"""What the JSON Schemas of the API are made of."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.web.description import TEXT, JsonSchema
from model.schema import Schema

SHARE: Final[JsonSchema] = {"type": "number", "minimum": 0, "maximum": 1}
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
NUMBER: Final[JsonSchema] = {"type": "number"}


def refer(name: str) -> JsonSchema:
    """Return a reference to one of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(required: Mapping[str, JsonSchema], optional: Mapping[str, JsonSchema] | None = None) -> JsonSchema:
    """Return the schema of an object; a client must ignore further members."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def array(items: JsonSchema) -> JsonSchema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def described(schema: JsonSchema, description: str) -> JsonSchema:
    """Return a schema with a description."""
    return {**schema, "description": description}


def by(names: Sequence[str], schema: JsonSchema) -> JsonSchema:
    """Return the schema of an object whose members are alike."""
    return members(dict.fromkeys(names, schema))


def feature_name(schema: Schema) -> JsonSchema:
    """Return the schema of the name of a feature."""
    return {"enum": list(schema.names)}


def feature_value(schema: Schema) -> JsonSchema:
    """Return the schema of a value of any feature: null where one may be missing."""
    may_miss = any(feature.accepts_missing for feature in schema.features)
    return {"type": ["string", "number", *["null"] * may_miss]}


METHOD: Final = {
    "reasons_method": described(
        TEXT, "exact: a reason is a part of the model's own sum; tree_shap: its share by TreeSHAP, which adds up too"
    )
}
