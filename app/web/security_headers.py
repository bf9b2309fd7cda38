"""The headers that tell a browser what an answer may do: our own origin only, in whose frames, with no device."""

from collections.abc import Iterable
from typing import Final

from flask import Flask, Response

POLICY: Final = "Content-Security-Policy"


def policy(frame_ancestors: Iterable[str], connected: Iterable[str] = ()) -> str:
    """Return the Content-Security-Policy of a page that `frame_ancestors` may show in a frame.

    `connected` are origins beside our own that its scripts may ask.
    """
    asked = " ".join(["'self'", *connected])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {asked}; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {' '.join(frame_ancestors)}"
    )


HEADERS: Final = {
    POLICY: policy(["'none'"]),
    # Neither breaks a frame: the first counts for windows only, the second for what another site loads as its own.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer, also of those for which the app was not asked."""


def install(app: Flask, frame_ancestors: Iterable[str]) -> None:
    """Let `frame_ancestors` show the answers of `app` in a frame. A route may set a policy of its own."""
    ours = policy(frame_ancestors)

    @app.after_request
    def allow_frames(response: Response) -> Response:
        response.headers.setdefault(POLICY, ours)
        return response
