"""GET / and GET /health: a page for people, the same facts as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from flask import Blueprint, Response, render_template, request, url_for

from app.web import security_headers
from app.web.compression import pack, takes_gzip
from app.web.errors import RequestError, send_in_parts
from app.web.problems import to_members
from app.web.service import MAX_PACKED, service
from model.errors import ChurnError
from model.schema import CUSTOMER_ID, EXAMPLE

blueprint = Blueprint("pages", __name__)

ROUTES: Final = {
    "GET /": "this welcome",
    "GET /health": "whether the service answers, and with which model",
    "POST /v1/customer": "one customer as JSON",
    "POST /v1/customerbatch": 'many customers as a CSV in a form part named "file"',
    "POST /v2/customers": "one customer or a list of them: probability, tier, money, reasons, suggestions",
    "POST /v2/what-if": "how the risk of one customer would differ with one thing changed",
    "POST /v2/batches": "many customers as a CSV, answered row by row or summed up",
    "POST /v2/uploads": "where to send a file that is too long for HTTP",
    "GET /v2/jobs/<id>": "how far the job of such a file is, and where its results are",
    "GET /v2/model": "what the model is made of, and how good it is",
    "GET /v2/model/card": "the model card as HTML",
    "GET /v2/schema": "one customer as JSON Schema",
    "GET /v2/template.csv": "a CSV to fill in",
    "GET /v2/sample.csv": "a made-up list of 1,000 customers to try it with",
    "GET /openapi.json": "all of this as OpenAPI 3.1",
    "GET /docs": "all of this to read and to try, in a browser",
    "GET /static/<path:name>": "the files of the pages",
}

STYLES: Final = ("page.css", "page/customer.css", "page/list.css", "page/model.css")
MODULES: Final = ("page/api.js", "page/dom.js", "page/format.js", "page/customer.js", "page/risk.js", "page/what_if.js")
"""What the first view imports, so that a browser fetches them at once and not one after the other."""


@blueprint.get("/")
def home() -> Response:
    """Answer with the page where HTML is preferred, else with JSON."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        buckets = _buckets()
        response = _html(_page(has_bucket=bool(buckets)))
        response.headers[security_headers.POLICY] = security_headers.policy(service().limits.frame_ancestors, buckets)
    else:
        welcome = {"message": "Which customers are about to leave: POST one to /v1/customer.", **_state()}
        response = _json({**welcome, "routes": ROUTES})
    response.vary.add("Accept")
    return response


@blueprint.get("/health")
def health() -> Response:
    """Answer that the service is up; it is up only with a model that was loaded and checked."""
    return _json(_state())


def _state() -> dict[str, object]:
    scorer = service().scorer
    return {
        "status": "ok",
        "model_version": scorer.version,
        "model_sha256": scorer.sha256,
        "threshold": scorer.threshold,
    }


def _json(members: Mapping[str, object]) -> Response:
    return Response(json.dumps(members, ensure_ascii=False) + "\n", content_type="application/json")


def _buckets() -> Sequence[str]:
    """Return where the page sends larger files, and fetches their results."""
    connect = service().uploads
    if connect is None:
        return ()
    try:
        return connect().origins
    except ChurnError:
        # The page does without; whoever asks for an upload is told.
        return ()


def _direct_bytes() -> int:
    """Return the most bytes of a packed file that come through in one request here."""
    most = service().limits.max_upload_bytes
    return min(most, int(request.environ.get(MAX_PACKED, most)))


def _refusal(most: int) -> str:
    """Return, as JSON, what is answered to a packed file of more than `most` bytes.

    The page must know: a browser sends on, though it was refused long ago; 200 MB at 2 MB/s were sent for a minute.
    """
    too_large = RequestError("too_large", limit=most, advice=send_in_parts(service().larger))
    return json.dumps(to_members(too_large.code, str(too_large), ""))


def _html(text: str) -> Response:
    response = Response(text, content_type="text/html; charset=utf-8")
    response.vary.add("Accept-Encoding")
    if takes_gzip():
        response.set_data(pack(text.encode()))
        response.content_encoding = "gzip"
    return response


def _page(*, has_bucket: bool) -> str:
    # Programs never need it, and a cold start for one customer does without.
    from app.web.form_fields import fields

    direct_bytes = _direct_bytes()
    return render_template(
        "home.html",
        **_state(),
        routes=ROUTES,
        fields=fields(service().scorer.ranges),
        customer_id=CUSTOMER_ID,
        example=json.dumps(dict(EXAMPLE)),
        origin=request.root_url.rstrip("/"),
        direct_bytes=direct_bytes,
        refusal=None if has_bucket else _refusal(direct_bytes),
        has_bucket=has_bucket,
        needs_key=bool(service().limits.api_keys),
        styles=STYLES,
        modules=MODULES,
        static=lambda name: url_for("static_files.file", name=name),
    )
