"""The bodies of responses and requests as JSON Schemas, from the schema of the model and model/outputs.py.

What a model does not have is not described: an id, money, values that are not known, pairs of features, steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.web.customers import CHANGES, MANY, ONE
from app.web.errors import STATUSES
from app.web.responses import CSV
from model.errors import ERRORS
from model.interval import is_available
from model.json_schema import json_schema
from model.outputs import (
    IDENTITY,
    INPUT,
    PREDICTION,
    PROBABILITY,
    PROBABILITY_HIGH,
    PROBABILITY_LOW,
    REASONS,
    ROW,
    TIER,
    VALUE_AT_RISK,
    computed_columns,
    help_of,
)
from model.schema import BATCH_LABELS, CHURN, NOT_CHURN, TIERS, Categorical, Schema
from model.scorecard import Scorer
from model.terms import StepTerm

JsonSchema = dict[str, Any]

_PROBABILITY: Final[JsonSchema] = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[JsonSchema] = {"type": "number"}
_TEXT: Final[JsonSchema] = {"type": "string"}


def refer(name: str) -> JsonSchema:
    """Return a reference to one of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(required: Mapping[str, JsonSchema], optional: Mapping[str, JsonSchema] | None = None) -> JsonSchema:
    """Return the schema of an object; a client must ignore further members."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def array(items: JsonSchema) -> JsonSchema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def _described(schema: JsonSchema, description: str) -> JsonSchema:
    return {**schema, "description": description}


def _by(names: Sequence[str], schema: JsonSchema) -> JsonSchema:
    return members(dict.fromkeys(names, schema))


def _customer(schema: Schema) -> JsonSchema:
    return {name: value for name, value in json_schema(schema).items() if name != "$schema"}


def _feature(schema: Schema) -> JsonSchema:
    return {"enum": list(schema.names)}


def _value(schema: Schema) -> JsonSchema:
    may_miss = any(feature.accepts_missing for feature in schema.features)
    return {"type": ["string", "number", *["null"] * may_miss]}


def _identity(schema: Schema) -> dict[str, JsonSchema]:
    return {schema.id: IDENTITY.json_schema} if schema.id else {}


def _computed(schema: Schema) -> dict[str, JsonSchema]:
    return {
        column.name: {**column.json_schema, "description": help_of(column.help, schema)}
        for column in computed_columns(schema)
    }


def _bounds(scorer: Scorer) -> dict[str, JsonSchema]:
    """Return the bounds of a probability, which a model may have."""
    return {column.name: column.json_schema for column in (PROBABILITY_LOW, PROBABILITY_HIGH) if is_available(scorer)}


def _money(schema: Schema) -> dict[str, JsonSchema]:
    """Return the amounts of a summary: none without money."""
    return {VALUE_AT_RISK.name: _NUMBER} if schema.money else {}


def _problem() -> JsonSchema:
    standard = {
        "type": _described({"type": "string", "format": "uri"}, "urn:churn:problem: and the code"),
        "title": _TEXT,
        "status": {"enum": sorted(set(STATUSES.values()))},
        "detail": _described(_TEXT, "A sentence: what is wrong, what is accepted, and the value"),
        "instance": _described(_TEXT, "The request id, also in X-Request-Id and in our log"),
        "code": _described({"enum": list(STATUSES)}, "Never changes; sentences may improve"),
    }
    listed = {
        "errors": array(refer("ProblemEntry")),
        "errors_total": _described(_COUNT, "How many there are; at most 20 are listed"),
        "rows_in": _COUNT,
        "rows_rejected": _COUNT,
    }
    return members(standard, listed)


def _entry(schema: Schema) -> JsonSchema:
    return members(
        {"code": {"enum": list(ERRORS)}, "message": _TEXT},
        {
            ROW.name: ROW.json_schema,
            "change": _described({"type": "integer", "minimum": 1}, "From 1, the position in the list of changes"),
            **({schema.id: _TEXT} if schema.id else {}),
            "field": _TEXT,
            "value": _described(_TEXT, "The value as JSON, cut at 40 characters"),
            "rule": _described(_TEXT, "What is accepted, as the second half of a sentence"),
        },
    )


_SCORE: Final = {column.name: column.json_schema for column in (PREDICTION, PROBABILITY, TIER)}
_CONTEXT: Final = {
    "model_version": _TEXT,
    "threshold": _described(_PROBABILITY, "The lowest probability that is labelled churn"),
    "tiers": _described(_by(TIERS, _PROBABILITY), "The lowest probability of each tier"),
    "caution": _described(_TEXT, "How to read suggestions and alternatives"),
}
_METHOD: Final = {
    "reasons_method": _described(
        _TEXT, "exact: a reason is a part of the model's own sum; tree_shap: its share by TreeSHAP, which adds up too"
    )
}
_EFFECT: Final = {
    "contribution": _described(_NUMBER, "In log-odds, unrounded, compared with the average training customer"),
    "sentence": _described(_TEXT, "The same in plain words"),
}


def _reason(scorer: Scorer) -> JsonSchema:
    feature, value = _feature(scorer.schema), _value(scorer.schema)
    one = members({"feature": feature, "value": value, **_EFFECT})
    if not (scorer.additive and scorer.additive.pairs):
        return one
    two = {"minItems": 2, "maxItems": 2}
    pair = members({"features": {**array(feature), **two}, "values": {**array(value), **two}, **_EFFECT})
    return {"anyOf": [one, pair]}


def _alternative(schema: Schema) -> dict[str, JsonSchema]:
    changes = {"type": "object", "propertyNames": _feature(schema), "additionalProperties": _value(schema)}
    return {
        "changes": _described(changes, "What differs from the customer as it is"),
        **_SCORE,
        "difference": _described(
            {"type": "number", "minimum": -1, "maximum": 1}, "From the probability now; below 0 is better"
        ),
    }


_REASONS: Final = {REASONS.name: {**REASONS.json_schema, "items": refer("Reason")}}


def _result(schema: Schema) -> dict[str, JsonSchema]:
    return {
        **_SCORE,
        **_computed(schema),
        "log_odds": _NUMBER,
        "baseline": _described(_NUMBER, "Log-odds of the average customer; with all reasons added it is log_odds"),
        **_REASONS,
        "actions": _described(array(refer("Action")), "Suggestions that would lower this customer's risk, best first"),
        "notes": _described(array(_TEXT), "What to know about this score, such as numbers beyond the training data"),
    }


def _summary(schema: Schema) -> dict[str, JsonSchema]:
    top = {ROW.name: _COUNT, **({schema.id: _TEXT} if schema.id else {}), PROBABILITY.name: _PROBABILITY}
    counted = ("threshold", "customers", "expected_churners", *_money(schema))
    return {
        "rows_in": _COUNT,
        "rows_scored": _COUNT,
        "rows_rejected": _COUNT,
        "blank_lines": _COUNT,
        "model_version": _TEXT,
        "threshold": _PROBABILITY,
        **_METHOD,
        "predicted_churn": _COUNT,
        "tiers": _by(TIERS, _COUNT),
        "expected_churners": _NUMBER,
        **_money(schema),
        "errors_by_code": {"type": "object", "additionalProperties": _COUNT},
        "top": array(members({**top, **_money(schema)})),
        "segments": array(members({"feature": _feature(schema), "groups": array({"type": "object"})})),
        "drift": _described(
            {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
            "Population stability index of each feature and of the probability; null for fewer than 500 customers",
        ),
        "distribution": _described(
            array(members({"from": _PROBABILITY, "to": _PROBABILITY, "customers": _COUNT})),
            "Customers by probability, in twenty bands",
        ),
        "by_threshold": array(_by(counted, {"type": "number", "minimum": 0})),
        "notes": array(_TEXT),
    }


def _term(scorer: Scorer) -> JsonSchema:
    """Return the schema of a term, with the members that those of the model have."""
    schema, additive = scorer.schema, scorer.additive
    terms = additive.terms if additive else ()
    pairs = additive.pairs if additive else ()
    table = {"type": "object", "additionalProperties": _NUMBER}
    optional = {"table": table, "knots": array(_NUMBER), "points": array(_NUMBER)}
    if any(isinstance(term, StepTerm) for term in terms):
        optional["edges"] = _described(array(_NUMBER), "Where steps begin, after the first; points has one more")
    if any(isinstance(feature, Categorical) and feature.accepts_other for feature in schema.features):
        optional["other"] = _described(_NUMBER, "The points of other words")
    if any(feature.accepts_missing for feature in schema.features):
        optional["missing"] = _described(_NUMBER, "The points of a value that is not known")
    one = members({"feature": _feature(schema)}, optional)
    return {"anyOf": [one, _pair(schema)]} if pairs else one


def _pair(schema: Schema) -> JsonSchema:
    two = {"minItems": 2, "maxItems": 2}
    edges = {"anyOf": [array(_NUMBER), {"type": "null"}]}
    levels = {"anyOf": [array({"type": ["string", "null"]}), {"type": "null"}]}
    return members(
        {
            "features": {**array(_feature(schema)), **two},
            "edges": _described({**array(edges), **two}, "Of a number: where steps begin, after the first"),
            "levels": _described({**array(levels), **two}, "Of words: each, and null for a value that is not known"),
            "points": _described(array(array(_NUMBER)), "By line of the first feature, then of the second"),
        }
    )


def _model(scorer: Scorer) -> JsonSchema:
    feature = _feature(scorer.schema)
    return members(
        {
            "version": _TEXT,
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "threshold": _PROBABILITY,
            "tiers": _by(TIERS, _PROBABILITY),
            "baseline": members({"log_odds": _NUMBER, PROBABILITY.name: _PROBABILITY}),
            "ranges": {"type": "object", "propertyNames": feature, "additionalProperties": array(_NUMBER)},
            **_METHOD,
            "additive": _described({"type": "boolean"}, "Whether the model is a sum of terms; if not, terms is empty"),
            "terms": array(_term(scorer)),
        },
        {
            "recipe": members({"name": _TEXT, "engines": array(_TEXT)}),
            "trained_on": {"type": "object"},
            "trained_at": {"type": "string", "format": "date-time"},
            "threshold_choice": {"type": "object"},
            "metrics": {"type": "object"},
            "horizon": _described(_TEXT, "What the probability refers to"),
            "card": _described(_TEXT, "The model card, in Markdown"),
        },
    )


_TIME: Final[JsonSchema] = {"type": "string", "format": "date-time"}
_UPLOAD: Final = {
    "id": _TEXT,
    "url": _described({"type": "string", "format": "uri"}, "The address of the form, for POST as multipart/form-data"),
    "fields": _described(
        {"type": "object", "additionalProperties": _TEXT},
        "The parts of the form, unchanged; after them the CSV, compressed with gzip or not, as the part file",
    ),
    "max_bytes": _described(_COUNT, "The longest file that is accepted"),
    "expires": _described(_TIME, "The form may be sent until then"),
    "job": _described(_TEXT, "The path of the job"),
}
_FILE: Final = members({"url": {"type": "string", "format": "uri"}, "bytes": _COUNT})
_JOB_STATUSES: Final = ("waiting", "running", "done", "failed", "expired")
_JOB: Final = {
    "uploaded": _described({"type": "boolean"}, "While waiting: whether the file has arrived"),
    "expires": _described(
        _TIME, "While waiting, until when the file is accepted; once done, until when the links may be used"
    ),
    "bytes": _described({"type": ["integer", "null"]}, "Of the file"),
    "bytes_read": _described(_COUNT, "Of these so far"),
    "rows_in": _described(_COUNT, "So far; may decrease when an attempt is repeated"),
    "updated": _described(_TIME, "When these counts were written"),
    "stopped": _described(_TEXT, "Why the last attempt stopped; while waiting, there will be another"),
    "summary": refer("Summary"),
    "files": _described(
        {"type": "object", "additionalProperties": _FILE}, "predictions.csv, rejects.csv and summary.json, to download"
    ),
    "failure": refer("ProblemEntry"),
}
_HEALTH: Final = {
    "status": {"const": "ok"},
    "model_version": _TEXT,
    "model_sha256": _TEXT,
    "threshold": _PROBABILITY,
}


def request_bodies(schema: Schema, max_customers: int) -> dict[str, JsonSchema]:
    """Return the bodies of requests that are no component, by name."""
    customers = {**array(refer("Customer")), "minItems": 1, "maxItems": max_customers}
    # A change may be of any feature, in the form that a customer has.
    change = {"type": "object", "propertyNames": _feature(schema)}
    changes = {**array(change), "minItems": 1, "maxItems": max_customers}
    what_if = members({ONE: refer("Customer")}, {CHANGES: {"anyOf": [change, changes]}})
    return {
        "CustomerList": {**members({MANY: customers}), "additionalProperties": False},
        "WhatIf": {**what_if, "additionalProperties": False},
        "FileForm": members({"file": {"type": "string", "contentMediaType": CSV}}),
    }


def components(scorer: Scorer) -> dict[str, JsonSchema]:
    """Return every schema of the description by name."""
    schema = scorer.schema
    identity, result, alternative = _identity(schema), _result(schema), _alternative(schema)
    optional = {**identity, **_bounds(scorer)}
    return {
        "Customer": _customer(schema),
        "Problem": _problem(),
        "ProblemEntry": _entry(schema),
        "Label": members({"Prediction": {"enum": [CHURN, NOT_CHURN]}}),
        "Labels": {"type": "object", "additionalProperties": {"enum": list(BATCH_LABELS.values())}},
        "Reason": _reason(scorer),
        "Alternative": members(alternative),
        "Action": members({"suggestion": _TEXT, **alternative}),
        "Result": members(result, optional),
        "Errors": members({"errors": array(refer("ProblemEntry"))}, identity),
        "OneResult": members({**result, **_CONTEXT, **_METHOD}, optional),
        "ManyResults": members(
            {"results": array({"anyOf": [refer("Result"), refer("Errors")]}), **_CONTEXT, **_METHOD}
        ),
        "Alternatives": members({**_SCORE, "alternatives": array(refer("Alternative")), **_CONTEXT}, identity),
        "Row": members(
            {ROW.name: ROW.json_schema},
            {
                **identity,
                **_SCORE,
                **_computed(schema),
                **_bounds(scorer),
                **_REASONS,
                INPUT.name: INPUT.json_schema,
                "errors": array(refer("ProblemEntry")),
            },
        ),
        "Summary": members(_summary(schema)),
        "Upload": members(_UPLOAD),
        "Job": members({"id": _TEXT, "status": {"enum": list(_JOB_STATUSES)}}, _JOB),
        "Model": _model(scorer),
        "Health": members(_HEALTH),
        "Welcome": members({"message": _TEXT, **_HEALTH, "routes": {"type": "object", "additionalProperties": _TEXT}}),
    }
