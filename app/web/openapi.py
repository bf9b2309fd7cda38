"""The API as OpenAPI 3.1, assembled from the descriptions of the views and the tables of options and errors.

The examples are responses of the code that answers requests, so they are always those of the model that is served.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from flask import current_app
from werkzeug.routing import Rule

from app.web.api_keys import CODES as KEY_ERRORS
from app.web.api_keys import GUARDED, HEADER
from app.web.customers import CHANGES, MANY, ONE, compare_body, score_body
from app.web.description import ANY_REQUEST_ERRORS, DESCRIPTIONS, TEXT, Description, JsonSchema, summary_of
from app.web.errors import ERRORS, STATUSES
from app.web.problems import MEDIA_TYPE
from app.web.query_options import QueryOption, resolve
from app.web.response_schemas import components, request_bodies
from app.web.responses import CSV, FORM, JSON
from app.web.service import service
from model.describe import EXAMPLE_ID, template
from model.explain import terms_of
from model.outputs import DEFAULT_REASONS, ERROR, PREDICTION, PROBABILITY, ROW, TIER
from model.schema import BATCH_LABELS, Categorical, Schema
from model.scorecard import PROBABILITY_DECIMALS, Score
from model.validate import validate

VERSION: Final = "2.0.0"
"""Of the description: the first number is raised when something is removed or changes its meaning."""

_DESCRIPTION: Final = (
    "Names and words are accepted in any case, numbers also as text; this is the plain form. Errors are problems "
    "(RFC 9457) with a code that does not change. A path that is not described here returns 404, a method 405. Every "
    "GET also answers HEAD."
)
_HEADERS: Final[dict[str, JsonSchema]] = {
    "X-Request-Id": {"description": "Yours if you sent one, else a new one; it is in our log", "schema": TEXT},
    "X-Model-Version": {"description": "The model that was used", "schema": TEXT},
}
_KEY: Final = "key"


class Example(NamedTuple):
    """A request with its response, each with its media type."""

    request_type: str
    request: Any
    response_type: str
    response: Any


def document(prefix: str) -> dict[str, Any]:
    """Return the description of the app that answers this request, at the path `prefix`."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        if view in DESCRIPTIONS:
            (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            operation = _operation(rule, DESCRIPTIONS[view], summary_of(view))
            paths.setdefault(_path(rule), {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Churn",
            "version": VERSION,
            "summary": "Which customers are about to leave, why, and what is at stake.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(map(_tag, paths))],
        "paths": paths,
        "components": {"schemas": components(service().scorer), "headers": _HEADERS, **_security_schemes()},
    }


def _operation(rule: Rule, described: Description, summary: str) -> dict[str, Any]:
    path = _path(rule)
    examples = _examples(described.name)
    body = {kind: _media(schema, _examples_of(kind, examples, "request")) for kind, schema in described.body.items()}
    responses = {
        kind: _media(schema, _examples_of(kind, examples, "response")) for kind, schema in described.responses.items()
    }
    parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in sorted(rule.arguments)]
    return {
        "operationId": described.name,
        "summary": summary,
        "tags": [_tag(path)],
        "parameters": [*parameters, *map(_query_parameter, resolve(described.options, service().output_options()))],
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": {
            str(described.status): {
                "description": summary,
                "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
                "content": responses,
            },
            **_error_responses((*described.errors, *_access_errors(path), *ANY_REQUEST_ERRORS)),
        },
        **({"security": [{_KEY: []}]} if _needs_key(path) else {}),
    }


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _tag(path: str) -> str:
    version = path.split("/")[1]
    return version if version in {"v1", "v2"} else "pages"


