"""GET / and GET /health: a page for people, the same facts as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from flask import Blueprint, Response, current_app, render_template, request, url_for

from app.web import security_headers
from app.web.compression import accepts_gzip, compress
from app.web.description import DESCRIPTIONS, TEXT, describe, summary_of
from app.web.errors import RequestError, send_in_parts
from app.web.problems import to_members
from app.web.responses import HTML, JSON
from app.web.service import MAX_BINARY_BYTES, service
from model.errors import ChurnError

blueprint = Blueprint("pages", __name__)

STYLES: Final = ("page.css", "page/customer.css", "page/list.css", "page/model.css")
MODULES: Final = ("page/api.js", "page/dom.js", "page/format.js", "page/customer.js", "page/risk.js", "page/what_if.js")
"""What the first view imports, so that a browser fetches them at once and not one after the other."""


@blueprint.get("/")
@describe("home", {JSON: "Welcome", HTML: TEXT})
def home() -> Response:
    """Get the welcome: the page in browsers, else this list of routes."""
    if request.accept_mimetypes.best_match([JSON, HTML]) == HTML:
        buckets = _bucket_origins()
        response = _html(_page(has_bucket=bool(buckets)))
        policy = security_headers.policy(service().settings.frame_ancestors, buckets)
        response.headers[security_headers.POLICY] = policy
    else:
        welcome = {"message": "Which customers are about to leave: POST one to /v1/customer.", **_state()}
        response = _json({**welcome, "routes": _routes()})
    response.vary.add("Accept")
    return response


@blueprint.get("/health")
@describe("health", {JSON: "Health"})
def health() -> Response:
    """Get whether the service is up, and with which model."""
    # It is up only with a model that was loaded and checked.
    return _json(_state())


def _routes() -> dict[str, str]:
    """Return the summary of each route of the app."""
    return {
        f"{method} {rule.rule}": summary_of(view)
        for rule in current_app.url_map.iter_rules()
        if (view := current_app.view_functions[rule.endpoint]) in DESCRIPTIONS
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def _state() -> dict[str, object]:
    scorer = service().scorer
    return {
        "status": "ok",
        "model_version": scorer.version,
        "model_sha256": scorer.sha256,
        "threshold": scorer.threshold,
    }


def _json(members: Mapping[str, object]) -> Response:
    return Response(json.dumps(members, ensure_ascii=False) + "\n", content_type=JSON)


def _bucket_origins() -> Sequence[str]:
    """Return the origins to which the page sends larger files, and from which it fetches their results."""
    connect = service().uploads
    if connect is None:
        return ()
    try:
        return connect().origins
    except ChurnError:
        # The page works without; a request for an upload returns the error.
        return ()


def _max_direct_bytes() -> int:
    """Return the most bytes of a compressed file that one request can have here."""
    max_bytes = service().settings.max_upload_bytes
    return min(max_bytes, int(request.environ.get(MAX_BINARY_BYTES, max_bytes)))


def _too_large_problem(max_bytes: int) -> str:
    """Return, as JSON, the problem of a compressed file of more than `max_bytes` bytes.

    The page needs it: a browser goes on sending a body that was refused long ago; 200 MB at 2 MB/s took a minute.
    """
    error = RequestError("too_large", limit=max_bytes, advice=send_in_parts(service().large_file_advice))
    return json.dumps(to_members(error.code, str(error), ""))


def _html(text: str) -> Response:
    response = Response(text, content_type=f"{HTML}; charset=utf-8")
    response.vary.add("Accept-Encoding")
    if accepts_gzip():
        response.set_data(compress(text.encode()))
        response.content_encoding = "gzip"
    return response


def _page(*, has_bucket: bool) -> str:
    # Programs never need it, and a cold start for one customer does without.
    from app.web.form_fields import fields, period
    from model.explain import terms_of

    scorer, max_bytes = service().scorer, _max_direct_bytes()
    return render_template(
        "home.html",
        **_state(),
        routes=_routes(),
        fields=fields(scorer.schema, scorer.ranges),
        schema=scorer.schema,
        period=period(scorer.schema),
        terms=len(terms_of(scorer)),
        # Between apostrophes in a shell command, which one of its own would end.
        example=json.dumps(dict(scorer.schema.example)).replace("'", "\\u0027"),
        origin=request.root_url.rstrip("/"),
        max_request_bytes=max_bytes,
        too_large_problem=None if has_bucket else _too_large_problem(max_bytes),
        has_bucket=has_bucket,
        has_actions=bool(service().load_actions()),
        needs_key=bool(service().settings.api_keys),
        styles=STYLES,
        modules=MODULES,
        static=lambda name: url_for("static_files.file", name=name),
    )
