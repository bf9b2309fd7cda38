"""How v2 answers: JSON from plain values, what each says of the model, and the end of one that cannot be finished."""

import errno
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response

from model.scorecard import Scorer

FREE_ANSWER_BYTES: Final = 1_000_000
ANSWER_RATIO: Final = 20
"""Bytes of answer for each byte of a decompressed body, beyond what is free. Of the public data a CSV comes to 0.3, and
NDJSON with every option to 14."""

CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
JSON: Final = "application/json"

NOTES: Final = "X-Notes"
NOTES_BYTES: Final = 1000
"""Of the header; many proxies take no more than 4 or 8 KB for all headers."""


class CutShortError(ConnectionResetError):
    """Ends an answer whose beginning went out already, so that the client sees that its end is missing.

    The server takes it for a connection that is gone: it closes without a final chunk, and writes no traceback. What
    is to blame is its `__cause__`.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The answer cannot be finished.")


def json_answer(members: Mapping[str, Any]) -> Response:
    """Return an answer of JSON; a lone surrogate that the client sent becomes the escape that it was."""
    text = json.dumps(members, ensure_ascii=False, allow_nan=False) + "\n"
    return Response(text.encode("utf-8", "backslashreplace"), content_type=JSON)


def add_notes(response: Response, notes: Sequence[str]) -> None:
    """Put what is to be known of a file into the header X-Notes, in ASCII and at most `NOTES_BYTES` long."""
    if notes:
        text = " ".join(notes).encode("ascii", "backslashreplace").decode()
        response.headers[NOTES] = text if len(text) <= NOTES_BYTES else text[: NOTES_BYTES - 3] + "..."


def most_answer_bytes(bytes_in: int) -> int:
    """Return how long the answer to a body of so many bytes may be."""
    return max(FREE_ANSWER_BYTES, ANSWER_RATIO * bytes_in)


def context(scorer: Scorer) -> dict[str, Any]:
    """Return what a reader must know beside a verdict: which model, and where label and tiers are cut."""
    return {"model_version": scorer.version, "threshold": scorer.threshold, "tiers": dict(scorer.tiers)}
