"""The web server: waitress in several processes on one listening socket. `churn serve` calls `serve`.

Each process receives requests and sends answers in one loop, through temporary files where they are long, and calls the
app in threads: a slow client holds a socket, but no thread. docs/operations.md has the part of a proxy in front.
"""

import errno
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from waitress import create_server
from waitress.channel import HTTPChannel
from werkzeug.wsgi import ClosingIterator

from app import log, wiring
from app.settings import Settings, share_metrics, spare_memory
from app.web.refusals import MAX_HEAD_BYTES, RefusalTask, StrictParser
from app.web.request_logging import WriteLine
from model.errors import ChurnError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_BACKLOG: Final = 1024
_IN_MEMORY_BYTES: Final = 256 * 1024
_DESCRIPTORS_PER_CONNECTION: Final = 3  # its socket, and files for a long request and a long answer
_OTHER_DESCRIPTORS: Final = 32
_DRAIN_S: Final = 25  # and 5 s more for threads: compose.yaml and docs/operations.md allow 35
_DRAIN_IDLE_S: Final = 5
_RESTART_PAUSE_S: Final = 0.2
_SIGNALS: Final = {signal.SIGTERM, signal.SIGINT}


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    parser_class = StrictParser
    error_task_class = RefusalTask
    current_outbuf_count: int

    def write_soon(self, data: Any) -> int:
        """Queue a piece of an answer.

        waitress 3.0.2 begins another buffer at the watermark only, which no answer reaches here, and keeps in a buffer
        what was sent: all of an answer stayed in memory that was read as fast as it was written, 90 MB of 200,000 rows.
        """
        if self.current_outbuf_count > _IN_MEMORY_BYTES and not self.outbufs[-1].overflowed:
            self.current_outbuf_count = self.adj.outbuf_high_watermark
        queued: int = super().write_soon(data)
        return queued


