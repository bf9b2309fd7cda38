"""A body in chunks of a single byte is much work for its reader: it ends with a reason, wanted or not."""

import contextlib
import time
from collections.abc import Iterator

import pytest
from served import Raw, Server, cpu_seconds, csv_of, head, running

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("chunks") / "log") as server:
        yield server


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/v2/batches", "text/csv", b"413"),
        ("/v2/customers", "application/json", b"413"),
        ("/nowhere", "text/csv", b"404"),
    ],
)
def test_a_body_in_chunks_of_one_byte_costs_no_more_than_it_brings(server, path, kind, status):
    body = csv_of(13_000)[:1_000_000]
    before = cpu_seconds(server.worker())

    answer = b""
    with Raw(server) as raw:
        with contextlib.suppress(OSError):
            raw.send(head("POST", path, f"Content-Type: {kind}", CHUNKED) + in_chunks(body, 1))
        with contextlib.suppress(OSError):
            answer = raw.read_to_end()

    assert cpu_seconds(server.worker()) - before < 0.5 + len(body) / 1_000_000
    assert not answer or answer.startswith(b"HTTP/1.1 " + status)
    if status == b"413":
        assert b"small_chunks" in answer


def test_a_list_that_is_sent_line_by_line_is_read(server):
    lines = csv_of(2_000).splitlines(keepends=True)
    with Raw(server) as raw:
        raw.send(head("POST", "/v2/batches", "Content-Type: text/csv", CHUNKED))
        for line in lines:
            for piece in (b"%x\r\n" % len(line), line, b"\r\n"):
                raw.send(piece)
                time.sleep(0.0001)
        raw.send(b"0\r\n\r\n")
        answer = raw.read_answer()

    assert (answer.status, answer.body.count(b"\n")) == (200, 2_001)


def test_a_short_body_in_chunks_of_one_byte_is_read(server):
    with Raw(server) as raw:
        raw.send(head("POST", "/v2/batches", "Content-Type: text/csv", CHUNKED) + in_chunks(csv_of(50), 1))

        assert raw.read_answer().status == 200
