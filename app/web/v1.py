"""The contract of the first version, kept exactly: one customer as JSON, many as a CSV in a form."""

import json
from typing import Final

from flask import Blueprint, Response, request

from app.web.errors import RequestError
from app.web.request_body import declared_charset, find_file, read_json_body
from app.web.service import service
from model.errors import listed
from model.parse import parse_customer, parse_json
from model.schema import CHURN, NOT_CHURN
from model.validate import validate

blueprint = Blueprint("v1", __name__, url_prefix="/v1")

_ANSWERS: Final = {label: json.dumps({"Prediction": label}).encode() for label in (CHURN, NOT_CHURN)}
_ON_ERROR: Final = ("refuse", "skip")


@blueprint.post("/customer")
def customer() -> Response:
    """Answer {"Prediction": "churn"} or {"Prediction": "not churn"}."""
    body = read_json_body(service().limits.max_json_bytes)
    valid = validate(parse_customer(parse_json(body)))
    return Response(_ANSWERS[service().scorer.score(valid).label], content_type="application/json")


@blueprint.post("/customerbatch")
def customerbatch() -> Response:
    """Answer {customerID: "Churn" or "Not Churn", ...}, or one line of CSV a row where text/csv is asked for."""
    # numpy and pyarrow take longer to import than everything else together; one customer does without them.
    from app.web.customer_batch import score_file

    on_error = request.args.get("on_error", _ON_ERROR[0])
    if on_error not in _ON_ERROR:
        raise RequestError("bad_option", name="on_error", rule=listed(_ON_ERROR, last="or"), value=on_error)
    file = find_file(service().limits.max_upload_bytes)
    wants_csv = request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv"
    charset = request.args.get("charset") or declared_charset()
    return score_file(file, as_csv=wants_csv, skip=on_error == "skip", charset=charset)
