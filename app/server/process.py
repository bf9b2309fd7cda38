"""The web server's processes: gunicorn around the app of app/wiring.py. `churn serve` calls `serve`."""

import contextlib
import ctypes
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.http import errors
from gunicorn.http.body import ChunkedReader

from app import log, wiring
from app.server.client import PIECE_BYTES, TooSlowError
from app.server.worker import DISCARDED_BYTES, QUICK_BYTES, PatientWorker
from app.settings import Settings, share_metrics, spare_memory
from app.web import request_logging
from app.web.errors import RequestError
from model.engine import ENGINES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.web.metrics import Metrics

_REQUEST_LINE_BYTES: Final = 8190
_HEADERS: Final = 100
_KEEP_ALIVE_S: Final = 75
"""Longer than the 60 s of most proxies, so that the proxy closes first and no request falls in between."""
_GRACE_S: Final = 30
_HEARTBEAT_S: Final = 60
_OTHER_DESCRIPTORS: Final = 64
"""Of a process: its standard streams, counts, sockets and modules."""
_FREE_CHUNKS: Final = 10_000
_CHUNK_BYTES: Final = 16
"""That each further chunk has on average. One takes 2 us to read: chunks of one byte took 2.1 s of CPU for each MB."""
_MOST_ARENAS: Final = -8
"""M_ARENA_MAX of malloc.h."""
_ARENAS: Final = 2


class Patient:
    """The app with what serving it may cost, as app/server/worker.py reads it off.

    Hears a request out before the answer goes back, within bounds: a client that sends 10 MB to a wrong address, or
    JSON that is too long, would else see a broken pipe instead of the problem that says so.
    """

    def __init__(self, app: "WSGIApplication", settings: Settings, report: request_logging.WriteLine) -> None:
        """Hold `app`, and what takes the log line of a request that never reaches it."""
        self._app, self.report = app, report
        self.patience_s, self.connections = settings.patience_s, settings.connections
        self.quick_bytes = QUICK_BYTES if settings.engine == ENGINES[0] else 0
        self.most_kept_bytes = settings.max_upload_bytes

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"] = _Body(environ["wsgi.input"], environ.get("HTTP_EXPECT", ""))
        answer = self._app(environ, start_response)
        with contextlib.suppress(OSError, RequestError):
            body.drain()
        return answer


class _Body:
    """A body whose reading fails with errors that the app and Werkzeug answer, and not with gunicorn's classes."""

    def __init__(self, body: Any, expects: str) -> None:
        self._body, self._is_held_back = body, bool(expects)
        reader = getattr(body, "reader", None)
        if isinstance(reader, ChunkedReader):
            reader.parser = _not_too_small(reader.parser)

    def read(self, size: int) -> bytes:
        self._is_held_back = False
        try:
            return bytes(self._body.read(size))
        except TooSlowError:
            raise RequestError("too_slow") from None
        except errors.ParseException as error:
            raise OSError("The body is malformed.") from error

    def drain(self) -> None:
        if self._is_held_back:
            # The client waits to be asked for it (Expect: 100-continue), and the answer says that nobody wants it.
            return
        left = DISCARDED_BYTES
        while left > 0 and (piece := self.read(PIECE_BYTES)):
            left -= len(piece)


def _not_too_small(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a body, or raise RequestError (small_chunks) where they are too many for what is in them."""
    count = bytes_read = 0
    for chunk in chunks:
        count += bool(chunk)
        bytes_read += len(chunk)
        if count > _FREE_CHUNKS + bytes_read // _CHUNK_BYTES:
            raise RequestError("small_chunks")
        yield chunk


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with its options given here, so that no file or variable of its own changes them."""

    def __init__(self, app: Patient, options: Mapping[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        """Hand the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Patient:
        """Return the app, which was made before any worker."""
        return self._app


def options_of(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's options for `settings`."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": PatientWorker,
        # Beyond this it would let clients wait unheard; the worker itself refuses those beyond half of it.
        "worker_connections": 2 * settings.connections + settings.threads,
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


def _raise_descriptors(settings: Settings) -> None:
    """Let a process open what its connections and threads need, where the host allows more than it gives at first."""
    needed = 2 * settings.connections + 4 * settings.threads + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _spare_memory() -> None:
    """Have threads share what they free: by default the C library keeps some for each that ever scored a file."""
    spare_memory()
    with contextlib.suppress(OSError, AttributeError):  # of glibc alone
        ctypes.CDLL(None).mallopt(_MOST_ARENAS, _ARENAS)


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
    _spare_memory()
    _raise_descriptors(settings)
    if on_ready:
        options["when_ready"] = lambda _server: on_ready()
    with _shared_folder() as folder:
        share_metrics(folder)
        app, metrics = wiring.make_server_app(settings, folder)
        if metrics is not None:
            options |= _counting(metrics)
        Server(Patient(app, settings, metrics.report if metrics else log.write), options).run()
