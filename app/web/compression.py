"""Bytes packed by gzip for the clients that take it: the page and its files, which are a fourth as long then.

Answers about customers are not packed: they are short, or streams.
"""

from typing import Final

from flask import request

_LEVEL: Final = 6


def takes_gzip() -> bool:
    """Return whether whoever asks takes an answer packed by gzip."""
    return request.accept_encodings.quality("gzip") > 0


def pack(data: bytes) -> bytes:
    """Return `data` packed; the same data gives the same bytes."""
    # A cold start for one customer does without.
    import gzip

    return gzip.compress(data, _LEVEL, mtime=0)
