"""One process of the server: its loop hears requests, answers the quick ones itself, and hands the others to threads.

A slow client so holds a socket, and one with a long upload a thread, but nobody else's turn. Threads that read uploads
and threads that only compute are apart, so that the former cannot use up the latter. Built on gunicorn's threaded
worker (27.0): its parser and its responses, not its waiting.
"""

import contextlib
import errno
import re
import selectors
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from gunicorn import http
from gunicorn.http import errors
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from app import log
from app.server.client import PIECE_BYTES, Client, TooSlowError
from app.web import envelope, problems
from app.web.service import WAITING

SHORT_BYTES: Final = 64 * 1024
"""Of a request with JSON or without a body: up to here the loop hears it out, and no thread waits for it."""

QUICK_BYTES: Final = 2 * 1024
"""Of the body of a short request, with the scorecard: up to here the loop answers it too. A list of so many bytes takes
30 ms at most, one of 64 KiB 50 ms, and with a pipeline of scikit-learn 3.4 s (CPU, 2026-11-24)."""

_COMPUTING: Final = 16
"""Threads for the short requests that are not quick: they use the CPU and wait for nobody, so more would not help."""

_MOST_TO_COMPUTE: Final = 128
"""Of those, running and waiting for a thread."""

DISCARDED_BYTES: Final = 64 * 1024**2
"""Of a body that nobody wants, so that its sender sees the answer and not a broken pipe."""

_SWEEP_S: Final = 1.0
_HEAD_END: Final = b"\r\n\r\n"
_PLAIN_PATH: Final = re.compile(rb"[A-Z]+ (/[^?% ]*)[? ]")
_WAITING: Final = tuple(path.encode() for path in WAITING)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)
_JSON: Final = re.compile(rb"\r\ncontent-type:[ \t]*application/(?:[a-z0-9.+-]+\+)?json[ \t;\r]", re.IGNORECASE)
_WITH_BODY: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)[ \t]*:", re.IGNORECASE)

_BROKEN: Final[dict[type[Exception], str]] = {
    errors.LimitRequestLine: "long_address",
    errors.LimitRequestHeaders: "long_headers",
    errors.UnsupportedTransferCoding: "transfer_coding",
    errors.ExpectationFailed: "expectation",
    errors.ParseException: "bad_request",
    TooSlowError: "too_slow",
}


def missing_bytes(heard: bytes | bytearray) -> int | None:
    """Return how many bytes of a short request have not come yet (1 if that is not known).

    None if it is a long one, asks for something that takes long, or cannot be told from those.
    """
    end = heard.find(_HEAD_END)
    if end < 0:
        return 1 if len(heard) < SHORT_BYTES else None
    head = bytes(heard[: end + 2])
    path = _PLAIN_PATH.match(head)
    if path is None or path[1].startswith(_WAITING):
        return None
    if not _WITH_BODY.search(head):
        return 0
    found = _LENGTH.search(head)
    if found is None or len(_WITH_BODY.findall(head)) > 1 or not _JSON.search(head) or int(found[1]) > SHORT_BYTES:
        return None
    return max(0, end + len(_HEAD_END) + int(found[1]) - len(heard))


