"""The one place where an error becomes a status and a body: RFC 9457 problems on every failing path."""

import errno
import json
from collections.abc import Mapping, Sequence
from typing import Final

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from app import log
from app.web.errors import ERRORS, STATUSES, RequestError
from model.errors import SHOWN_PROBLEMS, CustomerError, InputError, Problem, show

MEDIA_TYPE: Final = "application/problem+json"

_NO_DISK_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def to_members(
    code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return a problem as the members of its JSON."""
    return {
        "type": f"urn:churn:problem:{code}",
        "title": ERRORS[code].title,
        "status": STATUSES[code],
        "detail": detail,
        "instance": request_id,
        "code": code,
        **(members or {}),
    }


def to_json(code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None) -> bytes:
    """Return a problem as JSON."""
    # A lone surrogate becomes \udXXX, which is also how JSON escapes it.
    text = json.dumps(to_members(code, detail, request_id, members), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def headers_of(code: str) -> dict[str, str]:
    """Return the headers that a problem needs beyond those of every response."""
    retry_after_s = ERRORS[code].retry_after_s
    return {"Content-Type": MEDIA_TYPE, **({"Retry-After": str(retry_after_s)} if retry_after_s else {})}


def error_members(problems: Sequence[Problem], total: int) -> dict[str, object]:
    """Return the members that list problems: the first of them, and how many there are."""
    return {"errors": [problem.to_dict() for problem in problems[:SHOWN_PROBLEMS]], "errors_total": total}


def parts_of(error: CustomerError | InputError | RequestError) -> tuple[str, str, Mapping[str, object]]:
    """Return the code, the sentence and the further members of the problem for `error`."""
    if isinstance(error, CustomerError):
        return "bad_customer", str(error), error_members(error.problems, len(error.problems))
    if isinstance(error, InputError):
        return error.problem.code, str(error), error_members([error.problem], 1)
    return error.code, str(error), error.members


def _respond(code: str, detail: str, members: Mapping[str, object] | None = None) -> Response:
    g.code = code
    return Response(to_json(code, detail, g.request_id, members), STATUSES[code], headers_of(code))


def _respond_to_known(error: CustomerError | InputError | RequestError) -> Response:
    return _respond(*parts_of(error))


def _respond_to_http(error: HTTPException) -> Response:
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.code or 500)
    if code is None:
        code = "internal" if (error.code or 500) >= 500 else "bad_request"
    allowed = dict(error.get_headers()).get("Allow")
    detail = ERRORS[code].sentence.format(
        path=show(request.path), method=show(request.method)[1:-1], allowed=allowed, request_id=g.request_id
    )
    response = _respond(code, detail)
    if allowed is not None:
        response.headers["Allow"] = allowed
    return response


def _respond_to_unexpected(error: Exception) -> Response:
    code = "no_room" if isinstance(error, OSError) and error.errno in _NO_DISK_SPACE else "internal"
    log.write_failure(error, g.request_id)
    return _respond(code, ERRORS[code].sentence.format(request_id=g.request_id))


def install(app: Flask) -> None:
    """Turn every error that `app` can raise into a problem."""
    for kind in (CustomerError, InputError, RequestError):
        app.register_error_handler(kind, _respond_to_known)
    app.register_error_handler(HTTPException, _respond_to_http)
    app.register_error_handler(Exception, _respond_to_unexpected)
