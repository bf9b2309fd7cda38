"""The responses of POST /v2/uploads and GET /v2/jobs/{id}, from the store that was passed in."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from flask import Response, g, request

from app.web.errors import RequestError
from app.web.responses import json_response
from app.web.service import Uploads, service
from model.errors import ChurnError

ANYONE: Final = "anyone"
"""The owner of an upload without a key; not a fingerprint, since those are hex digits."""

Result = TypeVar("Result", bound=Mapping[str, Any] | None)


def create_upload() -> Response:
    """Return the form that sends a file, and the path of its job.

    Raises
    ------
    RequestError
        uploads_not_configured, file_elsewhere, uploads_unavailable.
    """
    connect = _connect()
    if request.content_length or "Transfer-Encoding" in request.headers:
        raise RequestError("file_elsewhere")
    upload = _call(lambda: connect().create_upload(_owner()))
    job_path = f"{request.script_root}/v2/jobs/{upload['id']}"
    response = json_response({**upload, "job": job_path})
    response.status_code = 201
    response.headers["Location"] = job_path
    return response


def get_job(upload_id: str) -> Response:
    """Return the state of the job of an upload.

    Raises
    ------
    RequestError
        uploads_not_configured, unknown_job, uploads_unavailable.
    """
    connect = _connect()
    job = _call(lambda: connect().get_job(_owner(), upload_id))
    if job is None:
        raise RequestError("unknown_job", value=upload_id)
    return json_response(job)


def _connect() -> Callable[[], Uploads]:
    connect = service().uploads
    if connect is None:
        raise RequestError("uploads_not_configured")
    return connect


def _owner() -> str:
    return str(g.get("key", ANYONE))


def _call(store: Callable[[], Result]) -> Result:
    try:
        return store()
    except ChurnError as error:
        # It names buckets and permissions, which only operators should see.
        g.counts = {"reason": str(error)}
        raise RequestError("uploads_unavailable", request_id=g.request_id) from error
