"""Requests that are decided by their head: refused before their body is asked for, framed in one way, our version."""

import hashlib
import time
from collections.abc import Iterator

import pytest
from served import ASK, EXAMPLE_BODY, LABEL, Answer, Raw, Server, csv_of, head, post, problem_in, running

KEY = "a-key-for-this-test"
KEYED = f"X-Api-Key: {KEY}"
JSON_TYPE = "Content-Type: application/json"
CSV_TYPE = "Content-Type: text/csv"
LENGTH = f"Content-Length: {len(EXAMPLE_BODY)}"
EXPECT = "Expect: 100-continue"
SMUGGLED = head("GET", "/health", "X-Request-Id: smuggled")
"""What a refused request's body begins with; nobody may take it for a request."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("heads") / "log") as server:
        yield server


@pytest.fixture(scope="module")
def keyed(tmp_path_factory) -> Iterator[Server]:
    """A server that asks for a key."""
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    with running(tmp_path_factory.mktemp("keyed") / "log", CHURN_API_KEYS=digest) as server:
        yield server


REFUSED = {
    "no key": (("POST", "/v1/customer", JSON_TYPE, LENGTH), 401, "no_key"),
    "a wrong key": (("POST", "/v2/batches", CSV_TYPE, "X-Api-Key: no", "Transfer-Encoding: chunked"), 401, "wrong_key"),
    "no such address": (("POST", "/nowhere", JSON_TYPE, LENGTH), 404, "not_found"),
    "no such method": (("PUT", "/v1/customer", KEYED, JSON_TYPE, LENGTH), 405, "method_not_allowed"),
    "no such answer": (("POST", "/v2/batches", KEYED, CSV_TYPE, LENGTH, "Accept: image/png"), 406, "not_acceptable"),
    "too long JSON": (("POST", "/v1/customer", KEYED, JSON_TYPE, "Content-Length: 1048577"), 413, "too_large"),
    "a too long file": (("POST", "/v2/batches", KEYED, CSV_TYPE, "Content-Length: 536870913"), 413, "too_large"),
    "a too long form": (
        (
            *("POST", "/v1/customerbatch", KEYED, "Content-Type: multipart/form-data; boundary=cut"),
            "Content-Length: 536870913",
        ),
        *(413, "too_large"),
    ),
    "no kind of JSON": (("POST", "/v1/customer", KEYED, "Content-Type: text/plain", LENGTH), 415, "send_json"),
    "no kind of file": (("POST", "/v2/batches", KEYED, "Content-Type: image/png", LENGTH), 415, "send_csv"),
    "compressed JSON": (
        ("POST", "/v1/customer", KEYED, JSON_TYPE, "Content-Encoding: gzip", LENGTH),
        *(415, "send_unpacked"),
    ),
    "an unknown option": (("POST", "/v2/batches?nothing=1", KEYED, CSV_TYPE, LENGTH), 400, "unknown_option"),
    "compressed chunks": (
        ("POST", "/v2/batches", KEYED, CSV_TYPE, "Transfer-Encoding: gzip, chunked"),
        *(501, "transfer_coding"),
    ),
}


@pytest.mark.parametrize(("request_head", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_the_head_decides_is_refused_before_the_body_is_asked_for(keyed, request_head, status, code):
    with Raw(keyed, head(*request_head, EXPECT)) as raw:
        answer = raw.read_answer()
        # Nobody knows whether the body follows all the same, so nothing after it may be taken for a request.
        raw.send(SMUGGLED)
        rest = raw.read_to_end()

    assert (answer.status, f'"code": "{code}"'.encode() in answer.body) == (status, True)
    assert answer.headers["connection"] == "close"
    assert rest == b""


def test_another_expectation_is_refused(server):
    line, problem = problem_in(server.talk(head("POST", "/v1/customer", JSON_TYPE, LENGTH, "Expect: tea")))

    assert (line.split()[1], problem["code"]) == ("417", "expectation")


@pytest.mark.parametrize("path", ["/v1/customer", "/v2/batches"])
def test_a_body_that_is_wanted_is_asked_for_once_and_the_connection_goes_on(server, path):
    body = EXAMPLE_BODY if path == "/v1/customer" else csv_of(2000)
    kind = JSON_TYPE if path == "/v1/customer" else CSV_TYPE
    with Raw(server, head("POST", path, kind, f"Content-Length: {len(body)}", EXPECT)) as raw:
        asked = raw.read_answer()
        raw.send(body)
        answer = raw.read_answer()
        raw.send(ASK)
        following = raw.read_answer()

    assert (asked.status, asked.version, asked.headers) == (100, "HTTP/1.1", {})
    assert answer.status == 200
    assert answer.body == LABEL if path == "/v1/customer" else answer.body.count(b"\n") == 2001
    assert (following.status, following.body) == (200, LABEL)


def test_a_client_that_does_not_wait_to_be_asked_is_answered(server):
    with Raw(server, head("POST", "/v1/customer", JSON_TYPE, LENGTH, EXPECT) + EXAMPLE_BODY) as raw:
        answer = raw.read_answer()
        if answer.status == 100:
            answer = raw.read_answer()

    assert (answer.status, answer.body) == (200, LABEL)


def test_http_1_0_is_never_asked_to_go_on(server):
    request = f"POST /v1/customer HTTP/1.0\r\n{JSON_TYPE}\r\n{LENGTH}\r\n{EXPECT}\r\n\r\n".encode()

    answer = server.talk(request, EXAMPLE_BODY)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(LABEL)


@pytest.mark.parametrize(
    "lines",
    [
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: deflate,chunked",),
        ("Transfer-Encoding: identity, chunked",),
        ("Transfer-Encoding: gzip",),
    ],
    ids=", ".join,
)
def test_any_transfer_coding_but_chunked_alone_is_refused_and_ends_the_connection(server, lines):
    with Raw(server, head("POST", "/v2/batches", CSV_TYPE, *lines) + b"0\r\n\r\n" + SMUGGLED) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    assert answer.status in {400, 501}
    assert answer.headers["connection"] == "close"
    assert rest == b""


def test_http_1_1_without_a_host_is_refused_with_the_reason(server):
    line, problem = problem_in(server.talk(ASK.replace(b"Host: x\r\n", b"")))

    assert (line, problem["code"]) == ("HTTP/1.1 400 Bad Request", "no_host")
    assert "Host" in problem["detail"]


def test_http_1_0_needs_no_host(server):
    assert server.talk(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


def ask_as(server: Server, version: str) -> Answer:
    with Raw(server, ASK.replace(b"HTTP/1.1", version.encode())) as raw:
        return raw.read_answer()


def test_the_version_of_an_answer_is_ours_and_its_end_what_the_client_knows(server):
    answers = {version: ask_as(server, version) for version in ("HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9")}

    assert {answer.version for answer in answers.values()} == {"HTTP/1.1"}
    assert {answer.body for answer in answers.values()} == {LABEL}
    assert answers["HTTP/1.0"].headers["connection"] == "close"


def test_a_long_answer_to_http_1_0_has_no_chunks_and_ends_with_the_connection(server):
    content = csv_of(30_000)
    with Raw(server, post("/v2/batches", content, "text/csv").replace(b"HTTP/1.1", b"HTTP/1.0")) as raw:
        answer = raw.read_answer()

    assert (answer.version, answer.status) == ("HTTP/1.1", 200)
    assert "transfer-encoding" not in answer.headers
    assert answer.body.count(b"\n") == 30_001


def test_an_answer_to_http_1_0_that_cannot_be_finished_does_not_end_in_order(server):
    # Its end is the connection's; an orderly one would make the part that went out the whole.
    content = csv_of(60_000) + b'"open,'
    with Raw(server, post("/v2/batches", content, "text/csv").replace(b"HTTP/1.1", b"HTTP/1.0")) as raw:
        time.sleep(1)
        with pytest.raises(ConnectionResetError):
            raw.read_answer()


def test_a_server_that_refused_all_that_still_answers(server, keyed):
    assert ask_as(server, "HTTP/1.1").body == LABEL
    assert not any(line.get("status") == 500 for each in (server, keyed) for line in each.lines())
    assert "Traceback" not in server.log.read_text() + keyed.log.read_text()
