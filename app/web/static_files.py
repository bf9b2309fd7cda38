"""GET /static/...: the files under app/web/static, for pages under a policy that allows our own origin only.

The one road for them: a style, a script or a viewer goes into the folder and is served. Nothing is read at import.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, request

from app.web.compression import pack, takes_gzip

FOLDER: Final = Path(__file__).parent / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
"""Written out, since the machine's own table of types differs from image to image. Anything else is not served."""

_TEXT: Final = (".css", ".js", ".mjs", ".json", ".svg", ".txt")
"""What gets shorter when it is packed."""

_VENDORED: Final = "vendor/"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For files whose path names their version; others are asked for again, and come as 304 unless they changed."""

blueprint = Blueprint("static_files", __name__)


@blueprint.get("/static/<path:name>")
def file(name: str) -> Response:
    """Answer with a file, or with 304 where the client has it."""
    path = files().get(name)
    if path is None:
        abort(404)
    packed = _packed(path)
    response = Response(path.read_bytes() if packed is None else packed, content_type=TYPES[path.suffix])
    if packed is not None:
        response.content_encoding = "gzip"
    if path.suffix in _TEXT:
        response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = _FOR_EVER if name.startswith(_VENDORED) else "no-cache"
    # Of the bytes that go out, so it differs between a file and the same one packed.
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


def _packed(path: Path) -> bytes | None:
    if path.suffix not in _TEXT or not takes_gzip():
        return None
    return _pack_file(path, path.stat().st_mtime_ns)


@cache
def _pack_file(path: Path, _changed_ns: int) -> bytes:
    """Return a file packed; it is packed again when it has changed."""
    return pack(path.read_bytes())


@cache
def files() -> Mapping[str, Path]:
    """Return every file that is served, by its name; a name that is not one of these leads nowhere."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in TYPES and path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path for path in found}
