"""Bodies in chunks: they are read however they are cut, and a malformed one is refused and ends its connection."""

import time
from collections.abc import Iterator

import pytest
from served import Raw, Server, csv_of, head, running

pytestmark = pytest.mark.no_cover
CHUNKED_HEAD = head("POST", "/v2/batches", "Content-Type: text/csv", "Transfer-Encoding: chunked")
SMUGGLED = head("GET", "/health", "X-Request-Id: smuggled")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("chunks") / "log") as server:
        yield server


def to_chunks(body: bytes, size: int) -> bytes:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_list_that_is_sent_line_by_line_is_read(server):
    lines = csv_of(2_000).splitlines(keepends=True)
    with Raw(server) as raw:
        raw.send(CHUNKED_HEAD)
        for line in lines:
            for piece in (b"%x\r\n" % len(line), line, b"\r\n"):
                raw.send(piece)
                time.sleep(0.0001)
        raw.send(b"0\r\n\r\n")
        answer = raw.read_answer()

    assert (answer.status, answer.body.count(b"\n")) == (200, 2_001)


def test_a_short_body_in_chunks_of_one_byte_is_read(server):
    with Raw(server) as raw:
        raw.send(CHUNKED_HEAD + to_chunks(csv_of(50), 1))

        assert raw.read_answer().status == 200


@pytest.mark.parametrize(
    "body",
    [b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"3;\x00\r\nabc\r\n0\r\n\r\n"],
    ids=["no size", "negative size", "longer than its size", "malformed extension"],
)
def test_a_malformed_chunk_is_refused_and_nothing_after_it_is_taken_for_a_request(server, body):
    with Raw(server, CHUNKED_HEAD + body + SMUGGLED) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    assert (answer.status, answer.headers["connection"].lower()) == (400, "close")
    assert rest == b""
    assert not [line for line in server.lines() if line.get("request_id") == "smuggled"]
