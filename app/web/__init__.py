"""The HTTP entry point: requests in, responses out, and model/ in between.

Imports model/ and app/log.py; never app/aws/ or app/jobs/. Nothing is loaded at import: the scorer and the settings are
passed in.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from app.web import api_keys, cors, docs, pages, problems, request_logging, security_headers, static_files, v1, v2
from app.web.query_options import offered_by
from app.web.request_body import ChurnRequest
from app.web.service import EXTENSION, AcquireSlot, Service, Uploads, no_slot_needed
from model.scorecard import Scorer

if TYPE_CHECKING:
    from app.settings import Settings
    from model.actions import Action


def create_app(
    scorer: Scorer,
    settings: "Settings",
    large_file_advice: str = "",
    *,
    uploads: Callable[[], Uploads] | None = None,
    check_rate_limit: Callable[[], None] | None = None,
    acquire_slot: AcquireSlot = no_slot_needed,
) -> Flask:
    """Return the WSGI app that answers with `scorer`.

    `large_file_advice`, `uploads` and `acquire_slot` are those of `Service`. `check_rate_limit` is called before each
    request, and refuses it by raising RequestError.

    Raises
    ------
    ActionsError
        If a table of actions is set and cannot be used.
    """
    app = Flask(__name__, static_folder=None)
    app.request_class = ChurnRequest
    # A redirect from //v1 would be a response in HTML, and many clients drop the body of a POST with it.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Service(
        scorer,
        settings,
        large_file_advice,
        _actions_loader(settings.actions_file, scorer),
        cache(lambda: offered_by(scorer)),
        uploads,
        acquire_slot,
    )
    request_logging.install(app)
    problems.install(app)
    security_headers.install(app, settings.frame_ancestors)
    cors.install(app, settings.cors_origins)
    api_keys.install(app, settings.api_keys, check_rate_limit)
    for module in (pages, v1, v2, docs, static_files):
        app.register_blueprint(module.blueprint)
    return app


def _actions_loader(file: str | None, scorer: Scorer) -> "Callable[[], tuple[Action, ...]]":
    """Return a function that returns the actions: those of `file`, which is read at once, or of the model."""
    if file is not None:
        from model.actions import load

        actions = load(Path(file), scorer.schema)
        return lambda: actions
    return cache(lambda: _load_own(scorer))


def _load_own(scorer: Scorer) -> "tuple[Action, ...]":
    # The start has checked the table of the model, so it is read when it is first needed.
    from model.actions import load_of

    return load_of(scorer)
