"""One request and its answer: how much of it has come, what HTTP demands beyond gunicorn 27.0, and what is refused."""

import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http import errors
from gunicorn.http.wsgi import Response, create

from app import log
from app.server.client import TooSlowError
from app.web import request_logging
from app.web.errors import ERRORS
from app.web.service import WAITING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SHORT_BYTES: Final = 64 * 1024
"""Of a request with JSON or without a body: up to here the loop hears it out, and no thread waits for it."""

HEAD_END: Final = b"\r\n\r\n"
_PLAIN_PATH: Final = re.compile(rb"[A-Z]+ (/[^?% ]*)[? ]")
_WAITING: Final = tuple(path.encode() for path in WAITING)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)
_JSON: Final = re.compile(rb"\r\ncontent-type:[ \t]*application/(?:[a-z0-9.+-]+\+)?json[ \t;\r]", re.IGNORECASE)
_WITH_BODY: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)[ \t]*:", re.IGNORECASE)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class NoHostError(errors.ParseException):  # type: ignore[misc]
    """A request of HTTP/1.1 that names no host (RFC 9112, section 3.2)."""


_BROKEN: Final[dict[type[Exception], str]] = {
    errors.LimitRequestLine: "long_address",
    errors.LimitRequestHeaders: "long_headers",
    errors.UnsupportedTransferCoding: "transfer_coding",
    NoHostError: "no_host",
    errors.ExpectationFailed: "expectation",
    errors.ParseException: "bad_request",
    TooSlowError: "too_slow",
}


class _Answer(Response):  # type: ignore[misc]
    """An answer of HTTP/1.1 whatever version the request has: the version is the server's (RFC 9110, section 6.2).

    How it is framed still depends on the request: no chunks for HTTP/1.0.
    """

    def default_headers(self) -> list[str]:
        """Return the status line and the headers of the connection."""
        return [f"HTTP/1.1 {self.status}\r\n", *super().default_headers()[1:]]


def _check_head(request: Any) -> None:
    """Refuse what gunicorn lets pass.

    Raises
    ------
    UnsupportedTransferCoding
        Another coding than "chunked", or one within it: the app would read gzip for a file that is none.
    NoHostError
    """
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
            raise errors.UnsupportedTransferCoding(value)
    if request.version >= (1, 1) and not any(name == "HOST" for name, _ in request.headers):
        raise NoHostError


def _invite_on_read(request: Any, client: socket.socket) -> None:
    """Have the client asked for the body that it waits to send when the app reads it, and not before.

    A request that is refused by its head so gets no 100. Its connection ends then, since nobody knows whether the body
    follows all the same.
    """
    if request._expected_100_continue:
        request._expected_100_continue = False
        request.must_close = True
        request.body = _AwaitedBody(request, client)


class _AwaitedBody:
    def __init__(self, request: Any, client: socket.socket) -> None:
        self._request, self._body, self._client = request, request.body, client
        self._is_invited = False

    @property
    def failed(self) -> bool:
        return bool(self._body.failed)

    def read(self, size: int | None = None) -> bytes:
        if not self._is_invited:
            self._is_invited = True
            self._request.must_close = False
            self._client.sendall(_CONTINUE)
        return bytes(self._body.read(size))


def missing_bytes(heard: bytes | bytearray) -> int | None:
    """Return how many bytes of a short request have not come yet (1 if that is not known).

    None if it is a long one, asks for something that takes long, or cannot be told from those.
    """
    end = heard.find(HEAD_END)
    if end < 0:
        return 1 if len(heard) < SHORT_BYTES else None
    head = bytes(heard[: end + 2])
    path = _PLAIN_PATH.match(head)
    if path is None or path[1].startswith(_WAITING):
        return None
    if not _WITH_BODY.search(head):
        return 0
    found = _LENGTH.search(head)
    if found is None or len(_WITH_BODY.findall(head)) > 1 or not _JSON.search(head) or int(found[1]) > SHORT_BYTES:
        return None
    return max(0, end + len(HEAD_END) + int(found[1]) - len(heard))


def exchange(request: Any, conn: Any, app: "WSGIApplication", cfg: Any, is_alive: Callable[[], bool]) -> bool:
    """Have the app answer a request; return whether another may follow on its connection: none where the server ends.

    Raises
    ------
    ParseException
        If the app is not asked, for what the head says.
    """
    _check_head(request)
    _invite_on_read(request, conn.sock)
    answer, environ = create(request, conn.sock, conn.client, conn.server, cfg, response_class=_Answer)
    environ["wsgi.multithread"] = True
    pieces = app(environ, answer.start_response)
    if not is_alive():
        answer.force_close()
    try:
        for piece in pieces:
            answer.write(piece)
        answer.close()
    except Exception as error:
        if not answer.headers_sent:
            raise
        if not isinstance(error, OSError):
            log.write_failure(error)
        if answer.response_length is None and not answer.chunked:
            # HTTP/1.0: an orderly end of the connection would make a part of the answer the whole.
            conn.sock.abort()
        return False
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return not answer.should_close()


def code_of(error: Exception) -> str:
    """Return the code of the problem that a request has which never reached the app."""
    return next((code for kind, code in _BROKEN.items() if isinstance(error, kind)), "internal")


def bare_answer(code: str, request_id: str) -> bytes:
    """Return the bytes of an answer for which the app was not asked."""
    detail = ERRORS[code].sentence.format(request_id=request_id)
    status, headers, body = request_logging.bare_response(code, detail, request_id)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
