"""One process of the server: its loop hears requests, answers the quick ones itself, and hands the others to threads.

A slow client so holds a socket, and one with a long upload a thread, but nobody else's turn. Threads that read uploads
and threads that only compute are apart, so that the former cannot use up the latter. Built on gunicorn's threaded
worker (27.0): its parser and its responses, not its waiting.
"""

import contextlib
import errno
import resource
import selectors
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from gunicorn import http
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, PollableMethodQueue, TConn, ThreadWorker

from app import log
from app.server.client import PIECE_BYTES, Client, TooSlowError
from app.server.exchange import HEAD_END, bare_answer, code_of, exchange, missing_bytes
from app.web.errors import STATUSES

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

_ACCEPT_PAUSE_S: Final = 0.5
"""Without a free descriptor, nothing is accepted for so long: the waiting client would wake the loop again at once."""

_NO_DESCRIPTOR: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Connection(TConn):  # type: ignore[misc]
    """A client, what has been heard of its next request, and whether another may follow."""

    def __init__(self, cfg: Any, sock: Client, address: object, server: object) -> None:
        super().__init__(cfg, sock, address, server)
        self.parser = http.get_parser(cfg, sock, address)
        self.initialized = self.data_ready = True
        self.heard = bytearray()
        self.pool: ThreadPoolExecutor | None = None
        self.goes_on = True
        self.is_closed = False
        self.discarded_bytes = 0


