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
from served import EXAMPLE_BODY, JSON, Server, problem_in, running, soon
from streams import HEADER, LINES, last_line, rows, send

from app.server.exchange import SHORT_BYTES, missing_bytes
from app.server.worker import QUICK_BYTES
from model.schema import EXAMPLE

MANY = 80
LABEL = b'{"Prediction": "churn"}'
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


def hear(raw: socket.socket) -> bytes:
    """Return all that comes until the server hangs up, however it does."""
    heard = b""
    with raw, contextlib.suppress(ConnectionResetError):
        while piece := raw.recv(65_536):
            heard += piece
    return heard


def ask(server: Server) -> bytes:
    with closing(server.connect()) as connection:
        connection.request("POST", "/v1/customer", EXAMPLE_BODY, JSON)
        return connection.getresponse().read()


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
        for first, drop in (SLOW[kind] for kind in kinds):
            # What readers ask for is much to score, however slowly they take it.
            many = MANY // 4 if first.endswith(LONG) else MANY
            slow += [(held.enter_context(open_raw(server, first)), drop) for _ in range(many)]

        answers = []
        for _ in range(3):
            for raw, drop in slow:
                raw.sendall(drop)
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
    """A server with a second of patience."""
    with running(tmp_path_factory.mktemp("hasty") / "log", CHURN_PATIENCE_SECONDS="1") as server:
        yield server


@pytest.mark.parametrize("kind", ["header", "body", "chunks", "form"])
def test_a_request_that_does_not_come_is_given_up_with_a_reason(hasty, kind):
    line, problem = problem_in(hear(open_raw(hasty, SLOW[kind][0])))

    assert (line.upper(), problem["code"]) == ("HTTP/1.1 408 REQUEST TIMEOUT", "too_slow")


def test_a_client_that_sends_nothing_is_let_go_without_a_word(hasty):
    assert hear(open_raw(hasty, b"")) == b""


def test_a_client_that_takes_nothing_is_let_go(hasty):
    with open_raw(hasty, LONG_HEAD + LONG) as raw:
        time.sleep(4)
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            answer.read()

    assert "Traceback" not in hasty.log.read_text()


def test_one_byte_at_a_time_is_no_way_around_the_pace(hasty):
    raw = open_raw(hasty, CHUNK_HEAD)
    answer: list[bytes] = []
    listener = threading.Thread(target=lambda: answer.append(hear(raw)))
    listener.start()
    with contextlib.suppress(OSError):
        for _ in range(40):
            raw.sendall(b"1\r\na\r\n")
            time.sleep(0.1)
    listener.join()

    assert problem_in(answer[0])[1]["code"] == "too_slow"


