"""The second version: probabilities, reasons, money, what-if and batches, with options in the query."""

from contextlib import ExitStack
from typing import Final

from flask import Blueprint, Response, abort, g, request

from app.web.errors import HIGHEST_LIMIT, RequestError
from app.web.query_options import BATCHES, CUSTOMERS, NONE, WHAT_IF, read_options
from app.web.request_body import read_json_body, take_csv
from app.web.responses import CSV, JSON, NDJSON, json_answer, most_answer_bytes
from app.web.service import service
from model.outputs import REASONS
from model.parse import parse_json
from model.scorecard import Scorer

blueprint = Blueprint("v2", __name__, url_prefix="/v2")

_FEWER: Final = "Send fewer customers, or a CSV to /v2/batches."
_OFFERED = (CSV, NDJSON, JSON)


@blueprint.post("/customers")
def customers() -> Response:
    """Answer what there is to say of one customer, or of each of a list."""
    # What only these routes need is imported by them: a cold start for one customer of v1 does without.
    from app.web.customers import counts_of, score_body

    options = read_options(CUSTOMERS)
    body = _body()
    answer = score_body(parse_json(body), _scorer(options["threshold"]), options[REASONS.name])
    g.counts = counts_of(answer)
    response, most = json_answer(answer), most_answer_bytes(len(body))
    # A thousand empty objects lack ten features each: 3 KB, and 1.9 MB of errors.
    if len(response.data) > most:
        raise RequestError("answer_too_large", limit=most, bound=HIGHEST_LIMIT, advice=_FEWER)
    return response


@blueprint.post("/what-if")
def what_if() -> Response:
    """Answer how the risk of a customer would differ, if the customer did."""
    from app.web.customers import compare_body

    options = read_options(WHAT_IF)
    return json_answer(compare_body(parse_json(_body()), _scorer(options["threshold"])))


@blueprint.post("/batches")
def batches() -> Response:
    """Answer a CSV row by row, as CSV or NDJSON while it is read, or with its summary."""
    from app.web.batches import answer_file

    options = read_options(BATCHES)
    wanted = request.accept_mimetypes.best_match(_OFFERED) if request.accept_mimetypes else CSV
    if wanted is None:
        raise RequestError("not_acceptable", value=request.headers["Accept"])
    scorer = _scorer(options["threshold"])
    with ExitStack() as held:
        file, charset = take_csv(service().limits.max_upload_bytes)
        held.callback(file.close)
        response = answer_file(file, scorer, wanted, options["charset"] or charset, options)
        # The rest of it is scored while it goes out.
        response.call_on_close(held.pop_all().close)
        return response


@blueprint.post("/uploads")
def uploads() -> Response:
    """Answer where to send a file that is too long for HTTP, and where its job will be told of."""
    from app.web.uploads import begin

    read_options(NONE)
    return begin()


@blueprint.get("/jobs/<id>")
def job(id: str) -> Response:
    """Answer how far the job of an upload is, and where its results are."""
    from app.web.uploads import tell

    read_options(NONE)
    return tell(id)


@blueprint.get("/model")
def model() -> Response:
    """Answer what is known of the model: where it comes from, how good it is, and the shape of each term."""
    from model.about import about

    return json_answer(about(service().scorer))


@blueprint.get("/model/card")
def model_card() -> Response:
    """Answer the model card as HTML, for the page."""
    from app.web.model_card import to_html
    from model.about import about

    card = about(service().scorer).get("card")
    if card is None:
        abort(404)
    return Response(to_html(str(card)), content_type="text/html; charset=utf-8")


@blueprint.get("/schema")
def schema() -> Response:
    """Answer the JSON Schema of one customer."""
    from model.schema import json_schema

    response = json_answer(json_schema())
    response.content_type = "application/schema+json"
    return response


@blueprint.get("/template.csv")
def template() -> Response:
    """Answer a CSV to fill in."""
    from model.describe import template as text

    return _file(text(), "customers.csv")


@blueprint.get("/sample.csv")
def sample() -> Response:
    """Answer a made-up list to try the service with."""
    from model.sample import sample as text

    return _file(text(), "sample.csv")


def _file(text: str, name: str) -> Response:
    response = Response(text, content_type=f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _body() -> bytes:
    return read_json_body(service().limits.max_json_bytes, _FEWER)


def _scorer(threshold: float | None) -> Scorer:
    scorer = service().scorer
    return scorer if threshold is None else scorer.with_threshold(threshold)
