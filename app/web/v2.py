"""The second version of the API: probabilities, reasons, money, what-if and batches, with options in the query."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from flask import Blueprint, Response, abort, g, request

from app import log
from app.web.description import CUSTOMER_ERRORS, FILE_ERRORS, OPTION_ERRORS, TEXT, UPLOAD_ERRORS, describe
from app.web.errors import HIGHEST_LIMIT, RequestError
from app.web.query_options import BATCHES, CUSTOMERS, NONE, WHAT_IF, read_options
from app.web.request_body import read_csv_body, read_json_body
from app.web.responses import CSV, FORM, GZIP, HTML, JSON, JSON_SCHEMA, NDJSON, json_response, max_answer_bytes
from app.web.service import service
from model.errors import ArtifactError
from model.outputs import PROBABILITY_INTERVAL, REASONS
from model.parse import parse_json
from model.scorecard import Scorer

blueprint = Blueprint("v2", __name__, url_prefix="/v2")

_SEND_FEWER: Final = "Send fewer customers, or a CSV to /v2/batches."


@blueprint.post("/customers")
@describe(
    "scoreCustomers",
    {JSON: "OneResult | ManyResults"},
    body={JSON: "Customer | CustomerList"},
    options=CUSTOMERS,
    errors=(
        *(*CUSTOMER_ERRORS, *OPTION_ERRORS),
        *("wrong_shape", "unknown_member", "too_many_entries", "answer_too_large"),
    ),
)
def customers() -> Response:
    """Score one customer or a list of them: probability, tier, money, reasons and suggestions."""
    # What only these routes need is imported by them: a cold start for one customer of v1 does without.
    from app.web.customers import count_rows, score_body

    options = read_options(CUSTOMERS)
    body = _read_body()
    result = score_body(parse_json(body), _scorer(options), options[REASONS.name])
    g.counts = count_rows(result)
    response, limit = json_response(result), max_answer_bytes(len(body))
    # A thousand empty objects lack each feature: 3 KB, and 1.9 MB of errors.
    if len(response.data) > limit:
        raise RequestError("answer_too_large", limit=limit, bound=HIGHEST_LIMIT, advice=_SEND_FEWER)
    return response


@blueprint.post("/what-if")
@describe(
    "compareCustomer",
    {JSON: "Alternatives"},
    body={JSON: "WhatIf"},
    options=WHAT_IF,
    errors=(
        *(*CUSTOMER_ERRORS, *OPTION_ERRORS),
        *("not_an_object", "wrong_shape", "unknown_member", "missing_member", "too_many_entries", "bad_changes"),
    ),
)
def what_if() -> Response:
    """Compare one customer with the same customer changed, or with every single change that can be offered."""
    from app.web.customers import compare_body

    options = read_options(WHAT_IF)
    return json_response(compare_body(parse_json(_read_body()), _scorer(options)))


@blueprint.post("/batches")
@describe(
    "scoreBatch",
    {CSV: TEXT, NDJSON: TEXT, JSON: "Summary"},
    body={CSV: TEXT, GZIP: {**TEXT, "contentMediaType": GZIP}, FORM: "FileForm"},
    options=BATCHES,
    errors=(*FILE_ERRORS, "send_csv", "unknown_option", "not_acceptable"),
)
def batches() -> Response:
    """Score the rows of a CSV, as CSV or NDJSON while it is read, or as a summary."""
    from app.web.batches import score_file

    options = read_options(BATCHES)
    media_type = request.accept_mimetypes.best_match((CSV, NDJSON, JSON)) if request.accept_mimetypes else CSV
    if media_type is None:
        raise RequestError("not_acceptable", value=request.headers["Accept"])
    scorer = _scorer(options)
    with ExitStack() as stack:
        file, charset = read_csv_body(service().settings.max_upload_bytes)
        stack.callback(file.close)
        response = score_file(file, scorer, media_type, options["charset"] or charset, options)
        # The rest of the file is scored while the response is sent.
        response.call_on_close(stack.pop_all().close)
        return response


@blueprint.post("/uploads")
@describe("beginUpload", {JSON: "Upload"}, errors=(*UPLOAD_ERRORS, "file_elsewhere"), status=201)
def uploads() -> Response:
    """Create an upload: a form that sends a file too long for HTTP to the inbox, and the path of its job."""
    from app.web.uploads import create_upload

    read_options(NONE)
    return create_upload()


@blueprint.get("/jobs/<id>")
@describe("job", {JSON: "Job"}, errors=(*UPLOAD_ERRORS, "unknown_job"))
def job(id: str) -> Response:
    """Get the progress of the job of an upload and, when it is done, its summary and links to the results."""
    from app.web.uploads import get_job

    read_options(NONE)
    return get_job(id)


@blueprint.get("/model")
@describe("model", {JSON: "Model"})
def model() -> Response:
    """Get what the model consists of and how good it is."""
    from model.model_info import model_info

    return json_response(model_info(service().scorer))


@blueprint.get("/model/card")
@describe("modelCard", {HTML: TEXT}, errors=("not_found",))
def model_card() -> Response:
    """Get the model card as HTML."""
    from app.web.model_card import to_html
    from model.model_info import model_info

    card = model_info(service().scorer).get("card")
    if card is None:
        abort(404)
    return Response(to_html(str(card)), content_type="text/html; charset=utf-8")


@blueprint.get("/schema")
@describe("schema", {JSON_SCHEMA: {"type": "object"}})
def schema() -> Response:
    """Get one customer as JSON Schema."""
    from model.json_schema import json_schema

    response = json_response(json_schema(service().scorer.schema))
    response.content_type = JSON_SCHEMA
    return response


@blueprint.get("/template.csv")
@describe("template", {CSV: TEXT})
def template() -> Response:
    """Get a CSV to fill in."""
    from model.describe import template as text

    return _csv_file(text(service().scorer.schema), "customers.csv")


@blueprint.get("/sample.csv")
@describe("sample", {CSV: TEXT})
def sample() -> Response:
    """Get a made-up list of 1,000 customers to try the service with."""
    from model.sample import sample as text

    return _csv_file(text(service().scorer), "sample.csv")


def _csv_file(text: str, name: str) -> Response:
    response = Response(text, content_type=f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _read_body() -> bytes:
    return read_json_body(service().settings.max_json_bytes, _SEND_FEWER)


def _scorer(options: Mapping[str, Any]) -> Scorer:
    """Return the scorer with the threshold of the request, and with intervals where it asks for them."""
    scorer, threshold = service().scorer, options["threshold"]
    scorer = scorer if threshold is None else scorer.with_threshold(threshold)
    if not options.get(PROBABILITY_INTERVAL.name):
        return scorer
    from model.interval import with_interval

    try:
        return with_interval(scorer)
    except ArtifactError as error:
        # A server checks the file when it starts; a function does not.
        log.write(level="error", message=str(error), request_id=g.request_id)
        raise RequestError("broken_interval", version=scorer.version, request_id=g.request_id) from None
