"""Clients that are slow, many, or ask for much at once: the others are answered, and nobody is left hanging."""

import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from served import EXAMPLE_BODY, JSON, LABEL, Server, ask, running
from shipped import EXAMPLE
from streams import HEADER, LINES, last_line, rows, send

MANY = 80
LONG = gzip.compress(HEADER + LINES * 50)
"""An answer to it with its own columns is 7 MB, more than sockets hold."""


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


BODY_HEAD = head("/v1/customer", "Content-Type: application/json", f"Content-Length: {len(EXAMPLE_BODY)}")
CHUNK_HEAD = head("/v2/batches", "Content-Type: text/csv", "Transfer-Encoding: chunked")
FORM_HEAD = head("/v1/customerbatch", "Content-Type: multipart/form-data; boundary=cut", "Content-Length: 100000")
LONG_HEAD = head("/v2/batches?include_input=true", "Content-Type: application/gzip", f"Content-Length: {len(LONG)}")

SLOW = {
    "nothing": (b"", b""),
    "header": (b"POST /v1/customer HTTP/1.1\r\nX-A: ", b"a"),
    "body": (BODY_HEAD + b"{", b" "),
    "chunks": (CHUNK_HEAD, b"1\r\na\r\n"),
    "form": (FORM_HEAD, b"-"),
    "reader": (LONG_HEAD + LONG, b""),
}
"""What a slow client sends at first, and then time and again."""


def open_raw(server: Server, first: bytes) -> socket.socket:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(20)
    raw.connect(("127.0.0.1", server.port))
    raw.sendall(first)
    return raw


def read_all(raw: socket.socket) -> bytes:
    """Return all that comes until the server hangs up, however it does."""
    content = b""
    with raw, contextlib.suppress(ConnectionResetError):
        while piece := raw.recv(65_536):
            content += piece
    return content


def score_file(server: Server, count: int = 1000) -> int:
    with closing(server.connect()) as connection:
        return send(connection, rows(count)).read().count(b"\n") - 1


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.mark.parametrize("kinds", [("nothing", "header", "body", "chunks"), ("form", "reader")], ids="-".join)
def test_slow_clients_keep_nobody_waiting(server, kinds):
    with ExitStack() as held:
        slow = []
        for first, record in (SLOW[kind] for kind in kinds):
            # What readers ask for is much to score, however slowly they take it.
            many = MANY // 4 if first.endswith(LONG) else MANY
            slow += [(held.enter_context(open_raw(server, first)), record) for _ in range(many)]

        answers = []
        for _ in range(3):
            for raw, record in slow:
                raw.sendall(record)
            answers += [ask(server) for _ in range(5)]

        assert answers == [LABEL] * 15
        assert score_file(server) == 1000


def test_a_slow_reader_gets_all_of_its_answer(server):
    with closing(server.connect()) as quick:
        raw = open_raw(server, LONG_HEAD.replace(b"Host: x", b"Host: x\r\nConnection: close") + LONG)
        quick.request("POST", "/v2/batches?include_input=true", LONG, {"Content-Type": "application/gzip"})
        whole = quick.getresponse().read()
        time.sleep(1)

        answer = http.client.HTTPResponse(raw)
        answer.begin()
        with raw:
            assert answer.read() == whole


@pytest.fixture(scope="module")
def hasty(tmp_path_factory) -> Iterator[Server]:
    """A server that waits for a second."""
    with running(tmp_path_factory.mktemp("hasty") / "log", CHURN_IDLE_TIMEOUT_SECONDS="1") as server:
        yield server


@pytest.mark.parametrize("kind", ["nothing", "header", "body", "chunks", "form"])
def test_a_client_that_sends_nothing_more_is_let_go(hasty, kind):
    started = time.monotonic()

    assert read_all(open_raw(hasty, SLOW[kind][0])) == b""
    assert time.monotonic() - started < 6


def test_a_client_that_takes_nothing_is_let_go_and_sees_that_its_answer_is_not_whole(hasty):
    with open_raw(hasty, LONG_HEAD + LONG) as raw:
        last_line(hasty, route="/v2/batches")
        time.sleep(3)
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            answer.read()

    assert "Traceback" not in hasty.log.read_text()