class Connection(TConn):  # type: ignore[misc]
    """A client, what has been heard of its next request, and whether another may follow."""

    def __init__(self, cfg: Any, sock: Client, address: object, server: object) -> None:
        super().__init__(cfg, sock, address, server)
        self.parser = http.get_parser(cfg, sock, address)
        self.initialized = self.data_ready = True
        self.heard = bytearray()
        self.pool: ThreadPoolExecutor | None = None
        self.goes_on = True
        self.discarded_bytes = 0


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for clients in its loop. `self.wsgi` is the app with what it may cost: see `process.Patient`."""

    def init_process(self) -> None:
        """Begin to serve."""
        self._watched: dict[Connection, Callable[..., None]] = {}
        self._handed_on: Counter[ThreadPoolExecutor | None] = Counter()
        self._computing = ThreadPoolExecutor(_COMPUTING)
        self._next_sweep = 0.0
        super().init_process()

    # Connections come, are heard, and go.

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, if there is room for it."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        client = Client(accepted, self.wsgi.most_kept_bytes)
        conn = Connection(self.cfg, client, address, listener.getsockname())
        if self.nr_conns > self.wsgi.connections and not self._make_room():
            self._refuse(conn, "busy")
            return
        self._watch(conn, selectors.EVENT_READ, self._hear, self.wsgi.patience_s)

    def _make_room(self) -> bool:
        """Let the connection go that has been idle for the longest, if there is one."""
        idle = next((conn for conn in self._watched if conn.parser.req_count and conn.goes_on and not conn.heard), None)
        if idle is None:
            return False
        self._close(idle)
        return True

    def _watch(self, conn: Connection, event: int, then: Callable[..., None], seconds: float) -> None:
        """Call `then` when the client can be heard (or told more), for so many seconds at most."""
        conn.timeout = time.monotonic() + seconds
        if self._watched.pop(conn, None) != then:
            self._leave(conn)
            try:
                self.poller.register(conn.sock, event, partial(then, conn))
            except ValueError:  # closed already
                self._close(conn)
                return
        self._watched[conn] = then

    def _leave(self, conn: Connection) -> None:
        self._watched.pop(conn, None)
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self._leave(conn)
        self.nr_conns -= 1
        conn.close()

    def _hear(self, conn: Connection, _sock: object = None) -> None:
        """Take what has come of a request."""
        try:
            piece = conn.sock.recv(PIECE_BYTES)
        except TooSlowError:  # woken for nothing
            return
        except OSError:
            piece = b""
        if not piece:
            self._close(conn)
            return
        if not conn.heard:
            conn.timeout = time.monotonic() + self.wsgi.patience_s
        conn.heard += piece
        self._judge(conn)

    def _judge(self, conn: Connection) -> None:
        """Answer what is whole and quick, hand on what is long, wait for the rest of anything else."""
        missing = missing_bytes(conn.heard)
        if missing:
            return
        body_bytes = len(conn.heard) - conn.heard.find(_HEAD_END) - len(_HEAD_END)
        conn.parser.unreader.unread(bytes(conn.heard))
        conn.heard = bytearray()
        if missing == 0 and body_bytes <= self.wsgi.quick_bytes:
            self._answered(conn, self.handle(conn))
        else:
            self._hand_on(conn, self.tpool if missing is None else self._computing)

    def _hand_on(self, conn: Connection, pool: ThreadPoolExecutor) -> None:
        """Have a thread answer."""
        self._leave(conn)
        if self._handed_on[pool] >= (self.cfg.threads if pool is self.tpool else _MOST_TO_COMPUTE):
            self._refuse(conn, "busy")
            return
        conn.sock.wait_up_to(self.wsgi.patience_s)
        try:
            future = pool.submit(self.handle, conn)
        except RuntimeError:  # the machine gives us no more threads
            self._refuse(conn, "busy")
            return
        conn.pool = pool
        self._handed_on[pool] += 1
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """Take a connection back from a thread."""
        self._handed_on[conn.pool] -= 1
        conn.sock.wait_up_to(None)
        self._answered(conn, not fs.cancelled() and fs.exception() is None and bool(fs.result()))

    def _answered(self, conn: Connection, goes_on: bool) -> None:
        """Send the rest of an answer as the client takes it; then hear its next request, or part."""
        conn.goes_on = goes_on
        if conn.sock.keeps:
            conn.sock.wait_up_to(self.wsgi.patience_s)
            self._watch(conn, selectors.EVENT_WRITE, self._send, conn.sock.seconds_left())
        elif not goes_on:
            self._part(conn)
        else:
            conn.heard += conn.parser.unreader.take_buffered()
            idle_s = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
            self._watch(conn, selectors.EVENT_READ, self._hear, self.wsgi.patience_s if conn.heard else idle_s)
            if conn.heard:
                # Not at once: others have their turn before the next request of this client.
                self.method_queue.defer(self._judge_again, conn)

    def _judge_again(self, conn: Connection) -> None:
        if conn in self._watched and conn.heard:
            self._judge(conn)

    def _send(self, conn: Connection, _sock: object) -> None:
        try:
            done = conn.sock.send_kept()
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + conn.sock.seconds_left()
        if done:
            conn.sock.wait_up_to(None)
            self._answered(conn, conn.goes_on)

    def _part(self, conn: Connection) -> None:
        """Say that nothing follows and wait for the client to see it: a close with bytes unread would cut it off."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self._watch(
            conn, selectors.EVENT_READ, self._discard, self.wsgi.patience_s if self.alive else STOP_KEEPALIVE_LINGER
        )

    def _discard(self, conn: Connection, _sock: object) -> None:
        try:
            piece = conn.sock.recv(PIECE_BYTES)
        except TooSlowError:
            return
        except OSError:
            piece = b""
        conn.discarded_bytes += len(piece)
        if not piece or conn.discarded_bytes > DISCARDED_BYTES:
            self._close(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Let those go whose time is up."""
        now = time.monotonic()
        if now < self._next_sweep and not force:
            return
        self._next_sweep = now + _SWEEP_S
        for conn in [conn for conn in self._watched if force or conn.timeout <= now]:
            if conn.heard and not force:
                self._refuse(conn, "too_slow")
            else:
                self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        for conn in self._watched:
            if not conn.heard and not conn.sock.keeps:
                conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except TooSlowError:  # in a body that nobody wanted
            return False

    # What never reaches the app.

    def handle_error(self, _request: object, client: socket.socket, _address: object, error: Exception) -> None:
        """Answer a request that is too broken to reach the app with a problem, where gunicorn would send HTML.

        Nothing of it is logged: after a wrong Content-Length the next "request line" is a piece of a body.
        """
        code = next((code for kind, code in _BROKEN.items() if isinstance(error, kind)), "internal")
        self._write_problem(client, code, error)

    def _refuse(self, conn: Connection, code: str) -> None:
        conn.heard = bytearray()
        self._write_problem(conn.sock, code)
        self._answered(conn, goes_on=False)

    def _write_problem(self, client: socket.socket, code: str, error: Exception | None = None) -> None:
        request_id = uuid.uuid4().hex
        if error is not None and code == "internal":
            log.write_failure(error, request_id)
        self.wsgi.report(status=problems.KINDS[code].status, code=code, request_id=request_id)
        # The client may have gone already.
        with contextlib.suppress(OSError):
            client.sendall(_bare_answer(code, request_id))


def _bare_answer(code: str, request_id: str) -> bytes:
    detail = problems.MESSAGES[code].format(request_id=request_id)
    status, headers, body = envelope.bare_answer(code, detail, request_id)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
