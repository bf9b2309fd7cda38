"""A body in chunks of a single byte is much work for its reader: it ends with a reason, wanted or not."""

import contextlib
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


def test_chunks_of_a_hundred_bytes_are_read(server):
    body = csv_of(13_000)
    with Raw(server) as raw:
        raw.send(head("POST", "/v2/batches", "Content-Type: text/csv", CHUNKED) + in_chunks(body, 100))
        answer = raw.read_answer()

    assert (answer.status, answer.body.count(b"\n")) == (200, 13_001)
