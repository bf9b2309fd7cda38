"""The bodies of responses and requests as JSON Schemas, from model/schema.py and model/outputs.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.web.customers import CHANGES, MANY, ONE
from app.web.errors import STATUSES
from app.web.responses import CSV
from model.errors import ERRORS
from model.json_schema import json_schema
from model.outputs import IDENTITY, INPUT, PREDICTION, PROBABILITY, REASONS, ROW, TIER, VALUE_AT_RISK, computed_columns
from model.schema import BATCH_LABELS, CHURN, CUSTOMER_ID, NAMES, NOT_CHURN, TIERS

Schema = dict[str, Any]

_PROBABILITY: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Schema] = {"type": "number"}
_TEXT: Final[Schema] = {"type": "string"}
_FEATURE: Final[Schema] = {"enum": list(NAMES)}
_VALUE: Final[Schema] = {"type": ["string", "number"]}


def refer(name: str) -> Schema:
    """Return a reference to one of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object; a client must ignore further members."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def array(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _by(names: Sequence[str], schema: Schema) -> Schema:
    return members(dict.fromkeys(names, schema))


def _customer() -> Schema:
    return {name: value for name, value in json_schema().items() if name != "$schema"}


def _problem() -> Schema:
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


_ENTRY: Final = members(
    {"code": {"enum": list(ERRORS)}, "message": _TEXT},
    {
        ROW.name: ROW.json_schema,
        "change": _described({"type": "integer", "minimum": 1}, "From 1, the position in the list of changes"),
        CUSTOMER_ID: _TEXT,
        "field": _TEXT,
        "value": _described(_TEXT, "The value as JSON, cut at 40 characters"),
        "rule": _described(_TEXT, "What is accepted, as the second half of a sentence"),
    },
)
_SCORE: Final = {column.name: column.json_schema for column in (PREDICTION, PROBABILITY, TIER)}
_COMPUTED: Final = {column.name: column.json_schema for column in computed_columns()}
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
_REASON: Final = {
    "feature": _FEATURE,
    "value": _VALUE,
    "contribution": _described(_NUMBER, "In log-odds, unrounded, compared with the average training customer"),
    "sentence": _described(_TEXT, "The same in plain words"),
}
_ALTERNATIVE: Final = {
    "changes": _described(
        {"type": "object", "propertyNames": _FEATURE, "additionalProperties": _VALUE},
        "What differs from the customer as it is",
    ),
    **_SCORE,
    "difference": _described(
        {"type": "number", "minimum": -1, "maximum": 1}, "From the probability now; below 0 is better"
    ),
}
_IDENTITY: Final = {IDENTITY.name: IDENTITY.json_schema}
_REASONS: Final = {REASONS.name: {**REASONS.json_schema, "items": refer("Reason")}}
_RESULT: Final = {
    **_SCORE,
    **_COMPUTED,
    "log_odds": _NUMBER,
    "baseline": _described(_NUMBER, "Log-odds of the average customer; with all reasons added it is log_odds"),
    **_REASONS,
    "actions": _described(array(refer("Action")), "Suggestions that would lower this customer's risk, best first"),
    "notes": _described(array(_TEXT), "What to know about this score, such as numbers beyond the training data"),
}
_SUMMARY: Final = {
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
    VALUE_AT_RISK.name: _NUMBER,
    "errors_by_code": {"type": "object", "additionalProperties": _COUNT},
    "top": array(
        members({ROW.name: _COUNT, CUSTOMER_ID: _TEXT, PROBABILITY.name: _PROBABILITY, VALUE_AT_RISK.name: _NUMBER})
    ),
    "segments": array(members({"feature": _FEATURE, "groups": array({"type": "object"})})),
    "drift": _described(
        {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "Population stability index of each feature and of the probability; null for fewer than 500 customers",
    ),
    "distribution": _described(
        array(members({"from": _PROBABILITY, "to": _PROBABILITY, "customers": _COUNT})),
        "Customers by probability, in twenty bands",
    ),
    "by_threshold": array(
        _by(("threshold", "customers", "expected_churners", VALUE_AT_RISK.name), {"type": "number", "minimum": 0})
    ),
    "notes": array(_TEXT),
}
_MODEL: Final = members(
    {
        "version": _TEXT,
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "threshold": _PROBABILITY,
        "tiers": _by(TIERS, _PROBABILITY),
        "baseline": members({"log_odds": _NUMBER, PROBABILITY.name: _PROBABILITY}),
        "ranges": {"type": "object", "propertyNames": _FEATURE, "additionalProperties": array(_NUMBER)},
        **_METHOD,
        "additive": _described({"type": "boolean"}, "Whether the model is a sum of terms; if not, terms is empty"),
        "terms": array(
            members(
                {"feature": _FEATURE},
                {
                    "table": {"type": "object", "additionalProperties": _NUMBER},
                    "knots": array(_NUMBER),
                    "points": array(_NUMBER),
                },
            )
        ),
    },
    {
        "recipe": members({"name": _TEXT, "engines": array(_TEXT)}),
        "trained_on": {"type": "object"},
        "trained_at": {"type": "string", "format": "date-time"},
        "threshold_choice": {"type": "object"},
        "metrics": {"type": "object"},
        "card": _described(_TEXT, "The model card, in Markdown"),
    },
)
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
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


def request_bodies(max_customers: int) -> dict[str, Schema]:
    """Return the bodies of requests that are no component, by name."""
    customers = {**array(refer("Customer")), "minItems": 1, "maxItems": max_customers}
    # A change may be of any feature, in the form that a customer has.
    change = {"type": "object", "propertyNames": _FEATURE}
    changes = {**array(change), "minItems": 1, "maxItems": max_customers}
    what_if = members({ONE: refer("Customer")}, {CHANGES: {"anyOf": [change, changes]}})
    return {
        "CustomerList": {**members({MANY: customers}), "additionalProperties": False},
        "WhatIf": {**what_if, "additionalProperties": False},
        "FileForm": members({"file": {"type": "string", "contentMediaType": CSV}}),
    }


def components() -> dict[str, Schema]:
    """Return every schema of the description by name."""
    return {
        "Customer": _customer(),
        "Problem": _problem(),
        "ProblemEntry": _ENTRY,
        "Label": members({"Prediction": {"enum": [CHURN, NOT_CHURN]}}),
        "Labels": {"type": "object", "additionalProperties": {"enum": list(BATCH_LABELS.values())}},
        "Reason": members(_REASON),
        "Alternative": members(_ALTERNATIVE),
        "Action": members({"suggestion": _TEXT, **_ALTERNATIVE}),
        "Result": members(_RESULT, _IDENTITY),
        "Errors": members({"errors": array(refer("ProblemEntry"))}, _IDENTITY),
        "OneResult": members({**_RESULT, **_CONTEXT, **_METHOD}, _IDENTITY),
        "ManyResults": members(
            {"results": array({"anyOf": [refer("Result"), refer("Errors")]}), **_CONTEXT, **_METHOD}
        ),
        "Alternatives": members({**_SCORE, "alternatives": array(refer("Alternative")), **_CONTEXT}, _IDENTITY),
        "Row": members(
            {ROW.name: ROW.json_schema},
            {
                **_IDENTITY,
                **_SCORE,
                **_COMPUTED,
                **_REASONS,
                INPUT.name: INPUT.json_schema,
                "errors": array(refer("ProblemEntry")),
            },
        ),
        "Summary": members(_SUMMARY),
        "Upload": members(_UPLOAD),
        "Job": members({"id": _TEXT, "status": {"enum": list(_JOB_STATUSES)}}, _JOB),
        "Model": _MODEL,
        "Health": members(_HEALTH),
        "Welcome": members({"message": _TEXT, **_HEALTH, "routes": {"type": "object", "additionalProperties": _TEXT}}),
    }
