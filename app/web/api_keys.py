"""API keys: who may ask under /v1, /v2 and /metrics. A key comes in X-Api-Key; only its sha256 digest is known here.

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
"""The routes that need a key where there are keys, and that the rate limit of a server counts, by key or address."""

CODES: Final = ("no_key", "wrong_key", "key_in_query")
CHALLENGE: Final = f'ApiKey realm="churn", header="{HEADER}"'
"""Of WWW-Authenticate, which a 401 must have; no browser knows the scheme, so none asks for a password."""

_FINGERPRINT_DIGITS: Final = 12
_QUERY_NAMES: Final = {
    *("key", "apikey", "api_key", "api-key", "xapikey", "x_api_key", "x-api-key"),
    *("token", "apitoken", "api_token", "access_token", "auth", "authorization", "secret", "password"),
}


def digest_of(key: str) -> str:
    """Return the sha256 digest of a key, in hex. WSGI has the bytes of a header as Latin-1."""
    return hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()


def fingerprint_of(digest: str) -> str:
    """Return what names a key in logs and in the keys of uploads: it leads neither to the key nor to its digest."""
    return hashlib.sha256(digest.encode("ascii")).hexdigest()[:_FINGERPRINT_DIGITS]


def find(key: str, digests: Sequence[str]) -> str | None:
    """Return the digest of `key` if it is one of `digests`; it takes as long for the first, the last and none."""
    ours, found = digest_of(key), None
    for digest in digests:
        if hmac.compare_digest(ours, digest):
            found = digest
    return found


def is_guarded() -> bool:
    """Return whether this request needs a key where there are keys, and counts where there is a rate limit."""
    return request.path.startswith(GUARDED)


def identify(digests: Sequence[str]) -> None:
    """Put the fingerprint of a key that is right on `g.key`."""
    given = request.headers.get(HEADER)
    digest = find(given, digests) if given and is_guarded() else None
    if digest is not None:
        g.key = fingerprint_of(digest)


def require() -> None:
    """Let only requests with a key pass.

    Raises
    ------
    RequestError
        key_in_query, no_key, wrong_key.
    """
    if any(name.lower() in _QUERY_NAMES for name in request.args):
        raise RequestError("key_in_query")
    if "key" not in g:
        raise RequestError("wrong_key" if request.headers.get(HEADER) else "no_key")


def _challenge(response: Response) -> Response:
    """Say with every 401 how to ask."""
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def install(app: Flask, digests: Sequence[str], admit: Callable[[], None] | None = None) -> None:
    """Ask for a key that has one of `digests`, if there are any.

    `admit` may refuse a request by raising RequestError. It finds `g.key` set, and is asked before a wrong key is
    refused, so that guesses count too.
    """

    @app.before_request
    def check() -> None:
        identify(digests)
        if admit is not None:
            admit()
        if digests and is_guarded():
            require()

    app.after_request(_challenge)
