"""What surrounds every answer: the request id, the headers, and one log line without customer data."""

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
Report = Callable[..., object]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

HEADERS: Final = {"Cache-Control": "no-store", **security_headers.HEADERS}
"""Answers hold customers' data: nobody on the way keeps them or guesses another type."""

REPORT: Final = "churn.report"
"""The key of the WSGI environment under which a door may hand in what takes the log line, instead of `log.write`."""


def request_id_of(given: str | None) -> str:
    """Return the id that the client gave if it is plain enough to repeat in a header and a log, else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def bare_answer(
    code: str, detail: str, request_id: str, members: Mapping[str, object] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a problem for which the app was not asked."""
    body = problems.to_json(code, detail, request_id, members)
    ours = {**problems.headers_of(code), "Content-Length": str(len(body)), "X-Request-Id": request_id}
    return STATUSES[code], {**ours, **HEADERS}, body


def _open() -> None:
    g.started = time.perf_counter()
    g.request_id = request_id_of(request.headers.get("X-Request-Id"))


def _close(response: Response) -> Response:
    # Werkzeug looks through all headers for each that is set: 15 us for these nine, and 5 in one pass.
    present = {name.lower() for name, _ in response.headers}
    ours = {**HEADERS, "X-Request-Id": g.request_id, "X-Model-Version": service().scorer.version}
    for name, value in ours.items():
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
        "model_version": service().scorer.version,
    }
    report = request.environ.get(REPORT, log.write)
    # A stream fills them while it goes out.
    counts: Line = g.get("counts", {})
    if response.is_streamed:
        response.response = _logged(response.iter_encoded(), line, counts, g.started, report)
    else:
        _write({**line, **counts}, g.started, response.calculate_content_length() or 0, report)
    return response


def _logged(chunks: Iterable[bytes], line: Line, counts: Line, started: float, report: Report) -> Iterator[bytes]:
    """Pass `chunks` on and write the line after the last, or when the client has gone or the stream failed."""
    sent, complete = 0, False
    try:
        for chunk in chunks:
            yield chunk
            sent += len(chunk)
        complete = True
    except CutShortError:
        raise
    except Exception as error:  # noqa: BLE001 - the server would log its text, which may quote a customer
        log.write_failure(error, str(line["request_id"]))
        raise CutShortError from None
    finally:
        _write({**line, **counts, "complete": complete}, started, sent, report)


def _write(line: Line, started: float, sent: int, report: Report) -> None:
    report(**line, bytes_out=sent, ms=round((time.perf_counter() - started) * 1000, 2))


def install(app: Flask) -> None:
    """Put the envelope around every answer of `app`."""
    app.before_request(_open)
    app.after_request(_close)
