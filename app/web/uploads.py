"""Uploads and their jobs: the answers of POST /v2/uploads and GET /v2/jobs/{id}, from the store that was passed in."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from flask import Response, g, request

from app.web.errors import RequestError
from app.web.responses import json_answer
from app.web.service import Uploads, service
from model.errors import ChurnError

ANYONE: Final = "anyone"
"""Who owns an upload that was asked for without a key; no fingerprint, since those are hex digits."""

Answer = TypeVar("Answer", bound=Mapping[str, Any] | None)


def begin() -> Response:
    """Answer with the form that sends a file, and with where its job is told of.

    Raises
    ------
    RequestError
        uploads_not_configured, file_elsewhere, uploads_unavailable.
    """
    connect = _connect()
    if request.content_length or "Transfer-Encoding" in request.headers:
        raise RequestError("file_elsewhere")
    made = _ask(lambda: connect().create_upload(_owner()))
    place = f"{request.script_root}/v2/jobs/{made['id']}"
    response = json_answer({**made, "job": place})
    response.status_code = 201
    response.headers["Location"] = place
    return response


def tell(wanted: str) -> Response:
    """Answer with the state of the job of an upload.

    Raises
    ------
    RequestError
        uploads_not_configured, unknown_job, uploads_unavailable.
    """
    connect = _connect()
    found = _ask(lambda: connect().get_job(_owner(), wanted))
    if found is None:
        raise RequestError("unknown_job", value=wanted)
    return json_answer(found)


def _connect() -> Callable[[], Uploads]:
    connect = service().uploads
    if connect is None:
        raise RequestError("uploads_not_configured")
    return connect


def _owner() -> str:
    return str(g.get("key", ANYONE))


def _ask(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except ChurnError as error:
        # It names buckets and rights, which are the operators' business.
        g.counts = {"reason": str(error)}
        raise RequestError("uploads_unavailable", request_id=g.request_id) from error
