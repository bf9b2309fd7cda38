"""GET /static/...: the files under app/web/static, for pages under a policy that allows our own origin only.

A style, a script or a viewer that is put into the folder is served. Nothing is read at import.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, request

from app.web.compression import accepts_gzip, compress
from app.web.description import describe

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
"""Listed here, since the machine's own table of types differs from image to image. Other files are not served."""

_TEXT: Final = (".css", ".js", ".mjs", ".json", ".svg", ".txt")
"""Files that compression makes shorter."""

_VENDORED: Final = "vendor/"
_FOREVER: Final = "public, max-age=31536000, immutable"
"""For files whose path has their version; others are requested again, and return 304 unless they changed."""

blueprint = Blueprint("static_files", __name__)


@blueprint.get("/static/<path:name>")
@describe("static", {"*/*": {}}, errors=("not_found",))
def file(name: str) -> Response:
    """Get a file of the pages."""
    path = files().get(name)
    if path is None:
        abort(404)
    is_compressed = path.suffix in _TEXT and accepts_gzip()
    data = _compressed(path, path.stat().st_mtime_ns) if is_compressed else path.read_bytes()
    response = Response(data, content_type=TYPES[path.suffix])
    if is_compressed:
        response.content_encoding = "gzip"
    if path.suffix in _TEXT:
        response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = _FOREVER if name.startswith(_VENDORED) else "no-cache"
    # Of the bytes that are sent, so it differs between a file and the same file compressed.
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@cache
def _compressed(path: Path, _changed_ns: int) -> bytes:
    """Return a file compressed; it is compressed again when it has changed."""
    return compress(path.read_bytes())


@cache
def files() -> Mapping[str, Path]:
    """Return every file that is served, by its name; no other name is served."""
    paths = (path for path in FOLDER.rglob("*") if path.suffix in TYPES and path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path for path in paths}