def _media(schema: JsonSchema | str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": _schema(schema), **({"examples": examples} if examples else {})}


def _schema(schema: JsonSchema | str) -> JsonSchema:
    """Return a schema, or those with these names: "OneResult | ManyResults"."""
    if not isinstance(schema, str):
        return schema
    bodies = request_bodies(service().scorer.schema, service().settings.max_customers)
    schemas = [bodies.get(name, {"$ref": f"#/components/schemas/{name}"}) for name in schema.split(" | ")]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _query_parameter(option: QueryOption) -> dict[str, Any]:
    default = {} if option.default is None else {"default": option.default}
    return {
        "name": option.name,
        "in": "query",
        "description": f"{option.help}: {option.rule}",
        "schema": {**option.schema, **default},
    }


def _error_responses(codes: Sequence[str]) -> dict[str, Any]:
    """Return the responses to errors by status: the problem, with the codes that it can have here."""
    by_status = groupby(sorted(set(codes), key=lambda code: (STATUSES[code], code)), key=STATUSES.__getitem__)
    return {str(status): _error_response(status, list(group)) for status, group in by_status}


def _error_response(status: int, codes: Sequence[str]) -> dict[str, Any]:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {
        "description": "; ".join(f"{ERRORS[code].title} (`{code}`)" for code in codes),
        "content": {MEDIA_TYPE: {"schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}}},
    }


def _security_schemes() -> dict[str, JsonSchema]:
    scheme = {_KEY: {"type": "apiKey", "in": "header", "name": HEADER}}
    return {"securitySchemes": scheme} if service().settings.api_keys else {}


def _needs_key(path: str) -> bool:
    return bool(service().settings.api_keys) and path.startswith(GUARDED)


def _access_errors(path: str) -> tuple[str, ...]:
    """Return the codes of the checks in front of a route, where they are set."""
    is_limited = bool(service().settings.rate_limit) and path.startswith(GUARDED)
    return (*(KEY_ERRORS if _needs_key(path) else ()), *(("too_many_requests",) if is_limited else ()))


def _examples_of(kind: str, examples: Mapping[str, Example], side: str) -> dict[str, Any]:
    return {
        name: {"value": getattr(example, side)}
        for name, example in examples.items()
        if getattr(example, f"{side}_type") == kind
    }


def _examples(name: str) -> dict[str, Example]:
    """Return the examples of an operation."""
    scorer = service().scorer
    schema, customer = scorer.schema, dict(scorer.schema.example)
    if name == "template":
        return {"example": Example("", None, CSV, template(schema))}
    if name == "labelCustomer":
        return {"example": Example(JSON, customer, JSON, {"Prediction": _score(customer).label})}
    if name == "labelBatch":
        # Without ids the row numbers are in their place.
        labels = {EXAMPLE_ID if schema.id else "1": BATCH_LABELS[_score(customer).label]}
        return {"example": Example(FORM, {"file": template(schema)}, JSON, labels)}
    if name == "scoreCustomers":
        many = {MANY: [_identified(EXAMPLE_ID), {**_identified("0002-EXMPL"), **_mistake(schema)}]}
        bodies = {"one": customer, "many": many}
        reasons = min(DEFAULT_REASONS, len(terms_of(scorer)))
        return {key: Example(JSON, body, JSON, score_body(body, scorer, reasons)) for key, body in bodies.items()}
    if name == "compareCustomer":
        ranked = compare_body({ONE: customer}, scorer)
        two = {ONE: customer, CHANGES: [alternative["changes"] for alternative in ranked["alternatives"][:2]]}
        bodies = {"ranked": {ONE: customer}, **({"two": two} if two[CHANGES] else {})}
        return {key: Example(JSON, body, JSON, compare_body(body, scorer)) for key, body in bodies.items()}
    if name == "scoreBatch":
        table = _table(customer)
        return {
            "body": Example(CSV, template(schema), CSV, table),
            "form": Example(FORM, {"file": template(schema)}, CSV, table),
        }
    return {}


def _score(customer: Mapping[str, Any]) -> Score:
    scorer = service().scorer
    return scorer.score(validate(customer, scorer.schema.features))


def _identified(identity: str) -> dict[str, Any]:
    """Return the example customer with an id, if customers of this schema have one."""
    schema = service().scorer.schema
    return {**({schema.id: identity} if schema.id else {}), **schema.example}


def _mistake(schema: Schema) -> dict[str, str]:
    """Return a value that is refused: "twelve" in the first number or, without one, no known word."""
    for feature in sorted(schema.features, key=lambda feature: isinstance(feature, Categorical)):
        if not (isinstance(feature, Categorical) and feature.accepts_other):
            return {feature.name: "twelve"}
    return {}


def _table(customer: Mapping[str, Any]) -> str:
    """Return the CSV in which the example customer is scored."""
    id_name, score = service().scorer.schema.id, _score(customer)
    columns = {
        ROW.name: 1,
        **({id_name: EXAMPLE_ID} if id_name else {}),
        PREDICTION.name: score.label,
        PROBABILITY.name: f"{score.probability:.{PROBABILITY_DECIMALS}f}",
        TIER.name: score.tier,
        ERROR.name: "",
    }
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((columns, columns.values()))
    return text.getvalue()
