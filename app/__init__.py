"""The HTTP door: requests to bytes, model/ does the rest, answers back. Imports model/, never batch/ or settings.py.

Nothing is loaded at import; the scorer and the limits are passed in.
"""

from collections.abc import Callable

from flask import Flask

from app import cors, envelope, headers, keys, pages, problems, static_files, v1
from app.body import ChurnRequest
from app.service import EXTENSION, Limits, Service
from model.scorecard import Scorer


def create_app(scorer: Scorer, settings: Limits, larger: str = "", *, admit: Callable[[], None] | None = None) -> Flask:
    """Return the WSGI app that answers with `scorer` within the limits of `settings`.

    `larger` says what to do with a file beyond them, as a clause: "drop it into ...". `admit` is asked before each
    request, and refuses it by raising RequestError.
    """
    app = Flask(__name__, static_folder=None)
    app.request_class = ChurnRequest
    # A redirect from //v1 would be an answer in HTML, and loses the body of a POST with many clients.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Service(scorer, settings, larger)
    envelope.install(app)
    problems.install(app)
    headers.install(app, settings.frame_ancestors)
    cors.install(app, settings.cors_origins)
    keys.install(app, settings.api_keys, admit)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(static_files.blueprint)
    app.register_blueprint(v1.blueprint)
    return app