def test_files_beyond_half_of_the_threads_are_asked_to_come_back(tmp_path):
    with running(tmp_path / "log", CHURN_THREADS="4") as server:
        answers: list[tuple[int, str | None, str]] = []

        def send_file() -> None:
            with closing(server.connect()) as connection:
                answer = send(connection, rows(150_000))
                content = answer.read()  # a file that is left half read is worked on until the server notices
                code = "" if answer.status == 200 else json.loads(content)["code"]
                answers.append((answer.status, answer.headers["Retry-After"], code))

        clients = [threading.Thread(target=send_file) for _ in range(12)]
        for client in clients:
            client.start()
        while len(answers) < 2:
            assert ask(server) == LABEL
        for client in clients:
            client.join()

        assert set(answers) == {(200, None, ""), (503, "5", "busy")}
        assert last_line(server, code="busy")["status"] == 503
        assert score_file(server) == 1000


def test_a_list_for_the_slower_engine_keeps_no_customer_waiting_nor_do_slow_uploads(tmp_path):
    body = json.dumps({"customers": [dict(EXAMPLE)] * 50}).encode()

    def ask_for_a_list() -> None:
        with closing(server.connect()) as connection:
            connection.request("POST", "/v2/customers", body, JSON)
            answers.append(connection.getresponse().read())

    answers: list[bytes] = []
    with running(tmp_path / "log", CHURN_ENGINE="pipeline", CHURN_THREADS="2") as server, ExitStack() as held:
        for _ in range(2):
            held.enter_context(open_raw(server, CHUNK_HEAD))
        assert ask(server) == LABEL
        listing = threading.Thread(target=ask_for_a_list)
        listing.start()
        time.sleep(0.2)
        answered = 0
        while listing.is_alive():
            assert ask(server) == LABEL
            answered += 1
        listing.join()

    assert len(json.loads(answers[0])["results"]) == 50
    assert answered > 3


def test_eight_long_files_do_not_keep_a_customer_waiting(server):
    done: list[int] = []
    files = [threading.Thread(target=lambda: done.append(score_file(server, 100_000))) for _ in range(8)]
    for file in files:
        file.start()
    answered = 0
    while len(done) < 6:
        assert ask(server) == LABEL
        answered += 1
    for file in files:
        file.join()

    assert done == [100_000] * 8
    assert answered > 20


def test_requests_sent_at_once_are_answered_in_their_order(server):
    request = BODY_HEAD + EXAMPLE_BODY
    answer = server.talk(request * 3 + head("/nowhere", "Connection: close", "Content-Length: 0"))

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b"HTTP/1.1 404") > answer.rindex(LABEL)


def test_without_room_on_disk_a_long_upload_breaks_off_and_the_next_request_passes(tmp_path):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))"
    with running(tmp_path / "log", before=code) as server:
        with closing(server.connect()) as connection, pytest.raises(ConnectionError):
            send(connection, rows(100_000))

        assert score_file(server) == 1000
        assert "A connection failed." in [line.get("message") for line in server.lines()]
        assert "customer-0" not in server.log.read_text()


def test_without_room_on_disk_for_a_long_answer_it_breaks_off_visibly_and_the_next_request_passes(tmp_path):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))"
    # Its answer is 21 MB: what the sockets do not hold, up to 4 MB, goes to the file.
    body = gzip.compress(HEADER + LINES * 150)
    request = LONG_HEAD.replace(str(len(LONG)).encode(), str(len(body)).encode()) + body
    # waitress 3.0.2 does not notice that it cannot write to its own file; the idle timeout ends the connection.
    with running(tmp_path / "log", before=code, CHURN_IDLE_TIMEOUT_SECONDS="1") as server:
        with open_raw(server, request) as raw:
            assert last_line(server, route="/v2/batches")["complete"] is False
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
                answer.read()

        assert score_file(server) == 1000
        assert "Traceback" not in server.log.read_text()
