"""The API described as OpenAPI 3.1: every route, option, kind of body, status and code, from the tables they come from.

The examples are answered by the code that answers requests, so they are always those of the model that is served.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from app.web import query_options
from app.web.api_keys import CODES as KEY_CODES
from app.web.api_keys import GUARDED, HEADER
from app.web.customers import CHANGES, MANY, ONE, compare_body, score_body
from app.web.errors import ERRORS, STATUSES
from app.web.problems import MEDIA_TYPE
from app.web.query_options import Option
from app.web.response_schemas import Schema, array, components, members, refer
from app.web.responses import CSV, JSON, NDJSON
from app.web.service import service
from model.describe import EXAMPLE_ID, template
from model.result import DEFAULT_REASONS
from model.schema import BATCH_LABELS, CUSTOMER_ID, EXAMPLE, NAMES, TENURE
from model.scorecard import PROBABILITY_DECIMALS, Scorer
from model.validate import validate

VERSION: Final = "2.0.0"
"""Of the description: the first number is raised when something is taken away or changes its meaning."""

GZIP: Final = "application/gzip"
_FORM: Final = "multipart/form-data"
_HTML: Final = "text/html"
_SCHEMA: Final = "application/schema+json"

# Codes by what can go wrong.
_ANYWHERE: Final = (
    *("bad_request", "bad_base64", "no_host", "long_address", "long_headers"),
    *("expectation", "transfer_coding", "too_slow", "small_chunks", "busy", "no_room", "internal"),
)
_JSON_BODY: Final = (
    *("no_body", "not_json", "not_utf8", "too_deep", "repeated_key"),
    *("too_large", "send_json", "send_utf8", "send_unpacked"),
)
_CUSTOMER: Final = ("wrapped", "bad_customer")
_FORM_BODY: Final = ("bad_form", "no_file", "several_files", "form_too_large", "too_large", "send_unpacked")
_FILE: Final = (
    *("empty_file", "no_header", "missing_columns", "wrong_separator", "quoted_lines", "duplicate_columns"),
    *("header_too_long", "not_csv", "binary"),
    *("record_too_long", "open_quote", "mixed_decimals", "truncated_gzip", "damaged_gzip", "gzip_ratio"),
    *("encoding", "unknown_charset", "no_byte_order_mark", "damaged_text", "bad_rows", "bad_option"),
    *("too_many_columns", "too_many_rows", "answer_too_large", "too_much_work"),
)
_OPTIONS: Final = ("unknown_option", "bad_option")


class Operation(NamedTuple):
    """One route as it is described.

    Attributes
    ----------
    takes, answers : mapping of str to Schema
        By media type.
    codes : sequence of str
        Of the problems that only this route and its like have.
    """

    name: str
    summary: str
    answers: Mapping[str, Schema]
    takes: Mapping[str, Schema] = {}
    options: Sequence[Option] = ()
    codes: Sequence[str] = ()
    parameters: Sequence[Schema] = ()
    status: int = 200


_TEXT: Final[Schema] = {"type": "string"}
_CSV_PART: Final = members({"file": {"type": "string", "contentMediaType": CSV}})
_PACKED: Final[Schema] = {"type": "string", "contentMediaType": GZIP}


def _operations() -> dict[str, Operation]:
    limit = service().limits.max_customers
    customers = {**array(refer("Customer")), "minItems": 1, "maxItems": limit}
    # A change may be of any of the ten, in the form that a customer has.
    change = {"type": "object", "propertyNames": {"enum": list(NAMES)}}
    changes = {**array(change), "minItems": 1, "maxItems": limit}
    return {
        "POST /v2/customers": Operation(
            "scoreCustomers",
            f"Probability, money, reasons and suggestions for one customer, or for up to {limit:,}",
            {JSON: {"anyOf": [refer("OneResult"), refer("ManyResults")]}},
            {JSON: {"anyOf": [refer("Customer"), {**members({MANY: customers}), "additionalProperties": False}]}},
            query_options.CUSTOMERS,
            (
                *_JSON_BODY,
                *_OPTIONS,
                *_CUSTOMER,
                "wrong_shape",
                "unknown_member",
                "too_many_entries",
                "answer_too_large",
            ),
        ),
        "POST /v2/what-if": Operation(
            "compareCustomer",
            "One customer with something changed; without changes, with every single change that can be offered",
            {JSON: refer("Alternatives")},
            {
                JSON: {
                    **members({ONE: refer("Customer")}, {CHANGES: {"anyOf": [change, changes]}}),
                    "additionalProperties": False,
                }
            },
            query_options.WHAT_IF,
            (
                *(*_JSON_BODY, *_OPTIONS, *_CUSTOMER, "not_an_object", "wrong_shape"),
                *("unknown_member", "missing_member", "too_many_entries", "bad_changes"),
            ),
        ),
        "POST /v2/batches": Operation(
            "scoreBatch",
            "A CSV row by row, as CSV or NDJSON while it is read, or its summary alone",
            {CSV: _TEXT, NDJSON: _TEXT, JSON: refer("Summary")},
            {CSV: _TEXT, GZIP: _PACKED, _FORM: _CSV_PART},
            query_options.BATCHES,
            (*_FORM_BODY, "send_csv", *_FILE, "unknown_option", "not_acceptable"),
        ),
        "POST /v2/uploads": Operation(
            "beginUpload",
            "The form that sends a file too long for HTTP straight to the inbox, and where its job is told of",
            {JSON: refer("Upload")},
            codes=("unknown_option", "uploads_not_configured", "file_elsewhere", "uploads_unavailable"),
            status=201,
        ),
        "GET /v2/jobs/{id}": Operation(
            "job",
            "How far the job of an upload is; at its end the summary, and links to the results",
            {JSON: refer("Job")},
            codes=("unknown_option", "uploads_not_configured", "unknown_job", "uploads_unavailable"),
            parameters=({"name": "id", "in": "path", "required": True, "schema": _TEXT},),
        ),
        "GET /v2/model": Operation("model", "What the model is made of, and how good it is", {JSON: refer("Model")}),
        "GET /v2/model/card": Operation("modelCard", "The model card as HTML", {_HTML: _TEXT}, codes=("not_found",)),
        "GET /v2/schema": Operation("schema", "One customer as JSON Schema", {_SCHEMA: {"type": "object"}}),
        "GET /v2/template.csv": Operation("template", "A CSV to fill in", {CSV: _TEXT}),
        "GET /v2/sample.csv": Operation("sample", "A made-up list of 1,000 customers to try it with", {CSV: _TEXT}),
        "POST /v1/customer": Operation(
            "labelCustomer",
            "The label of one customer",
            {JSON: refer("Label")},
            {JSON: refer("Customer")},
            codes=(*_JSON_BODY, "not_an_object", *_CUSTOMER),
        ),
        "POST /v1/customerbatch": Operation(
            "labelBatch",
            "The labels of a CSV, listed by customerID or row by row",
            {JSON: refer("Labels"), CSV: _TEXT},
            {_FORM: _CSV_PART},
            query_options.UPLOAD,
            (*_FORM_BODY, "send_form", *_FILE, "duplicate_id"),
        ),
        "GET /": Operation("home", "The welcome: a page in browsers", {JSON: refer("Welcome"), _HTML: _TEXT}),
        "GET /health": Operation(
            "health", "Whether the service answers, and with which model", {JSON: refer("Health")}
        ),
        "GET /openapi.json": Operation("openapi", "This description", {JSON: {"type": "object"}}),
        "GET /docs": Operation("docs", "This description to read and to try", {_HTML: _TEXT}),
        "GET /static/{name}": Operation(
            "static",
            "A file of the pages",
            {"*/*": {}},
            codes=("not_found",),
            parameters=({"name": "name", "in": "path", "required": True, "schema": _TEXT},),
        ),
    }


def _examples(scorer: Scorer) -> dict[str, dict[str, tuple[str, Any, str, Any]]]:
    """Return by route, and by a name for it: media type and body of a request, media type and body of its answer."""
    customer = dict(EXAMPLE)
    score = scorer.score(validate(customer))
    known = {CUSTOMER_ID: EXAMPLE_ID, **customer}
    cells = [1, EXAMPLE_ID, score.label, f"{score.probability:.{PROBABILITY_DECIMALS}f}", score.tier, ""]
    table = f"row,{CUSTOMER_ID},prediction,probability,tier,error\n{','.join(map(str, cells))}\n"
    listed = {MANY: [known, {CUSTOMER_ID: "0002-EXMPL", **customer, TENURE: "twelve"}]}
    ranked = compare_body({ONE: customer}, scorer)
    both = {ONE: customer, CHANGES: [each["changes"] for each in ranked["alternatives"][:2]]}
    return {
        "POST /v1/customer": {"example": (JSON, customer, JSON, {"Prediction": score.label})},
        "POST /v1/customerbatch": {
            "example": (_FORM, {"file": template()}, JSON, {EXAMPLE_ID: BATCH_LABELS[score.label]})
        },
        "POST /v2/customers": {
            "one": (JSON, customer, JSON, score_body(customer, scorer, DEFAULT_REASONS)),
            "many": (JSON, listed, JSON, score_body(listed, scorer, DEFAULT_REASONS)),
        },
        "POST /v2/what-if": {
            "ranked": (JSON, {ONE: customer}, JSON, ranked),
            "two": (JSON, both, JSON, compare_body(both, scorer)),
        },
        "POST /v2/batches": {
            "body": (CSV, template(), CSV, table),
            "form": (_FORM, {"file": template()}, CSV, table),
        },
        "GET /v2/template.csv": {"example": ("", None, CSV, template())},
    }


def document(prefix: str) -> dict[str, Any]:
    """Return the description of the app that answers this request, reached under `prefix`."""
    examples = _examples(service().scorer)
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in _operations().items():
        method, path = route.split()
        paths.setdefault(path, {})[method.lower()] = _describe(path, operation, examples.get(route, {}))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Churn",
            "version": VERSION,
            "summary": "Which customers are about to leave, why, and what is at stake.",
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(path) for path in paths)],
        "paths": paths,
        "components": {"schemas": components(), "headers": _HEADERS, **_key_scheme()},
    }


_ABOUT: Final = (
    "Words and names are taken in any case, numbers also as text; what is said here is the plain form. Refusals are "
    "problems (RFC 9457) with a code that stays. A path that is not described here is answered with 404, a method "
    "with 405. Every GET answers HEAD."
)
_HEADERS: Final[dict[str, Schema]] = {
    "X-Request-Id": {"description": "Yours if you sent one, else ours; it is in our log", "schema": _TEXT},
    "X-Model-Version": {"description": "The model that was asked", "schema": _TEXT},
}
_SENT: Final = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}


_KEY: Final = "key"


def _key_scheme() -> dict[str, Schema]:
    scheme = {_KEY: {"type": "apiKey", "in": "header", "name": HEADER}}
    return {"securitySchemes": scheme} if service().limits.api_keys else {}


def _needs_key(path: str) -> bool:
    return bool(service().limits.api_keys) and path.startswith(GUARDED)


def _guards(path: str) -> tuple[str, ...]:
    """Return the codes of what stands before a route here, as it is set."""
    limited = ("too_many_requests",) if service().limits.rate_limit and path.startswith(GUARDED) else ()
    return (*KEY_CODES, *limited) if _needs_key(path) else limited


def _tag(path: str) -> str:
    version = path.split("/")[1]
    return version if version in {"v1", "v2"} else "pages"


def _describe(path: str, operation: Operation, examples: Mapping[str, tuple[str, Any, str, Any]]) -> dict[str, Any]:
    taken = {kind: _media(schema, kind, examples, 0) for kind, schema in operation.takes.items()}
    answers = {kind: _media(schema, kind, examples, 2) for kind, schema in operation.answers.items()}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(path)],
        "parameters": [*operation.parameters, *map(_parameter, operation.options)],
        **({"requestBody": {"required": True, "content": taken}} if taken else {}),
        "responses": {
            str(operation.status): {"description": operation.summary, "headers": _SENT, "content": answers},
            **_refusals((*operation.codes, *_guards(path), *_ANYWHERE)),
        },
        **({"security": [{_KEY: []}]} if _needs_key(path) else {}),
    }


def _media(schema: Schema, kind: str, examples: Mapping[str, tuple[str, Any, str, Any]], place: int) -> dict[str, Any]:
    found = {name: {"value": each[place + 1]} for name, each in examples.items() if each[place] == kind}
    return {"schema": schema, **({"examples": found} if found else {})}


def _parameter(option: Option) -> dict[str, Any]:
    default = {} if option.default is None else {"default": option.default}
    return {
        "name": option.name,
        "in": "query",
        "description": f"{option.help}: {option.rule}",
        "schema": {**option.schema, **default},
    }


def _refusals(codes: Sequence[str]) -> dict[str, Any]:
    """Return the answers that refuse, by status: the problem, with the codes that it can have here."""
    by_status = groupby(sorted(set(codes), key=lambda code: (STATUSES[code], code)), key=STATUSES.__getitem__)
    return {str(status): _refusal(status, list(group)) for status, group in by_status}


def _refusal(status: int, codes: Sequence[str]) -> dict[str, Any]:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}
    titles = dict.fromkeys(f"{ERRORS[code].title} (`{code}`)" for code in codes)
    return {
        "description": "; ".join(titles),
        "content": {MEDIA_TYPE: {"schema": {"allOf": [refer("Problem"), narrowed]}}},
    }
