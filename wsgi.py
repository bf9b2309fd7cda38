"""The web server's door: the app made from the environment, and gunicorn around it.

`churn serve` calls `serve`; another WSGI server may be given `wsgi:build()`.
"""

import contextlib
import functools
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker
from werkzeug.middleware.proxy_fix import ProxyFix

import log
from app import create_app, envelope, problems
from app.rate_limit import RateLimit
from model.engine import load_scorer
from settings import Settings, share_metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.metrics import Metrics
    from batch.uploads import Uploads

_REQUEST_LINE_BYTES: Final = 8190
_HEADERS: Final = 100
_KEEP_ALIVE_S: Final = 75
"""Longer than the 60 s of most proxies, so that the proxy closes first and no request falls in between."""
_GRACE_S: Final = 30
_HEARTBEAT_S: Final = 60
_SILENCE_S: Final = 60
"""After which a client that neither sends its body nor takes the answer loses the connection."""
_DRAINED_BYTES: Final = 64 * 1024**2
_PIECE_BYTES: Final = 64 * 1024


def build(settings: Settings | None = None) -> Flask:
    """Return the app for `settings`, by default those of the environment; its /metrics are those of one process.

    Raises
    ------
    SettingsError, ArtifactError
    """
    return _build(settings or Settings.from_environment())[0]


def _build(settings: Settings, folder: str | None = None) -> "tuple[Flask, Metrics | None]":
    scorer = load_scorer(settings.model_version, settings.engine, settings.threshold, settings.models)
    limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
    app = create_app(
        scorer,
        settings,
        "begin an upload with POST /v2/uploads" if settings.takes_uploads else "",
        uploads=_uploads(settings) if settings.takes_uploads else None,
        admit=limit.admit if limit else None,
    )
    if limit:
        app.after_request(limit.describe)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    if not settings.metrics:
        return app, None
    # Not before the environment names the folder: see app/metrics.py.
    from app.metrics import Metrics

    metrics = Metrics(scorer, folder)
    metrics.install(app)
    return app, metrics


def _uploads(settings: Settings) -> "Callable[[], Uploads]":
    """Return what gives the store of uploads. It is made when it is first asked for, in the process that answers."""

    @functools.cache
    def store() -> "Uploads":
        from batch import uploads
        from batch.places import Places

        places = Places(settings.inbox_bucket, settings.results_bucket, settings.inbox_prefix, settings.results_prefix)
        return uploads.Uploads(places, uploads.connect(), settings.max_job_bytes, settings.link_s)

    return store


class Patient:
    """Hears a request out before the answer goes back, within bounds.

    Gunicorn closes a connection whose body was not read. A client that sends 10 MB to a wrong address, or JSON that
    is too long, would then see a broken pipe instead of the problem that says so.
    """

    def __init__(self, app: "WSGIApplication", report: envelope.Report) -> None:
        """Hold `app`, and what takes the log line of a request that never reaches it."""
        self._app, self.report = app, report

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        environ["gunicorn.socket"].settimeout(_SILENCE_S)
        body = environ["wsgi.input"] = _Body(environ["wsgi.input"])
        answer = self._app(environ, start_response)
        with contextlib.suppress(OSError):
            body.drain()
        return answer


class _Body:
    """A body whose reading fails with OSError, which Werkzeug answers with 400, and not with gunicorn's classes."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._body.read(size))
        except errors.ParseException as error:
            raise OSError("The body is malformed.") from error

    def drain(self) -> None:
        left = _DRAINED_BYTES
        while left > 0 and (piece := self.read(_PIECE_BYTES)):
            left -= len(piece)


class ProblemWorker(ThreadWorker):  # type: ignore[misc]
    """Answers a request that is too broken to reach the app with a problem, where gunicorn would send HTML.

    Nothing of the request is logged: after a wrong Content-Length the next "request line" is a piece of a body.
    """

    def handle_error(self, _request: object, client: socket.socket, _address: object, error: Exception) -> None:
        """Write the answer and the log line for `error`."""
        code = next((code for kind, code in _BROKEN.items() if isinstance(error, kind)), "internal")
        request_id = uuid.uuid4().hex
        if code == "internal":
            log.write_failure(error, request_id)
        self.wsgi.report(status=problems.KINDS[code].status, code=code, request_id=request_id)
        # The client may have gone already.
        with contextlib.suppress(OSError):
            client.sendall(_bare_answer(code, request_id))


def _bare_answer(code: str, request_id: str) -> bytes:
    status, headers, body = envelope.bare_answer(
        code, problems.MESSAGES[code].format(request_id=request_id), request_id
    )
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


_BROKEN: Final[dict[type[Exception], str]] = {
    errors.LimitRequestLine: "long_address",
    errors.LimitRequestHeaders: "long_headers",
    errors.UnsupportedTransferCoding: "transfer_coding",
    errors.ExpectationFailed: "expectation",
    errors.ParseException: "bad_request",
}


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with its options given here, so that no file or variable of its own changes them."""

    def __init__(self, app: Flask, options: Mapping[str, Any], report: envelope.Report = log.write) -> None:
        self._app, self._options, self._report = app, options, report
        super().__init__()

    def load_config(self) -> None:
        """Hand the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Patient:
        """Return the app, which was made before any worker."""
        return Patient(self._app, self._report)


def options_of(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's options for `settings`."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": ProblemWorker,
        "keepalive": _KEEP_ALIVE_S,
        "graceful_timeout": _GRACE_S,
        "timeout": _HEARTBEAT_S,
        "preload_app": True,
        "limit_request_line": _REQUEST_LINE_BYTES,
        "limit_request_fields": _HEADERS,
        "limit_request_field_size": _REQUEST_LINE_BYTES,
        "accesslog": None,
        "loglevel": "info",
        "proc_name": "churn",
        # Its own trust in proxies, of this machine by default, would stand beside CHURN_TRUSTED_PROXIES.
        "forwarded_allow_ips": "",
        # Its control socket would need a writable home.
        "control_socket_disable": True,
    }


@contextlib.contextmanager
def _shared_folder() -> Iterator[str]:
    """Give a folder in which the processes share their counts, until the first of them ends."""
    folder, owner = tempfile.mkdtemp(prefix="churn-metrics-"), os.getpid()
    try:
        yield folder
    finally:
        # A worker leaves through here as well, when it ends.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


def _counting(metrics: "Metrics") -> dict[str, Callable[..., None]]:
    def post_worker_init(_worker: object) -> None:
        metrics.begin()

    def child_exit(_server: object, worker: Any) -> None:
        metrics.end(worker.pid)

    return {"post_worker_init": post_worker_init, "child_exit": child_exit}


def serve(settings: Settings, on_ready: Callable[[], object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; the model is loaded once, before the workers, so a bad one stops the start.

    Parameters
    ----------
    on_ready : callable, optional
        Called once the port is ours.

    Raises
    ------
    ArtifactError
    SystemExit
        When the server has stopped.
    """
    options = options_of(settings)
    if on_ready:
        options["when_ready"] = lambda _server: on_ready()
    with _shared_folder() as folder:
        share_metrics(folder)
        app, metrics = _build(settings, folder)
        if metrics is None:
            Server(app, options).run()
        else:
            Server(app, {**options, **_counting(metrics)}, metrics.report).run()
