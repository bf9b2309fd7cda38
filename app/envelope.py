"""What surrounds every answer: the request id, the headers, and one log line without customer data."""

import re
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from flask import Flask, Response, g, request

from app import log
from app.answers import CutShortError
from app.service import service

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Answers hold customers' data: nobody on the way keeps them or guesses another type."""


def request_id_of(given: str | None) -> str:
    """Return the id that the client gave if it is plain enough to repeat in a header and a log, else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _open() -> None:
    g.started = time.perf_counter()
    g.request_id = request_id_of(request.headers.get("X-Request-Id"))


def _close(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Model-Version"] = service().scorer.version
    line = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "code": g.get("code"),
        "bytes_in": request.content_length,
        "request_id": g.request_id,
        "model_version": service().scorer.version,
    }
    # A stream fills them while it goes out.
    counts: dict[str, object] = g.get("counts", {})
    if response.is_streamed:
        response.response = _logged(response.iter_encoded(), line, counts, g.started)
    else:
        _write({**line, **counts}, g.started, response.calculate_content_length() or 0)
    return response


def _logged(
    chunks: Iterable[bytes], line: dict[str, object], counts: dict[str, object], started: float
) -> Iterator[bytes]:
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
        _write({**line, **counts, "complete": complete}, started, sent)


def _write(line: dict[str, object], started: float, sent: int) -> None:
    log.write(**line, bytes_out=sent, ms=round((time.perf_counter() - started) * 1000, 2))


def install(app: Flask) -> None:
    """Put the envelope around every answer of `app`."""
    app.before_request(_open)
    app.after_request(_close)