class _Queue(PollableMethodQueue):  # type: ignore[misc]
    """What threads hand back to the loop."""

    def close(self) -> None:
        """Stay open until the process ends: a thread may still write, and the number could be another file's then."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for clients in its loop. `self.wsgi` is the app with what it may cost: see `process.Patient`.

    A connection has one owner. The loop owns those in `_watched`, each with the one callback that may act on it; all
    others belong to a thread, or are closed. One select() returns many events, and the first of them may close a
    connection that a later one is about, or give it to a thread: `_dispatch` drops such an event.
    """

    def init_process(self) -> None:
        """Begin to serve."""
        self._watched: dict[Connection, Callable[[Connection], None]] = {}
        self._handed_on: Counter[ThreadPoolExecutor | None] = Counter()
        self._computing = ThreadPoolExecutor(_COMPUTING)
        self.method_queue = _Queue()
        self._next_sweep = self._accept_again = 0.0
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if descriptors == resource.RLIM_INFINITY:
            descriptors = sys.maxsize
        # A thread needs one for the file that it takes and one for its answer; without one for a module to import, not
        # even a customer is answered.
        self._spare_descriptors = min(2 * self.cfg.threads, descriptors // 4)
        self._last_descriptor = descriptors - self._spare_descriptors
        super().init_process()

    # Connections come, are heard, and go.

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; the loop asks for it each time around.

        A worker that ends takes those that are waiting and closes its listening socket, so that the next is refused at
        once and not reset when the last answer is sent.
        """
        super().set_accept_enabled(enabled and time.monotonic() >= self._accept_again)
        if not (enabled or self.alive):
            for listener in self.sockets:
                for _ in range(self.cfg.backlog):
                    if not self.accept(listener):
                        break
                listener.close()

    def accept(self, listener: socket.socket) -> bool:
        """Take a connection, if there is room for it; return whether one was waiting."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            is_over = isinstance(error, BlockingIOError | ConnectionAbortedError)
            if not is_over and not (error.errno in _NO_DESCRIPTOR and self._make_room()):
                self._accept_again = time.monotonic() + _ACCEPT_PAUSE_S
                super().set_accept_enabled(enabled=False)
            return False
        client = Client(accepted, self.wsgi.most_kept_bytes)
        conn = Connection(self.cfg, client, address, client.getsockname())
        self.nr_conns += 1
        if not self._has_room(conn) and not self._make_room():
            self._refuse(conn, "busy")
        else:
            self._watch(conn, selectors.EVENT_READ, self._hear, self.wsgi.patience_s)
        return True

    def _has_room(self, conn: Connection) -> bool:
        """Return whether a new connection is within the limit, of which those that have their last answer are no part.

        They are closed from the first on when they become as many themselves.
        """
        is_last = conn.sock.fileno() >= self._last_descriptor
        if self.nr_conns <= self.wsgi.connections and not is_last:
            return True
        parting = [each for each, then in self._watched.items() if then == self._discard]
        if len(parting) >= min(self.wsgi.connections, self._spare_descriptors // 2):
            self._close(parting.pop(0))
        return not is_last and self.nr_conns - len(parting) <= self.wsgi.connections

    def _make_room(self) -> bool:
        """Let the connection go that has been idle for the longest, if there is one."""
        idle = next((conn for conn, then in self._watched.items() if then == self._hear and _is_idle(conn)), None)
        if idle is None:
            return False
        self._close(idle)
        return True

    def _watch(self, conn: Connection, event: int, then: Callable[[Connection], None], seconds: float) -> None:
        """Call `then` when the client can be heard (or told more), for so many seconds at most."""
        conn.timeout = time.monotonic() + seconds
        if self._watched.pop(conn, None) != then:
            self._leave(conn)
            try:
                self.poller.register(conn.sock, event, partial(self._dispatch, conn, then))
            except ValueError:  # closed already
                self._close(conn)
                return
        self._watched[conn] = then

    def _dispatch(self, conn: Connection, then: Callable[[Connection], None], _sock: object = None) -> None:
        if self._watched.get(conn) == then:
            then(conn)

    def _leave(self, conn: Connection) -> None:
        self._watched.pop(conn, None)
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        if conn.is_closed:
            return
        conn.is_closed = True
        self._leave(conn)
        self.nr_conns -= 1
        self._accept_again = 0.0
        conn.close()

    def _hear(self, conn: Connection) -> None:
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
        body_bytes = len(conn.heard) - conn.heard.find(HEAD_END) - len(HEAD_END)
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
        conn.pool = pool
        self._handed_on[pool] += 1
        # submit() queues its work before it starts a thread. Where the machine gives none, another thread may still
        # come to it, so whoever acquires this first owns the connection.
        owner = threading.Lock()
        try:
            pool.submit(self._answer_in_thread, conn, owner)
        except RuntimeError:
            if owner.acquire(blocking=False):
                self._handed_on[pool] -= 1
                self._refuse(conn, "busy")

    def _answer_in_thread(self, conn: Connection, owner: threading.Lock) -> None:
        if not owner.acquire(blocking=False):
            return
        goes_on = False
        try:
            goes_on = bool(self.handle(conn))
        finally:
            self.method_queue.defer(self._take_back, conn, goes_on)

    def _take_back(self, conn: Connection, goes_on: bool) -> None:
        """Take a connection back from a thread."""
        self._handed_on[conn.pool] -= 1
        conn.sock.wait_up_to(None)
        self._answered(conn, goes_on)

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
        if self._watched.get(conn) == self._hear and conn.heard:
            self._judge(conn)

    def _send(self, conn: Connection) -> None:
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

    def _discard(self, conn: Connection) -> None:
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

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Have the app answer a request; return whether another may follow."""
        return exchange(req, conn, self.wsgi, self.cfg, lambda: bool(self.alive))

    # What never reaches the app.

    def handle_error(self, _request: object, client: socket.socket, _address: object, error: Exception) -> None:
        """Answer a request that is too broken to reach the app with a problem, where gunicorn would send HTML.

        Nothing of it is logged: after a wrong Content-Length the next "request line" is a piece of a body.
        """
        self._write_problem(client, code_of(error), error)

    def _refuse(self, conn: Connection, code: str) -> None:
        conn.heard = bytearray()
        conn.sock.wait_up_to(None)
        self._write_problem(conn.sock, code)
        self._answered(conn, goes_on=False)

    def _write_problem(self, client: socket.socket, code: str, error: Exception | None = None) -> None:
        request_id = uuid.uuid4().hex
        if error is not None and code == "internal":
            log.write_failure(error, request_id)
        self.wsgi.report(status=STATUSES[code], code=code, request_id=request_id)
        # The client may have gone already.
        with contextlib.suppress(OSError):
            client.sendall(bare_answer(code, request_id))


def _is_idle(conn: Connection) -> bool:
    """Return whether the client has its last answer, and nothing of its next request has come."""
    return conn.parser.req_count > 0 and not conn.heard and not conn.sock.keeps and not conn.sock.has_unread()
