"""The API description and the page that shows it, all from this image; its files are served by static_files.py."""

from typing import Final

from flask import Blueprint, Response, render_template, request

from app.web.description import TEXT, describe
from app.web.responses import HTML, JSON, json_response

blueprint = Blueprint("docs", __name__)

VIEWER: Final = "vendor/swagger-ui-5.35.0"


@blueprint.get("/openapi.json")
@describe("openapi", {JSON: {"type": "object"}})
def openapi() -> Response:
    """Get this description as OpenAPI 3.1."""
    from app.web.openapi import document

    return json_response(document(request.script_root))


@blueprint.get("/docs")
@describe("docs", {HTML: TEXT})
def page() -> Response:
    """Get this description as a page on which requests can be tried."""
    return Response(render_template("docs.html", viewer=VIEWER), content_type=f"{HTML}; charset=utf-8")
