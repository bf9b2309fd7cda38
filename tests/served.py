"""A server in processes of its own on a free port of this machine, and requests and answers as bytes.

Nothing here or in the tests of the wire (test_wire_*.py) knows which server it is: `CODE` starts it.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

from ports import free_port
from shipped import EXAMPLE, NAMES

ROOT: Final = Path(__file__).parent.parent
JSON: Final = {"Content-Type": "application/json"}
EXAMPLE_BODY: Final = json.dumps(dict(EXAMPLE)).encode()
LABEL: Final = b'{"Prediction": "churn"}'
"""The answer of /v1/customer to it."""

CODE: Final = "from app import server, settings; server.serve(settings.Settings.from_environment())"


class Server:
    """A running server and its log."""

    def __init__(self, log: Path, before: str = "", **environ: str) -> None:
        self.port = free_port()
        self.log = log
        # waitress leaves the file of an upload that breaks off to the garbage collector.
        warnings = "error,ignore:unclosed file:ResourceWarning"
        environ = {**os.environ, "PORT": str(self.port), "CPU_CORES": "1", "PYTHONWARNINGS": warnings, **environ}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"{before}\n{CODE}"], cwd=ROOT, env=environ, stdout=out, stderr=out
            )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with closing(self.connect()) as connection:
                    connection.request("GET", "/health")
                    connection.getresponse().read()
                    return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def talk(self, *pieces: bytes) -> bytes:
        """Send raw bytes and return all that comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as raw:
            for piece in pieces:
                raw.sendall(piece)
            return b"".join(iter(lambda: raw.recv(65_536), b""))

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def workers(self) -> list[int]:
        """Return the processes that answer."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def worker(self) -> int:
        """Return the process that answers, where CPU_CORES is 1: the only child, or the process itself."""
        return (self.workers() or [self.process.pid])[0]


@contextmanager
def running(log: Path, before: str = "", **environ: str) -> Iterator[Server]:
    """Start a server; `before` is Python that its first process runs before all else."""
    server = Server(log, before, **environ)
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(40)


def problem_in(answer: bytes) -> tuple[str, dict]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    return head.decode().splitlines()[0], json.loads(body)


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def post(path: str, body: bytes, content_type: str, *lines: str) -> bytes:
    return head("POST", path, f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *lines) + body


ASK: Final = post("/v1/customer", EXAMPLE_BODY, "application/json")
"""One customer, answered by `LABEL`."""


def csv_of(rows: int, first: int = 0) -> bytes:
    """Return a list of so many good rows, whose ids count on from `first` and whose months differ."""
    values = {**EXAMPLE}
    lines = [",".join(["customerID", *NAMES])]
    for number in range(first, first + rows):
        values["tenure"] = number % 73
        lines.append(",".join([f"customer-{number}", *(str(values[name]) for name in NAMES)]))
    return "\n".join([*lines, ""]).encode()


class Answer(NamedTuple):
    """One answer off the wire; its version is the first word of the status line."""

    version: str
    status: int
    headers: dict[str, str]
    body: bytes


class Raw:
    """A connection on which a test writes bytes and reads answers one by one."""

    def __init__(self, server: Server, first: bytes = b"", receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        try:
            self.socket.connect(("127.0.0.1", server.port))
        except OSError:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")
        try:
            self.send(first)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def abort(self) -> None:
        """End the connection as a process that is killed with data unread does: by a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, content: bytes) -> None:
        if content:
            self.socket.sendall(content)

    def read_exactly(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise ConnectionError(f"The server hung up after {len(content)} of {size} bytes.")
        return content

    def read_line(self) -> bytes:
        line = self._file.readline(65_536)
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"The server hung up in a line: {line!r}")
        return line[:-2]

    def read_answer(self) -> Answer:
        """Return the next answer, framed by its own Content-Length or chunks, or by the connection's end.

        Raises
        ------
        ConnectionError
            If the server hangs up before its end, or what comes is no answer.
        """
        match = re.fullmatch(rb"(HTTP/\d\.\d) (\d{3})(?: .*)?", self.read_line())
        if match is None:
            raise ConnectionError("What comes is no status line.")
        headers = {}
        while line := self.read_line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        status = int(match[2])
        if status < 200 or status in {204, 304}:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        elif "content-length" in headers:
            body = self.read_exactly(int(headers["content-length"]))
        else:
            body = self._file.read()
        return Answer(match[1].decode(), status, headers, body)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.read_line(), 16):
            yield self.read_exactly(size)
            self.read_line()
        self.read_line()

    def read_to_end(self) -> bytes:
        """Return all that comes until the server hangs up, however it does."""
        pieces = []
        with contextlib.suppress(ConnectionResetError):
            while piece := self._file.read1(65_536):
                pieces.append(piece)
        return b"".join(pieces)


def ask(server: Server) -> bytes:
    """Return the answer to the example customer, on a connection of its own."""
    with closing(server.connect()) as connection:
        connection.request("POST", "/v1/customer", EXAMPLE_BODY, JSON)
        return connection.getresponse().read()


def soon(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # Asked once more after it was so, it may not be: a thread that has just answered is not free yet.
        if is_so():
            return True
        time.sleep(0.02)
    return False


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_limit(server: Server, connections: int) -> None:
    """Assert that so many clients in the middle of a request are held, and one more waits until one of them leaves."""
    with contextlib.ExitStack() as held:
        begun = [held.enter_context(Raw(server, ASK[:-10])) for _ in range(connections)]
        time.sleep(0.3)
        beyond = held.enter_context(Raw(server, ASK))
        beyond.socket.settimeout(0.5)
        try:
            beyond.socket.recv(1, socket.MSG_PEEK)
            raise AssertionError("A client beyond the limit was answered.")
        except TimeoutError:
            beyond.socket.settimeout(30)
        first, *others = begun
        first.close()
        assert beyond.read_answer().body == LABEL
        for raw in others:
            raw.send(ASK[-10:])
        answers = [raw.read_answer() for raw in others]
    assert [(answer.status, answer.body) for answer in answers] == [(200, LABEL)] * (connections - 1)
