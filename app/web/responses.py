"""Responses: media types, JSON, notes, their length, and the end of one that cannot be finished."""

import errno
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final

from flask import Response

from model.scorecard import Scorer

CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
JSON: Final = "application/json"
JSON_SCHEMA: Final = "application/schema+json"
HTML: Final = "text/html"
FORM: Final = "multipart/form-data"
GZIP: Final = "application/gzip"

FREE_ANSWER_BYTES: Final = 1_000_000
ANSWER_RATIO: Final = 20
"""Bytes of a response for each byte of a decompressed body, beyond what is free. With the public data a CSV needs 0.3,
and NDJSON with every option 14."""

SPOOL_BYTES: Final = 1024**2
"""Up to this length a response that is kept back stays in memory: about 40,000 customers listed by id."""

_CHUNK_BYTES: Final = 64 * 1024

NOTES: Final = "X-Notes"
NOTES_BYTES: Final = 1000
"""The longest such header; many proxies accept no more than 4 or 8 KB for all headers."""

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f]")


class CutShortError(ConnectionResetError):
    """Ends a response whose beginning was already sent, so that the client sees that its end is missing.

    The server treats it as a closed connection: it sends no final chunk and writes no traceback. The reason is its
    `__cause__`.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The response cannot be finished.")


def json_response(members: Mapping[str, Any]) -> Response:
    """Return a JSON response; a lone surrogate that the client sent becomes the escape that it was."""
    text = json.dumps(members, ensure_ascii=False, allow_nan=False) + "\n"
    return Response(text.encode("utf-8", "backslashreplace"), content_type=JSON)


def read_spool(spool: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a spool from its start in chunks, and close it."""
    with spool:
        spool.seek(0)
        while chunk := spool.read(_CHUNK_BYTES):
            yield chunk


def add_notes(response: Response, notes: Sequence[str]) -> None:
    """Put notes on a file into the header X-Notes, in printable ASCII and at most `NOTES_BYTES` long.

    They name columns and words of a file, which may hold a line break; that would end the header.
    """
    if notes:
        text = " ".join(notes).encode("ascii", "backslashreplace").decode()
        text = _CONTROLS.sub(lambda control: f"\\x{ord(control[0]):02x}", text)
        response.headers[NOTES] = text if len(text) <= NOTES_BYTES else text[: NOTES_BYTES - 3] + "..."


def max_answer_bytes(body_bytes: int) -> int:
    """Return how long the response to a body of so many bytes may be."""
    return max(FREE_ANSWER_BYTES, ANSWER_RATIO * body_bytes)


def model_context(scorer: Scorer) -> dict[str, Any]:
    """Return what a reader needs next to a score: the model, and the thresholds of label and tiers."""
    return {"model_version": scorer.version, "threshold": scorer.threshold, "tiers": dict(scorer.tiers)}
