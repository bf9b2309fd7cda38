"""The API as OpenAPI 3.1, assembled from the descriptions of the views and the tables of options and errors.

The examples are responses of the code that answers requests, so they are always those of the model that is served.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from flask import current_app
from werkzeug.routing import Rule

from app.web.api_keys import CODES as KEY_ERRORS
from app.web.api_keys import GUARDED, HEADER
from app.web.customers import CHANGES, MANY, ONE, compare_body, score_body
from app.web.description import ANY_REQUEST_ERRORS, DESCRIPTIONS, TEXT, Description, Schema, summary_of
from app.web.errors import ERRORS, STATUSES
from app.web.problems import MEDIA_TYPE
from app.web.query_options import QueryOption
from app.web.response_schemas import components, request_bodies
from app.web.responses import CSV, FORM, JSON
from app.web.service import service
from model.describe import EXAMPLE_ID, template
from model.outputs import DEFAULT_REASONS
from model.schema import BATCH_LABELS, CUSTOMER_ID, EXAMPLE, TENURE
from model.scorecard import PROBABILITY_DECIMALS
from model.validate import validate

VERSION: Final = "2.0.0"
"""Of the description: the first number is raised when something is removed or changes its meaning."""

_DESCRIPTION: Final = (
    "Names and words are accepted in any case, numbers also as text; this is the plain form. Errors are problems "
    "(RFC 9457) with a code that does not change. A path that is not described here returns 404, a method 405. Every "
    "GET also answers HEAD."
)
_HEADERS: Final[dict[str, Schema]] = {
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
        "components": {"schemas": components(), "headers": _HEADERS, **_security_schemes()},
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
        "parameters": [*parameters, *map(_query_parameter, described.options)],
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


def _media(schema: Schema | str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": _schema(schema), **({"examples": examples} if examples else {})}


def _schema(schema: Schema | str) -> Schema:
    """Return a schema, or those with these names: "OneResult | ManyResults"."""
    if not isinstance(schema, str):
        return schema
    bodies = request_bodies(service().settings.max_customers)
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


def _security_schemes() -> dict[str, Schema]:
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
    scorer, customer = service().scorer, dict(EXAMPLE)
    if name == "template":
        return {"example": Example("", None, CSV, template())}
    if name == "labelCustomer":
        return {"example": Example(JSON, customer, JSON, {"Prediction": scorer.score(validate(customer)).label})}
    if name == "labelBatch":
        label = BATCH_LABELS[scorer.score(validate(customer)).label]
        return {"example": Example(FORM, {"file": template()}, JSON, {EXAMPLE_ID: label})}
    if name == "scoreCustomers":
        good = {CUSTOMER_ID: EXAMPLE_ID, **customer}
        many = {MANY: [good, {CUSTOMER_ID: "0002-EXMPL", **customer, TENURE: "twelve"}]}
        bodies = {"one": customer, "many": many}
        return {
            key: Example(JSON, body, JSON, score_body(body, scorer, DEFAULT_REASONS)) for key, body in bodies.items()
        }
    if name == "compareCustomer":
        ranked = compare_body({ONE: customer}, scorer)
        two = {ONE: customer, CHANGES: [alternative["changes"] for alternative in ranked["alternatives"][:2]]}
        return {
            "ranked": Example(JSON, {ONE: customer}, JSON, ranked),
            "two": Example(JSON, two, JSON, compare_body(two, scorer)),
        }
    if name == "scoreBatch":
        score = scorer.score(validate(customer))
        cells = [1, EXAMPLE_ID, score.label, f"{score.probability:.{PROBABILITY_DECIMALS}f}", score.tier, ""]
        table = f"row,{CUSTOMER_ID},prediction,probability,tier,error\n{','.join(map(str, cells))}\n"
        return {
            "body": Example(CSV, template(), CSV, table),
            "form": Example(FORM, {"file": template()}, CSV, table),
        }
    return {}
