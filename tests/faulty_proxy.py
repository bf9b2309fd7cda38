"""An HTTP proxy in front of S3 that fails on order: with a status, by breaking off, or after a deed of the test."""

import http.client
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class Fault:
    """What goes wrong with requests of a method whose path and query match, at most `times` times.

    `break_at` sends so many bytes of the body and then closes; `change_at` changes one byte of it; `status` answers in
    S3's stead, and with `after` S3 had done what was asked for all the same; `deed` is done before the request goes on.
    """

    method: str
    path: str
    times: int = 1_000_000
    status: int = 0
    code: str = ""
    break_at: int | None = None
    change_at: int | None = None
    after: bool = False
    deed: Callable[[], object] | None = None
    skip: int = 0
    met: int = field(default=0, init=False)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: Any, _address: Any) -> None:
        """Log nothing: a client may be killed in the middle of an answer."""


class FaultyProxy:
    def __init__(self, upstream: str) -> None:
        self.lock = threading.Lock()
        self.reset(upstream)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self, upstream: str) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.faults: list[Fault] = []
        self.seen: list[str] = []

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.seen.append(f"{method} {path}")
            for fault in self.faults:
                if fault.method == method and re.search(fault.path, path):
                    fault.met += 1
                    if fault.skip < fault.met <= fault.skip + fault.times:
                        return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

    def _serve(self) -> None:
        proxy: FaultyProxy = self.server.proxy
        fault = proxy.fault_for(self.command, self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        if fault and fault.deed:
            fault.deed()
        if fault and fault.status and not fault.after:
            self._refuse(fault)
            return
        upstream = http.client.HTTPConnection(proxy.upstream, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if fault and fault.status:
            self._refuse(fault)
            return
        if fault and fault.change_at is not None and content:
            at = fault.change_at % len(content)
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self._end_alone()
        if self.command == "HEAD":
            return
        if fault and fault.break_at is not None:
            self.wfile.write(content[: fault.break_at])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - the names that http.server calls

    def _end_alone(self) -> None:
        """End the headers, and the connection with this answer: a client that reuses one may meet its end by chance."""
        self.send_header("Connection", "close")
        self.end_headers()

    def _refuse(self, fault: Fault) -> None:
        xml = f"<Error><Code>{fault.code}</Code><Message>on order</Message></Error>".encode()
        self.send_response_only(fault.status)
        self.send_header("Content-Type", "application/xml")
        # A page may read why, as it may at S3.
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(xml)))
        self._end_alone()
        self.wfile.write(xml)

    def log_message(self, *_: Any) -> None:
        pass
