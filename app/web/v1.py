"""The first version of the API, whose responses never change: one customer as JSON, many as a CSV in a form."""

import json
from typing import Final

from flask import Blueprint, Response, request

from app.web.description import CUSTOMER_ERRORS, FILE_ERRORS, TEXT, describe
from app.web.errors import RequestError
from app.web.query_options import CUSTOMER_BATCH
from app.web.request_body import declared_charset, find_file, read_json_body
from app.web.responses import CSV, FORM, JSON, add_notes
from app.web.service import service
from model.errors import listed
from model.parse import parse_customer, parse_json
from model.schema import CHURN, NOT_CHURN
from model.validate import validate

blueprint = Blueprint("v1", __name__, url_prefix="/v1")

_RESPONSES: Final = {label: json.dumps({"Prediction": label}).encode() for label in (CHURN, NOT_CHURN)}
_ON_ERROR: Final = ("refuse", "skip")


@blueprint.post("/customer")
@describe("labelCustomer", {JSON: "Label"}, body={JSON: "Customer"}, errors=(*CUSTOMER_ERRORS, "not_an_object"))
def customer() -> Response:
    """Label one customer."""
    body = read_json_body(service().settings.max_json_bytes)
    scorer = service().scorer
    valid = validate(parse_customer(parse_json(body), scorer.schema), scorer.schema.features)
    response = Response(_RESPONSES[scorer.score(valid).label], content_type=JSON)
    # A model without it answers as ever, and without another import at a cold start.
    if scorer.plausibility:
        from model.explain import notes

        add_notes(response, notes(scorer, valid))
    return response


@blueprint.post("/customerbatch")
@describe(
    "labelBatch",
    {JSON: "Labels", CSV: TEXT},
    body={FORM: "FileForm"},
    options=CUSTOMER_BATCH,
    errors=(*FILE_ERRORS, "send_form", "duplicate_id"),
)
def customerbatch() -> Response:
    """Label the customers of a CSV, listed by id or one line per row."""
    # numpy and pyarrow take longer to import than everything else together; one customer does without them.
    from app.web.customer_batch import score_file

    # Other options are ignored here, as they always were.
    on_error = request.args.get("on_error", _ON_ERROR[0])
    if on_error not in _ON_ERROR:
        raise RequestError("bad_option", name="on_error", rule=listed(_ON_ERROR, last="or"), value=on_error)
    file = find_file(service().settings.max_upload_bytes)
    wants_csv = request.accept_mimetypes.best_match([JSON, CSV]) == CSV
    charset = request.args.get("charset") or declared_charset()
    return score_file(file, as_csv=wants_csv, skip=on_error == "skip", charset=charset)
