"""The bodies of responses and requests as JSON Schemas, from the schema of the model and model/outputs.py.

What a model does not have is not described: an id, money, values that are not known, pairs of features, steps.
"""

from typing import Final

from app.web.customers import CHANGES, MANY, ONE
from app.web.description import TEXT, JsonSchema
from app.web.errors import STATUSES
from app.web.json_schemas import (
    COUNT,
    METHOD,
    NUMBER,
    SHARE,
    array,
    by,
    described,
    feature_name,
    feature_value,
    members,
    refer,
)
from app.web.model_schemas import model
from app.web.responses import CSV
from model.errors import ERRORS
from model.interval import is_available
from model.json_schema import json_schema
from model.outputs import (
    IDENTITY,
    INPUT,
    NOTES,
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
from model.schema import BATCH_LABELS, CHURN, NOT_CHURN, TIERS, Schema
from model.scorecard import Scorer


def _customer(schema: Schema) -> JsonSchema:
    return {name: value for name, value in json_schema(schema).items() if name != "$schema"}


def _identity(schema: Schema) -> dict[str, JsonSchema]:
    return {schema.id: IDENTITY.json_schema} if schema.id else {}


def _computed(schema: Schema) -> dict[str, JsonSchema]:
    """Return the computed numbers of a customer, null where the money is not known."""
    money = schema.by_name.get(schema.money or "")
    kind = {"type": ["number", "null"]} if money and money.accepts_missing else {}
    return {
        column.name: {**column.json_schema, "description": help_of(column.help, schema), **kind}
        for column in computed_columns(schema)
    }


def _bounds(scorer: Scorer) -> dict[str, JsonSchema]:
    """Return the bounds of a probability, which a model may have."""
    return {column.name: column.json_schema for column in (PROBABILITY_LOW, PROBABILITY_HIGH) if is_available(scorer)}


def _money(schema: Schema) -> dict[str, JsonSchema]:
    """Return the amounts of a summary: none without money."""
    return {VALUE_AT_RISK.name: NUMBER} if schema.money else {}


def _problem() -> JsonSchema:
    standard = {
        "type": described({"type": "string", "format": "uri"}, "urn:churn:problem: and the code"),
        "title": TEXT,
        "status": {"enum": sorted(set(STATUSES.values()))},
        "detail": described(TEXT, "A sentence: what is wrong, what is accepted, and the value"),
        "instance": described(TEXT, "The request id, also in X-Request-Id and in our log"),
        "code": described({"enum": list(STATUSES)}, "Never changes; sentences may improve"),
    }
    listed = {
        "errors": array(refer("ProblemEntry")),
        "errors_total": described(COUNT, "How many there are; at most 20 are listed"),
        "rows_in": COUNT,
        "rows_rejected": COUNT,
    }
    return members(standard, listed)


def _entry(schema: Schema) -> JsonSchema:
    return members(
        {"code": {"enum": list(ERRORS)}, "message": TEXT},
        {
            ROW.name: ROW.json_schema,
            "change": described({"type": "integer", "minimum": 1}, "From 1, the position in the list of changes"),
            **({schema.id: TEXT} if schema.id else {}),
            "field": TEXT,
            "value": described(TEXT, "The value as JSON, cut at 40 characters"),
            "rule": described(TEXT, "What is accepted, as the second half of a sentence"),
        },
    )


_SCORE: Final = {column.name: column.json_schema for column in (PREDICTION, PROBABILITY, TIER)}
_CONTEXT: Final = {
    "model_version": TEXT,
    "threshold": described(SHARE, "The lowest probability that is labelled churn"),
    "tiers": described(by(TIERS, SHARE), "The lowest probability of each tier"),
    "caution": described(TEXT, "How to read suggestions and alternatives"),
}
_EFFECT: Final = {
    "contribution": described(NUMBER, "In log-odds, unrounded, compared with the average training customer"),
    "sentence": described(TEXT, "The same in plain words"),
}


def _reason(scorer: Scorer) -> JsonSchema:
    feature, value = feature_name(scorer.schema), feature_value(scorer.schema)
    one = members({"feature": feature, "value": value, **_EFFECT})
    if not (scorer.additive and scorer.additive.pairs):
        return one
    two = {"minItems": 2, "maxItems": 2}
    pair = members({"features": {**array(feature), **two}, "values": {**array(value), **two}, **_EFFECT})
    return {"anyOf": [one, pair]}


def _alternative(schema: Schema) -> dict[str, JsonSchema]:
    changes = {"type": "object", "propertyNames": feature_name(schema), "additionalProperties": feature_value(schema)}
    return {
        "changes": described(changes, "What differs from the customer as it is"),
        **_SCORE,
        "difference": described(
            {"type": "number", "minimum": -1, "maximum": 1}, "From the probability now; below 0 is better"
        ),
    }


_REASONS: Final = {REASONS.name: {**REASONS.json_schema, "items": refer("Reason")}}


def _result(schema: Schema) -> dict[str, JsonSchema]:
    return {
        **_SCORE,
        **_computed(schema),
        "log_odds": NUMBER,
        "baseline": described(NUMBER, "Log-odds of the average customer; with all reasons added it is log_odds"),
        **_REASONS,
        "actions": described(array(refer("Action")), "Suggestions that would lower this customer's risk, best first"),
        NOTES.name: described(array(TEXT), "What to know about this score, such as numbers beyond the training data"),
    }


def _summary(schema: Schema) -> dict[str, JsonSchema]:
    top = {ROW.name: COUNT, **({schema.id: TEXT} if schema.id else {}), PROBABILITY.name: SHARE}
    counted = ("threshold", "customers", "expected_churners", *_money(schema))
    return {
        "rows_in": COUNT,
        "rows_scored": COUNT,
        "rows_rejected": COUNT,
        "blank_lines": COUNT,
        "model_version": TEXT,
        "threshold": SHARE,
        **METHOD,
        "predicted_churn": COUNT,
        "tiers": by(TIERS, COUNT),
        "expected_churners": NUMBER,
        **_money(schema),
        "errors_by_code": {"type": "object", "additionalProperties": COUNT},
        "top": array(members({**top, **_money(schema)})),
        "segments": array(members({"feature": feature_name(schema), "groups": array({"type": "object"})})),
        "drift": described(
            {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
            "Population stability index of each feature and of the probability; null for fewer than 500 customers",
        ),
        "distribution": described(
            array(members({"from": SHARE, "to": SHARE, "customers": COUNT})),
            "Customers by probability, in twenty bands",
        ),
        "by_threshold": array(by(counted, {"type": "number", "minimum": 0})),
        "notes": array(TEXT),
    }


_TIME: Final[JsonSchema] = {"type": "string", "format": "date-time"}
_UPLOAD: Final = {
    "id": TEXT,
    "url": described({"type": "string", "format": "uri"}, "The address of the form, for POST as multipart/form-data"),
    "fields": described(
        {"type": "object", "additionalProperties": TEXT},
        "The parts of the form, unchanged; after them the CSV, compressed with gzip or not, as the part file",
    ),
    "max_bytes": described(COUNT, "The longest file that is accepted"),
    "expires": described(_TIME, "The form may be sent until then"),
    "job": described(TEXT, "The path of the job"),
}
_FILE: Final = members({"url": {"type": "string", "format": "uri"}, "bytes": COUNT})
_JOB_STATUSES: Final = ("waiting", "running", "done", "failed", "expired")
_JOB: Final = {
    "uploaded": described({"type": "boolean"}, "While waiting: whether the file has arrived"),
    "expires": described(
        _TIME, "While waiting, until when the file is accepted; once done, until when the links may be used"
    ),
    "bytes": described({"type": ["integer", "null"]}, "Of the file"),
    "bytes_read": described(COUNT, "Of these so far"),
    "rows_in": described(COUNT, "So far; may decrease when an attempt is repeated"),
    "updated": described(_TIME, "When these counts were written"),
    "stopped": described(TEXT, "Why the last attempt stopped; while waiting, there will be another"),
    "summary": refer("Summary"),
    "files": described(
        {"type": "object", "additionalProperties": _FILE}, "predictions.csv, rejects.csv and summary.json, to download"
    ),
    "failure": refer("ProblemEntry"),
}
_HEALTH: Final = {
    "status": {"const": "ok"},
    "model_version": TEXT,
    "model_sha256": TEXT,
    "threshold": SHARE,
}


def request_bodies(schema: Schema, max_customers: int) -> dict[str, JsonSchema]:
    """Return the bodies of requests that are no component, by name."""
    customers = {**array(refer("Customer")), "minItems": 1, "maxItems": max_customers}
    # A change may be of any feature, in the form that a customer has.
    change = {"type": "object", "propertyNames": feature_name(schema)}
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
    oddities = described(array(TEXT), "Which combinations of values it has that the training data does not hold")
    noted = {NOTES.name: oddities} if scorer.plausibility else {}
    return {
        "Customer": _customer(schema),
        "Problem": _problem(),
        "ProblemEntry": _entry(schema),
        "Label": members({"Prediction": {"enum": [CHURN, NOT_CHURN]}}),
        "Labels": {"type": "object", "additionalProperties": {"enum": list(BATCH_LABELS.values())}},
        "Reason": _reason(scorer),
        "Alternative": members(alternative, noted),
        "Action": members({"suggestion": TEXT, **alternative}),
        "Result": members(result, optional),
        "Errors": members({"errors": array(refer("ProblemEntry"))}, identity),
        "OneResult": members({**result, **_CONTEXT, **METHOD}, optional),
        "ManyResults": members({"results": array({"anyOf": [refer("Result"), refer("Errors")]}), **_CONTEXT, **METHOD}),
        "Alternatives": members({**_SCORE, "alternatives": array(refer("Alternative")), **_CONTEXT}, identity),
        "Row": members(
            {ROW.name: ROW.json_schema},
            {
                **identity,
                **_SCORE,
                **_computed(schema),
                **_bounds(scorer),
                **_REASONS,
                NOTES.name: NOTES.json_schema,
                INPUT.name: INPUT.json_schema,
                "errors": array(refer("ProblemEntry")),
            },
        ),
        "Summary": members(_summary(schema)),
        "Upload": members(_UPLOAD),
        "Job": members({"id": TEXT, "status": {"enum": list(_JOB_STATUSES)}}, _JOB),
        "Model": model(scorer),
        "Health": members(_HEALTH),
        "Welcome": members({"message": TEXT, **_HEALTH, "routes": {"type": "object", "additionalProperties": TEXT}}),
    }
