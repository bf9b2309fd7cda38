"""The API description, the page that shows it, and the files of the pages, all from this image."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, render_template, request

from app.answers import json_answer

blueprint = Blueprint("docs", __name__)

VIEWER: Final = "vendor/swagger-ui-5.35.0"

_FILES: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
_VENDORED: Final = "vendor/"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For files whose path names their version."""

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Answer the description of the API."""
    from app.openapi import document

    return json_answer(document(request.script_root))


@blueprint.get("/docs")
def page() -> Response:
    """Answer the page on which the description is read and tried."""
    response = Response(render_template("docs.html", viewer=VIEWER), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@blueprint.get("/static/<path:name>")
def static(name: str) -> Response:
    """Answer one file of the pages."""
    file = files().get(name)
    if file is None:
        abort(404)
    response = Response(file.read_bytes(), content_type=_TYPES[file.suffix])
    response.headers["Cache-Control"] = _FOR_EVER if name.startswith(_VENDORED) else "no-cache"
    return response


@cache
def files() -> Mapping[str, Path]:
    """Return every file that is served, by its name; a name that is not one of these leads nowhere."""
    found = (path for path in _FILES.rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.relative_to(_FILES).as_posix(): path for path in found}
