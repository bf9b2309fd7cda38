"""The request id, the headers of every response, and one log line per request without customer data."""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from flask import Flask, Response, g, request

from app import log
from app.web import problems, security_headers
from app.web.errors import STATUSES
from app.web.responses import CutShortError
from app.web.service import service

Line = dict[str, object]
WriteLine = Callable[..., object]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

HEADERS: Final = {"Cache-Control": "no-store", **security_headers.HEADERS}
"""Responses hold customers' data: no cache may keep them, and no client may guess another type."""

WRITE_LINE: Final = "churn.write_line"
"""The key of the WSGI environment with the function that writes the log line, instead of `log.write`."""


def request_id_of(client_id: str | None) -> str:
    """Return the id from the client if it is plain enough to repeat in a header and a log, else a new one."""
    return client_id if client_id is not None and _REQUEST_ID.fullmatch(client_id) else uuid.uuid4().hex


def bare_response(
    code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a problem that does not come from the app."""
    body = problems.to_json(code, detail, request_id, members)
    headers = {**problems.headers_of(code), "Content-Length": str(len(body)), "X-Request-Id": request_id}
    return STATUSES[code], {**headers, **HEADERS}, body


def _start() -> None:
    g.started = time.perf_counter()
    g.request_id = request_id_of(request.headers.get("X-Request-Id"))


def _finish(response: Response) -> Response:
    model_version = service().scorer.version
    # Werkzeug searches all headers for each that is set: 15 us for these nine, and 5 in one pass.
    present = {name.lower() for name, _ in response.headers}
    for name, value in {**HEADERS, "X-Request-Id": g.request_id, "X-Model-Version": model_version}.items():
        if name.lower() not in present:
            response.headers.add(name, value)
    line = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "code": g.get("code"),
        "key": g.get("key"),
        "bytes_in": request.content_length,
        "request_id": g.request_id,
        "trace_id": log.trace_id(request.headers.get("traceparent"), request.headers.get("X-Amzn-Trace-Id")),
        "model_version": model_version,
    }
    write_line = request.environ.get(WRITE_LINE, log.write)
    # A stream fills them while it is sent.
    counts: Line = g.get("counts", {})
    if response.is_streamed:
        response.response = _logged(response.iter_encoded(), line, counts, g.started, write_line)
    else:
        _write({**line, **counts}, g.started, response.calculate_content_length() or 0, write_line)
    return response


def _logged(
    chunks: Iterable[bytes], line: Line, counts: Line, started: float, write_line: WriteLine
) -> Iterator[bytes]:
    """Pass `chunks` on and write the line after the last, or when the client has gone or the stream failed."""
    bytes_out, is_complete = 0, False
    try:
        for chunk in chunks:
            yield chunk
            bytes_out += len(chunk)
        is_complete = True
    except CutShortError:
        raise
    except Exception as error:  # noqa: BLE001 - the server would log its text, which may quote a customer
        log.write_failure(error, str(line["request_id"]))
        raise CutShortError from None
    finally:
        _write({**line, **counts, "complete": is_complete}, started, bytes_out, write_line)


def _write(line: Line, started: float, bytes_out: int, write_line: WriteLine) -> None:
    write_line(**line, bytes_out=bytes_out, ms=round((time.perf_counter() - started) * 1000, 2))


def install(app: Flask) -> None:
    """Add the request id and the headers to every response of `app`, and log every request."""
    app.before_request(_start)
    app.after_request(_finish)
