"""The headers that limit what a browser does with a response: our own origin only, chosen frames, no devices."""

from collections.abc import Iterable
from typing import Final

from flask import Flask, Response

POLICY: Final = "Content-Security-Policy"


def policy(frame_ancestors: Iterable[str], connect_origins: Iterable[str] = ()) -> str:
    """Return the Content-Security-Policy of a page that `frame_ancestors` may show in a frame.

    Its scripts may send requests to our own origin and to `connect_origins`.
    """
    connect = " ".join(["'self'", *connect_origins])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {connect}; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {' '.join(frame_ancestors)}"
    )


HEADERS: Final = {
    POLICY: policy(["'none'"]),
    # Neither breaks a frame: the first counts for windows only, the second for resources that another site loads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every response, also of those that do not come from the app."""


def install(app: Flask, frame_ancestors: Iterable[str]) -> None:
    """Let `frame_ancestors` show the responses of `app` in a frame. A route may set a policy of its own."""
    default = policy(frame_ancestors)

    @app.after_request
    def allow_frames(response: Response) -> Response:
        response.headers.setdefault(POLICY, default)
        return response
