"""CORS: which pages may read the responses in a browser. Off unless origins are set; never with cookies.

A few lines of our own, since every cold start would import the library; docs/why.md has the figures.
"""

from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, request

METHODS: Final = "GET, HEAD, POST"
REQUEST_HEADERS: Final = "Content-Type, X-Api-Key, X-Request-Id"
RESPONSE_HEADERS: Final = (
    "RateLimit, RateLimit-Policy, Retry-After, X-Model-Version, X-Notes, X-Rejected-Rows, X-Request-Id"
)
_MAX_AGE_S: Final = 3600


def install(app: Flask, origins: Sequence[str]) -> None:
    """Let the pages of `origins` ("*" alone for all) read the responses of `app`, problems too."""
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        # Browsers send no key with it, so it is answered before keys are checked.
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not is_preflight or request.url_rule is None or _allowed(origins) is None:
            return None
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
        return response

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Always, so that no cache gives one page the response for another.
        response.vary.add("Origin")
        origin = _allowed(origins)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
        return response


def _allowed(origins: Sequence[str]) -> str | None:
    origin = request.headers.get("Origin", "")
    if not origin:
        return None
    return "*" if "*" in origins else origin if origin.lower() in origins else None
