"""The one composition root: settings in; the model, the Flask app, and what scores files out. Starts no server.

Lambda, the web server and the command use it. What only some of them need (Flask, numpy, pyarrow, boto3) is imported by
the function that needs it, so that one customer on Lambda does not pay for files, nor a file on a cluster for HTTP.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from app.settings import Settings
from model.engine import load_scorer
from model.scorecard import Scorer

if TYPE_CHECKING:
    from flask import Flask

    from app.jobs.layout import BucketLayout
    from app.jobs.s3_job import Store
    from app.jobs.scoring import Scoring
    from app.jobs.uploads import Uploads
    from app.web.metrics import Metrics
    from app.web.service import AcquireSlot
    from model.outputs import OutputOptions

_FILES_AT_ONCE: Final = 2
"""Worked on by one process; a second one lets a short file pass a part of a long one."""
_SLOT_S: Final = 60
"""The longest that a file waits for its first slot."""


def make_scorer(settings: Settings) -> Scorer:
    """Load the model.

    Raises
    ------
    ArtifactError
    """
    return load_scorer(settings.model_version, settings.engine, settings.threshold, settings.models)


def make_scoring(
    settings: Settings, scorer: Scorer, charset: str | None = None, outputs: "OutputOptions | None" = None
) -> "Scoring":
    """Return what scores files: the model, the columns of the results (of the settings if None) and the limits.

    Raises
    ------
    ChurnError
        If columns are asked for that the model does not have.
    """
    from app.jobs.scoring import Scoring
    from model.bulk.source import FileLimits
    from model.explain import terms_of
    from model.interval import with_interval

    outputs = (outputs or settings.outputs()).fit(scorer.schema, len(terms_of(scorer)))
    if outputs.probability_interval:
        scorer = with_interval(scorer)
    limits = FileLimits(max_gzip_ratio=settings.max_gzip_ratio)
    return Scoring(scorer, outputs, limits, charset)


def make_store(settings: Settings, scorer: Scorer) -> "Store":
    """Return what scores the files of the inbox bucket."""
    from app.jobs import bucket, s3_job

    scoring = make_scoring(settings, scorer)
    return s3_job.Store(_layout(settings), scoring, bucket.connect(), settings.deadline_margin_s)


def make_uploads(settings: Settings) -> "Uploads":
    """Return the store of uploads."""
    from app.jobs import uploads

    return uploads.Uploads(_layout(settings), uploads.connect(), settings.max_job_bytes, settings.link_s)


def _layout(settings: Settings) -> "BucketLayout":
    from app.jobs.layout import BucketLayout

    return BucketLayout(settings.inbox_bucket, settings.results_bucket, settings.inbox_prefix, settings.results_prefix)


def make_app(
    settings: Settings,
    scorer: Scorer,
    large_file_advice: str,
    *,
    check_rate_limit: Callable[[], None] | None = None,
    acquire_slot: "AcquireSlot | None" = None,
) -> "Flask":
    """Return the Flask app; see `app.web.create_app`. The store of uploads is made when it is first asked for.

    Raises
    ------
    ActionsError
    """
    from app.web import create_app
    from app.web.service import no_slot_needed

    uploads = functools.cache(lambda: make_uploads(settings)) if settings.takes_uploads else None
    return create_app(
        scorer,
        settings,
        large_file_advice,
        uploads=uploads,
        check_rate_limit=check_rate_limit,
        acquire_slot=acquire_slot or no_slot_needed,
    )


def build(settings: Settings | None = None) -> "Flask":
    """Return the app of the web server for `settings`, by default those of the environment: for any WSGI server.

    Its /metrics are those of one process.

    Raises
    ------
    SettingsError, ArtifactError, ActionsError
    """
    return make_server_app(settings or Settings.from_environment())[0]


def make_server_app(settings: Settings, folder: str | None = None) -> "tuple[Flask, Metrics | None]":
    """Return the app with what only a server has, the rate limit and the metrics; processes share these in `folder`."""
    from app.web.rate_limit import RateLimit
    from app.web.slots import Slots
    from model.interval import check_interval

    scorer = make_scorer(settings)
    check_interval(scorer)
    limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
    app = make_app(
        settings,
        scorer,
        "create an upload with POST /v2/uploads" if settings.takes_uploads else "",
        check_rate_limit=limit.check if limit else None,
        acquire_slot=Slots(_FILES_AT_ONCE, _SLOT_S, max(0, settings.threads // 2 - _FILES_AT_ONCE)).acquire,
    )
    if limit:
        app.after_request(limit.add_headers)
    if settings.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix

        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    if not settings.metrics:
        return app, None
    # Not before the environment names the folder: see app/web/metrics.py.
    from app.web.metrics import Metrics

    metrics = Metrics(scorer, folder)
    metrics.install(app)
    return app, metrics
