"""What waitress refuses before the app sees it: strict rules for heads and chunks, and problems as responses.

Only app/server.py imports it.
"""

import re
from http import HTTPStatus
from typing import Final

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error

from app import log
from app.web import request_logging
from app.web.errors import STATUSES, RequestError, send_in_parts
from app.web.request_logging import WriteLine

MAX_HEAD_BYTES: Final = 32 * 1024
MAX_LINE_BYTES: Final = 8190
MAX_HEADERS: Final = 100
_FREE_FRAMING_BYTES: Final = 64 * 1024
_MAX_FRAMING_RATIO: Final = 0.5
"""Bytes of chunk sizes, extensions and trailers for each byte of content; chunks of 16 bytes have 0.4. waitress takes
3 s of CPU for 1 MB in chunks of one byte, and 31 s for one extension of 14 MB."""

_CODING: Final = b"transfer-encoding:"
_FOLD: Final = re.compile(rb"\r\n[ \t]")
_CODES: Final = {413: "too_large", 431: "long_headers", 500: "internal", 501: "transfer_coding"}


class StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses requests whose end a proxy may see elsewhere (request smuggling, RFC 9112, section 11.2).

    waitress 3.0.2 ignores Content-Length if there is a Transfer-Encoding, and Transfer-Encoding if it is empty or the
    request is not of HTTP/1.1. It joins the lines of a folded header, and the values of repeated headers. It sets no
    limit to the lines between chunks.
    """

    def received(self, data: bytes) -> int:
        """Read the next bytes, and return how many belong to this request."""
        consumed: int = super().received(data)
        receiver = self.body_rcv
        if isinstance(receiver, ChunkedReceiver) and not self.error:
            content = len(receiver)
            framing = self.body_bytes_received - content
            unfinished = len(receiver.control_line) + len(receiver.trailer)
            is_small = framing > _FREE_FRAMING_BYTES + _MAX_FRAMING_RATIO * content
            if is_small or unfinished > _FREE_FRAMING_BYTES:
                self.error: Error = BadRequest("small_chunks")
                self.completed = True
        if self.error:
            self.expect_continue = False  # or waitress asks for the body, and waits
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request.

        Raises
        ------
        ParsingError
            With the code of the problem, or with the reason if it is bad_request.
        """
        first, *lines = header_plus.rstrip(b"\r\n").split(b"\r\n")
        if len(first) > MAX_LINE_BYTES:
            raise ParsingError("long_address")
        if len(lines) > MAX_HEADERS or any(len(line) > MAX_LINE_BYTES for line in lines):
            raise ParsingError("long_headers")
        if _FOLD.search(header_plus):
            raise ParsingError("Folded headers are not accepted")
        names = [line.partition(b":")[0].strip().lower() for line in lines]
        if names.count(b"host") > 1 or names.count(b"content-length") > 1:
            raise ParsingError("Host or Content-Length is repeated")
        codings = [line.partition(b":")[2].strip(b" \t").lower() for line in lines if line[:18].lower() == _CODING]
        if codings not in ([], [b"chunked"]):
            raise ParsingError("transfer_coding")
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError("The address or Content-Length is malformed") from None
        if self.version not in {"1.0", "1.1"}:
            raise ParsingError("HTTP version is not supported")
        if codings and (self.version == "1.0" or "CONTENT_LENGTH" in self.headers):
            raise ParsingError("Transfer-Encoding is accepted in HTTP/1.1 without Content-Length only")
        if self.version == "1.1" and not self.headers.get("HOST"):
            raise ParsingError("no_host")
        if self.headers.get("EXPECT", "100-continue").lower() != "100-continue":
            raise ParsingError("expectation")


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that waitress refuses with a problem, as the app answers those that reach it."""

    write_line: WriteLine = staticmethod(log.write)

    def execute(self) -> None:
        """Send the problem, write its line in the log, and end the connection."""
        self.version = "1.1"
        refusal, limit = self.request.error, self.channel.server.adj.max_request_body_size - 1
        code = refusal.body if refusal.body in STATUSES else _CODES.get(refusal.code, "bad_request")
        request_id = request_logging.request_id_of(self.request.headers.get("X_REQUEST_ID"))
        error = RequestError(code, limit=limit, advice=send_in_parts(), request_id=request_id)
        status, headers, body = request_logging.bare_response(code, str(error), request_id)
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.write(body)
        self.write_line(status=status, code=code, request_id=request_id)
