"""The HTTP door: requests to bytes, model/ does the rest, answers back. Imports model/.

Never app/aws/, app/jobs/ or app/settings.py. Nothing is loaded at import; the scorer and the limits are passed in.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from app.web import api_keys, cors, docs, pages, problems, request_logging, security_headers, static_files, v1, v2
from app.web.request_body import ChurnRequest
from app.web.service import EXTENSION, Limits, Service, Turn, Uploads, at_once
from model.scorecard import Scorer

if TYPE_CHECKING:
    from model.actions import Action


def create_app(
    scorer: Scorer,
    settings: Limits,
    larger: str = "",
    *,
    uploads: Callable[[], Uploads] | None = None,
    admit: Callable[[], None] | None = None,
    turn: Turn = at_once,
) -> Flask:
    """Return the WSGI app that answers with `scorer` within the limits of `settings`.

    `larger` says what to do with a file beyond them, as a clause: "drop it into ...". `uploads` gives the store of
    larger files when a route needs it. `admit` is asked before each request, and refuses it by raising RequestError;
    `turn` gives the context in which a part of a file is scored; it is told whether the file has been begun.

    Raises
    ------
    ActionsError
        If a table of actions is set and cannot be used.
    """
    app = Flask(__name__, static_folder=None)
    app.request_class = ChurnRequest
    # A redirect from //v1 would be an answer in HTML, and loses the body of a POST with many clients.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Service(scorer, settings, larger, _actions(settings.actions_file), uploads, turn)
    request_logging.install(app)
    problems.install(app)
    security_headers.install(app, settings.frame_ancestors)
    cors.install(app, settings.cors_origins)
    api_keys.install(app, settings.api_keys, admit)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(static_files.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(v1.blueprint)
    app.register_blueprint(v2.blueprint)
    return app


def _actions(file: str | None) -> "Sequence[Action] | None":
    # The table that comes with the model is held in order by a test, and read when it is first asked for.
    if file is None:
        return None
    from model.actions import load

    return load(Path(file))