class Process:
    """One process that answers, until SIGTERM and the end of what is in progress, or SIGINT."""

    def __init__(
        self, app: "WSGIApplication", settings: Settings, listener: socket.socket, write_line: WriteLine = log.write
    ) -> None:
        self._app, self._listener = app, listener
        self._drain_until: float | None = None
        RefusalTask.write_line = staticmethod(write_line)
        # What the loop waits for, by descriptor: connections, the listener and a pipe from the threads.
        self._sockets: dict[int, object] = {}
        self._server = create_server(
            self._call_app,
            map=self._sockets,
            sockets=[listener],
            threads=settings.threads,
            connection_limit=_allowed_connections(settings.connections) + 2,
            channel_timeout=settings.idle_timeout_s,
            cleanup_interval=1,
            asyncore_use_poll=True,
            backlog=_BACKLOG,
            max_request_header_size=MAX_HEAD_BYTES,
            max_request_body_size=settings.max_upload_bytes + 1,
            inbuf_overflow=_IN_MEMORY_BYTES,
            outbuf_overflow=_IN_MEMORY_BYTES,
            # Above any answer: threads never wait for clients, who may take nothing at all.
            outbuf_high_watermark=2 * settings.max_answer_bytes,
            clear_untrusted_proxy_headers=False,  # CHURN_TRUSTED_PROXIES decides
            log_socket_errors=False,
            ident=None,
        )
        self._server.channel_class = Channel

    def run(self, parent: int) -> None:
        """Answer requests until the end of the process `parent` at the latest."""
        signal.signal(signal.SIGTERM, self._drain)
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGALRM, self._check_drained)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        self._server.run()

    def _call_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if self._drain_until is None:
            return self._app(environ, start_response)

        def start_without_length(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            # waitress closes the connection after such an answer; PEP 3333 forbids an app to send "Connection: close".
            return start_response(
                status, [header for header in headers if header[0].lower() != "content-length"], *exc_info
            )

        return ClosingIterator(self._app(environ, start_without_length))

    def _drain(self, *_: object) -> None:
        if self._drain_until is None:
            self._drain_until = time.monotonic() + _DRAIN_S
            for _connection in range(_BACKLOG):  # those that clients see as open
                self._server.handle_accept()
            del self._sockets[self._listener.fileno()]
            self._listener.close()
            self._server.adj.channel_timeout = _DRAIN_IDLE_S
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

    def _check_drained(self, *_: object) -> None:
        self._server.maintenance(time.time())  # closes idle connections
        if len(self._sockets) == 1 or time.monotonic() > (self._drain_until or 0):
            _stop()


def _stop(*_: object) -> None:
    for signal_number in _SIGNALS:
        signal.signal(signal_number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise SystemExit


def _end_with(parent: int) -> None:
    """End this process when its parent was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _allowed_connections(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    elif soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - _OTHER_DESCRIPTORS) // _DESCRIPTORS_PER_CONNECTION))


class _LogHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a line without the text of errors and paths, which may quote a customer."""
        if record.exc_info and record.exc_info[1]:
            log.write_failure(record.exc_info[1])
        else:
            text = str(record.msg) if record.levelno < logging.ERROR else "A connection failed."
            log.write(level=record.levelname.lower(), message=text)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    ChurnError
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        reason = "another program uses it" if is_taken else os.strerror(error.errno or 0).lower()
        raise ChurnError(f"Cannot listen on port {port} of {host}: {reason}. PORT sets another port.") from None
    listener.setblocking(False)
    return listener


def serve(settings: Settings, on_ready: Callable[[], object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. The model is loaded once, before the processes start: a bad one stops the start.

    Parameters
    ----------
    on_ready : callable, optional
        Called once the port is ours.

    Raises
    ------
    ArtifactError, ChurnError
    """
    spare_memory()
    logging.getLogger("waitress").addHandler(_LogHandler())
    logging.getLogger("waitress").propagate = False
    logging.getLogger("waitress.queue").disabled = True
    with tempfile.TemporaryDirectory(prefix="churn-metrics-", ignore_cleanup_errors=True) as folder:
        share_metrics(folder)
        app, metrics = wiring.make_server_app(settings, folder)
        listener = listen(settings.host, settings.port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        sys.stderr.write(f"Listening on http://{host}:{settings.port} in {settings.workers} processes.\n")
        if on_ready:
            on_ready()

        parent = os.getpid()  # asked in the new process, it may have been killed already

        def answer() -> None:
            if metrics:
                metrics.begin()
            Process(app, settings, listener, metrics.report if metrics else log.write).run(parent)

        with listener:
            _supervise(answer, settings.workers, listener, metrics.end if metrics else lambda _process: None)


def _supervise(answer: Callable[[], None], count: int, listener: socket.socket, on_end: Callable[[int], None]) -> None:
    """Keep so many processes running until SIGTERM or SIGINT, which they get as well."""
    processes: set[int] = set()
    is_stopping = False

    def stop(number: int, _frame: object) -> None:
        nonlocal is_stopping
        is_stopping = True
        listener.close()  # clients are refused when the last process has closed it
        for process in processes:
            os.kill(process, number)

    for signal_number in _SIGNALS:
        signal.signal(signal_number, stop)
    while processes or not is_stopping:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # none comes between a fork and its entry here
        while len(processes) < count and not is_stopping:
            processes.add(_fork(answer))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        ended, _ = os.wait()
        if ended in processes:
            processes.remove(ended)
            on_end(ended)
            if not is_stopping:
                log.write(level="error", message="A server process ended, and another one starts.")
                time.sleep(_RESTART_PAUSE_S)


def _fork(answer: Callable[[], None]) -> int:
    process = os.fork()
    if not process:
        status = 1
        try:
            answer()
            status = 0
        except BaseException as error:  # noqa: BLE001 - it must not go on as its parent
            log.write_failure(error)
        finally:
            os._exit(status)
    return process
