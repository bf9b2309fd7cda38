"""API keys for /v1, /v2 and /metrics. A key arrives in X-Api-Key; only its sha256 digest is known here.

The log, limits and uploads name a key by its fingerprint. Nothing else of a key is kept, shown or logged.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from flask import Flask, Response, g, request

from app.web.errors import RequestError

HEADER: Final = "X-Api-Key"
GUARDED: Final = ("/v1/", "/v2/", "/metrics")
"""The routes that need a key where keys are set, and that the rate limit of a server counts, by key or address."""

CODES: Final = ("no_key", "wrong_key", "key_in_query")
CHALLENGE: Final = f'ApiKey realm="churn", header="{HEADER}"'
"""The WWW-Authenticate header, which a 401 must have; no browser knows the scheme, so none asks for a password."""

_FINGERPRINT_DIGITS: Final = 12
_QUERY_NAMES: Final = {
    *("key", "apikey", "api_key", "api-key", "xapikey", "x_api_key", "x-api-key"),
    *("token", "apitoken", "api_token", "access_token", "auth", "authorization", "secret", "password"),
}


def digest_of(key: str) -> str:
    """Return the sha256 digest of a key, in hex. WSGI has the bytes of a header as Latin-1."""
    return hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()


def fingerprint_of(digest: str) -> str:
    """Return the name of a key in logs and in the keys of uploads; neither key nor digest can be derived from it."""
    return hashlib.sha256(digest.encode("ascii")).hexdigest()[:_FINGERPRINT_DIGITS]


def find(key: str, digests: Sequence[str]) -> str | None:
    """Return the digest of `key` if it is one of `digests`; it takes as long for the first, the last and none."""
    key_digest, match = digest_of(key), None
    for digest in digests:
        if hmac.compare_digest(key_digest, digest):
            match = digest
    return match


def is_guarded() -> bool:
    """Return whether this request needs a key where keys are set, and counts where there is a rate limit."""
    return request.path.startswith(GUARDED)


def _identify(digests: Sequence[str]) -> None:
    """Put the fingerprint of a valid key on `g.key`."""
    key = request.headers.get(HEADER)
    digest = find(key, digests) if key and is_guarded() else None
    if digest is not None:
        g.key = fingerprint_of(digest)


def _require_key() -> None:
    if any(name.lower() in _QUERY_NAMES for name in request.args):
        raise RequestError("key_in_query")
    if "key" not in g:
        raise RequestError("wrong_key" if request.headers.get(HEADER) else "no_key")


def _add_challenge(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def install(app: Flask, digests: Sequence[str], check_rate_limit: Callable[[], None] | None = None) -> None:
    """Require a key that has one of `digests`, if there are any.

    `check_rate_limit` may refuse a request by raising RequestError. It runs with `g.key` set and before a wrong key is
    refused, so that guesses count too.
    """

    @app.before_request
    def check() -> None:
        _identify(digests)
        if check_rate_limit is not None:
            check_rate_limit()
        if digests and is_guarded():
            _require_key()

    app.after_request(_add_challenge)
