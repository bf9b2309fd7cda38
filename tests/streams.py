"""Long files for a running server, sent in chunks, and the log line of each request."""

import http.client
import time
from collections.abc import Iterator

from served import Server
from shipped import EXAMPLE, NAMES

HEADER = ",".join(["customerID", *NAMES]).encode() + b"\n"
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
LINES = b"".join(f"customer-{number:04d},{ROW}\n".encode() for number in range(1000))
CSV = {"Content-Type": "text/csv"}


def rows(count: int, last: bytes = b"") -> Iterator[bytes]:
    yield HEADER
    for _ in range(count // 1000):
        yield LINES
    yield last


def send(connection: http.client.HTTPConnection, pieces: Iterator[bytes], path: str = "/v2/batches", **headers: str):
    connection.request("POST", path, pieces, {**CSV, **headers}, encode_chunked=True)
    return connection.getresponse()


def last_line(server: Server, **members: object) -> dict:
    """Return the last line of the log that has `members`, waiting for it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        result = [line for line in server.lines() if members.items() <= line.items()]
        if result:
            return result[-1]
        time.sleep(0.05)
    raise AssertionError(server.log.read_text())
