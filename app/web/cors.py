"""CORS: whose pages may read the answers in a browser. Off unless origins are set; never with cookies.

A few lines of its own, since the library would be imported by every cold start; docs/why.md has the figures.
"""

from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, request

METHODS: Final = "GET, HEAD, POST"
ASKED: Final = "Content-Type, X-Api-Key, X-Request-Id"
SHOWN: Final = "RateLimit, RateLimit-Policy, Retry-After, X-Model-Version, X-Notes, X-Rejected-Rows, X-Request-Id"
_KEPT_S: Final = 3600


def install(app: Flask, origins: Sequence[str]) -> None:
    """Let the pages of `origins` ("*" alone for all) read the answers of `app`, problems too."""
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        # Browsers send no key with it, so it is answered before keys are asked for.
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not is_preflight or request.url_rule is None or _allowed(origins) is None:
            return None
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = ASKED
        response.headers["Access-Control-Max-Age"] = str(_KEPT_S)
        return response

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Always, so that no cache gives one page the answer to another.
        response.vary.add("Origin")
        origin = _allowed(origins)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = SHOWN
        return response


def _allowed(origins: Sequence[str]) -> str | None:
    origin = request.headers.get("Origin", "")
    if not origin:
        return None
    return "*" if "*" in origins else origin if origin.lower() in origins else None
