"""The API description and the page that shows it, all from this image; its files are those of static_files.py."""

from typing import Final

from flask import Blueprint, Response, render_template, request

from app.web.responses import json_answer

blueprint = Blueprint("docs", __name__)

VIEWER: Final = "vendor/swagger-ui-5.35.0"


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Answer the description of the API."""
    from app.web.openapi import document

    return json_answer(document(request.script_root))


@blueprint.get("/docs")
def page() -> Response:
    """Answer the page on which the description is read and tried."""
    return Response(render_template("docs.html", viewer=VIEWER), content_type="text/html; charset=utf-8")
