"""gzip for the page and its files, which become a fourth as long.

Responses about customers are not compressed: they are short, or streams.
"""

from typing import Final

from flask import request

_LEVEL: Final = 6


def accepts_gzip() -> bool:
    """Return whether the client accepts a response compressed with gzip."""
    return request.accept_encodings.quality("gzip") > 0


def compress(data: bytes) -> bytes:
    """Return `data` compressed; the same data gives the same bytes."""
    # A cold start for one customer does without.
    import gzip

    return gzip.compress(data, _LEVEL, mtime=0)