def test_long_uploads_beyond_the_threads_are_told_to_come_back(tmp_path):
    with running(tmp_path / "log", CHURN_THREADS="2") as server, ExitStack() as held:
        slow = [held.enter_context(open_raw(server, CHUNK_HEAD)) for _ in range(2)]
        time.sleep(0.5)

        with closing(server.connect()) as connection:
            answer = send(connection, rows(50_000))
            problem = json.loads(answer.read())
        assert (answer.status, problem["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        assert last_line(server, code="busy")["status"] == 503
        assert ask(server) == LABEL

        for raw in slow:
            raw.sendall(b"0\r\n\r\n")
        assert soon(lambda: score_file(server) == 1000)


def test_connections_beyond_the_most_are_told_to_come_back(tmp_path):
    with running(tmp_path / "log", CHURN_CONNECTIONS="5") as server, ExitStack() as held:
        for _ in range(5):
            held.enter_context(open_raw(server, SLOW["header"][0]))
        time.sleep(0.5)

        line, problem = problem_in(hear(open_raw(server, b"")))

        assert (line, problem["code"]) == ("HTTP/1.1 503 Service Unavailable", "busy")


def test_an_idle_connection_makes_room_for_a_new_one(tmp_path):
    with running(tmp_path / "log", CHURN_CONNECTIONS="5") as server, ExitStack() as held:
        for _ in range(8):
            connection = held.enter_context(closing(server.connect()))
            connection.request("POST", "/v1/customer", EXAMPLE_BODY, JSON)
            assert connection.getresponse().read() == LABEL


def test_a_list_for_the_slower_engine_keeps_no_customer_waiting_nor_do_slow_uploads(tmp_path):
    body = json.dumps({"customers": [dict(EXAMPLE)] * 50}).encode()
    assert QUICK_BYTES < len(body) < SHORT_BYTES

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
    for each in files:
        each.start()
    answered = 0
    while len(done) < 6:
        assert ask(server) == LABEL
        answered += 1
    for each in files:
        each.join()

    assert done == [100_000] * 8
    assert answered > 20


def test_requests_sent_at_once_are_answered_in_their_order(server):
    request = BODY_HEAD + EXAMPLE_BODY
    answer = server.talk(request * 3 + head("/nowhere", "Connection: close", "Content-Length: 0"))

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b"HTTP/1.1 404") > answer.rindex(LABEL)


NO_SECOND_THREAD = """
from concurrent.futures import ThreadPoolExecutor as Pool
start = Pool._adjust_thread_count
def start_one(pool):
    if not pool._threads:
        start(pool)
    elif not pool._idle_semaphore.acquire(timeout=0):
        raise RuntimeError("can't start new thread")
Pool._adjust_thread_count = start_one
"""


def test_a_request_refused_for_want_of_a_thread_is_not_answered_by_another_later(tmp_path):
    # The pool queues work before it starts a thread for it, and keeps it when none can be started.
    with running(tmp_path / "log", before=NO_SECOND_THREAD) as server, open_raw(server, CHUNK_HEAD) as first:
        time.sleep(0.5)
        with closing(server.connect()) as connection:
            answer = send(connection, rows(1000), **{"X-Request-Id": "refused"})
            assert (answer.status, json.loads(answer.read())["code"]) == (503, "busy")
        first.sendall(b"0\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 422"

        assert soon(lambda: score_file(server) == 1000)
        assert not [line for line in server.lines() if line.get("request_id") == "refused"]


def test_a_disk_without_room_is_told_and_the_next_request_passes(tmp_path):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))"
    with running(tmp_path / "log", before=code) as server, closing(server.connect()) as connection:
        answer = send(connection, rows(100_000))
        problem = json.loads(answer.read())

        assert (answer.status, problem["code"]) == (507, "no_room")
        assert int(answer.headers["Retry-After"]) > 0
        assert score_file(server) == 1000
        assert "customer-0" not in server.log.read_text()


@pytest.mark.parametrize(
    ("heard", "missing"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 0, id="no body"),
        pytest.param(b"GET / HTTP/1.1\r\n", 1, id="no end of the head"),
        pytest.param(b"GET /v2/jobs/1 HTTP/1.1\r\n\r\n", None, id="waits for a bucket"),
        pytest.param(b"GET /v2/%6Aobs/1 HTTP/1.1\r\n\r\n", None, id="may do so"),
        pytest.param(b"GET http://x/v2/jobs/1 HTTP/1.1\r\n\r\n", None, id="names the host"),
        pytest.param(b"GET /?q=%20 HTTP/1.1\r\n\r\n", 0, id="a query"),
        pytest.param(b"x" * SHORT_BYTES, None, id="an endless head"),
        pytest.param(BODY_HEAD, len(EXAMPLE_BODY), id="no body yet"),
        pytest.param(BODY_HEAD + EXAMPLE_BODY + b"GET ", 0, id="the next one too"),
        pytest.param(
            head("/v1", "Content-Type: application/problem+json", "Content-Length: 1"), 1, id="a kind of JSON"
        ),
        pytest.param(head("/", "content-type:application/json;a=b", "CONTENT-LENGTH:1"), 1, id="in other letters"),
        pytest.param(head("/v1", "Content-Type: text/csv", "Content-Length: 1"), None, id="a file"),
        pytest.param(head("/v1", "Content-Length: 1"), None, id="of no kind"),
        pytest.param(head("/v1", "Content-Type: application/json", "Content-Length: 65537"), None, id="long"),
        pytest.param(head("/v1", "Content-Type: application/json", "Content-Length: x"), None, id="no number"),
        pytest.param(head("/v1", "Content-Type: application/json", "Content-Length : 1"), None, id="a blank"),
        pytest.param(
            head("/v1", "Content-Type: application/json", "Content-Length: 1", "Content-Length: 9"),
            None,
            id="two lengths",
        ),
        pytest.param(head("/v1", "Content-Type: application/json", "Transfer-Encoding: chunked"), None, id="chunks"),
        pytest.param(
            head("/v1", "Content-Type: application/json", "Content-Length: 1", "Expect: 100-continue"), None, id="asks"
        ),
    ],
)
def test_the_loop_answers_only_what_is_surely_short(heard, missing):
    assert missing_bytes(heard) == missing
