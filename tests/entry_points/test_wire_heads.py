"""Requests that are decided by their head, and requests framed in two ways: refused, with nothing after them."""

import hashlib
import json
from collections.abc import Iterator

import pytest
from served import ASK, EXAMPLE_BODY, LABEL, Answer, Raw, Server, csv_of, head, post, running

PROBLEM = "application/problem+json"
KEY = "a-key-for-this-test"
KEYED = f"X-Api-Key: {KEY}"
JSON_TYPE = "Content-Type: application/json"
CHUNKED = head("POST", "/v1/customer", JSON_TYPE, "Transfer-Encoding: chunked")
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
    "no key": (("POST", "/v1/customer", JSON_TYPE), 401, "no_key"),
    "a wrong key": (("POST", "/v2/batches", CSV_TYPE, "X-Api-Key: no"), 401, "wrong_key"),
    "no such address": (("POST", "/nowhere", JSON_TYPE), 404, "not_found"),
    "no such method": (("PUT", "/v1/customer", KEYED, JSON_TYPE), 405, "method_not_allowed"),
    "no such answer": (("POST", "/v2/batches", KEYED, CSV_TYPE, "Accept: image/png"), 406, "not_acceptable"),
    "no kind of JSON": (("POST", "/v1/customer", KEYED, "Content-Type: text/plain"), 415, "send_json"),
    "no kind of file": (("POST", "/v2/batches", KEYED, "Content-Type: image/png"), 415, "send_csv"),
    "compressed JSON": (("POST", "/v1/customer", KEYED, JSON_TYPE, "Content-Encoding: gzip"), 415, "send_unpacked"),
    "an unknown option": (("POST", "/v2/batches?nothing=1", KEYED, CSV_TYPE), 400, "unknown_option"),
}


@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunks", "length"])
@pytest.mark.parametrize(("request_head", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_the_head_decides_is_refused_and_its_body_never_taken_for_a_request(
    keyed, request_head, status, code, is_chunked
):
    if is_chunked:
        request = head(*request_head, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (
            len(SMUGGLED),
            SMUGGLED,
        )
    else:
        request = head(*request_head, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED
    with Raw(keyed, request + head("GET", "/health", "Connection: close")) as raw:
        answer, following = raw.read_answer(), raw.read_answer()
        rest = raw.read_to_end()

    assert (answer.status, f'"code": "{code}"'.encode() in answer.body) == (status, True)
    assert following.headers["x-request-id"] != "smuggled"
    assert (following.status, rest) == (200, b"")


@pytest.mark.parametrize("length", [512 * 1024**2 + 1, 10**15])
def test_a_body_longer_than_any_accepted_is_refused_by_its_head(keyed, length):
    with Raw(keyed, head("POST", "/v2/batches", KEYED, CSV_TYPE, f"Content-Length: {length}") + SMUGGLED) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    assert (answer.status, answer.headers["connection"].lower(), rest) == (413, "close", b"")
    assert (answer.headers["content-type"], json.loads(answer.body)["code"]) == (PROBLEM, "too_large")
    assert "536,870,912 bytes" in json.loads(answer.body)["detail"]


def test_a_client_that_waits_to_be_asked_for_a_body_that_is_too_long_is_refused_at_once(keyed):
    with Raw(keyed, head("POST", "/v2/batches", KEYED, CSV_TYPE, "Content-Length: 9999999999", EXPECT)) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    assert (answer.status, json.loads(answer.body)["code"], rest) == (413, "too_large", b"")


def test_chunks_longer_than_any_accepted_are_refused_where_the_limit_is_passed(tmp_path):
    with running(tmp_path / "log", CHURN_MAX_UPLOAD_BYTES="100000") as server, Raw(server) as raw:
        raw.send(head("POST", "/v2/batches", CSV_TYPE, "Transfer-Encoding: chunked"))
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        for _ in range(11):
            raw.send(chunk)
        answer = raw.read_answer()

    assert (answer.status, answer.headers["connection"].lower()) == (413, "close")
    assert (answer.headers["content-type"], json.loads(answer.body)["code"]) == (PROBLEM, "too_large")


def test_json_longer_than_accepted_is_refused_with_a_reason(server):
    with Raw(server, head("POST", "/v1/customer", JSON_TYPE, "Content-Length: 1048577") + b" " * 1_048_577) as raw:
        answer = raw.read_answer()

    assert (answer.status, b'"code": "too_large"' in answer.body) == (413, True)


@pytest.mark.parametrize("path", ["/v1/customer", "/v2/batches"])
def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_once(server, path):
    body = EXAMPLE_BODY if path == "/v1/customer" else csv_of(2000)
    kind = JSON_TYPE if path == "/v1/customer" else CSV_TYPE
    with Raw(server, head("POST", path, kind, f"Content-Length: {len(body)}", EXPECT)) as raw:
        invitation = raw.read_answer()
        raw.send(body)
        answer = raw.read_answer()

    assert (invitation.status, invitation.version, invitation.headers) == (100, "HTTP/1.1", {})
    assert answer.status == 200
    assert answer.body == LABEL if path == "/v1/customer" else answer.body.count(b"\n") == 2001


def test_a_client_that_does_not_wait_to_be_asked_is_answered(server):
    with Raw(server, head("POST", "/v1/customer", JSON_TYPE, LENGTH, EXPECT) + EXAMPLE_BODY) as raw:
        answer = raw.read_answer()
        if answer.status == 100:
            answer = raw.read_answer()

    assert (answer.status, answer.body) == (200, LABEL)


def test_http_1_0_is_never_asked_to_go_on(server):
    request = f"POST /v1/customer HTTP/1.0\r\n{JSON_TYPE}\r\n{LENGTH}\r\n{EXPECT}\r\n\r\n".encode()

    answer = server.talk(request, EXAMPLE_BODY)

    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(LABEL)


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (b"GET /health HTTP/1.1\r\nX-Request-Id: no-host\r\n\r\n", 400, "no_host"),
        (head("GET", "/health", "X-Request-Id: no-colon", "no colon"), 400, "bad_request"),
        (head("GET", "/health", "X-Long: " + "x" * 9_000), 431, "long_headers"),
        (head("GET", "/health", "X-Long: " + "x" * 33_000), 431, "long_headers"),
        (head("GET", "/health", *[f"X-{number}: 1" for number in range(100)]), 431, "long_headers"),
        (head("GET", "/health?" + "x" * 9_000), 414, "long_address"),
        (head("GET", "/health", "Expect: tea"), 417, "expectation"),
        (head("GET", "http://[::1"), 400, "bad_request"),
        (head("POST", "/v1/customer", "Content-Length: " + "9" * 5_000), 400, "bad_request"),
        (head("GET", "/health", "Host: y"), 400, "bad_request"),
        (head("POST", "/v1/customer", "Transfer-Encoding:", "Content-Length: 2"), 501, "transfer_coding"),
        (head("POST", "/v1/customer", "Transfer-Encoding: ,", "Content-Length: 2"), 501, "transfer_coding"),
        (head("POST", "/v1/customer", "Transfer-Encoding: chunked, chunked"), 501, "transfer_coding"),
        (CHUNKED + b"1\r\nx\r\n" * 20_000, 413, "small_chunks"),
        (CHUNKED + b"1;a=" + b"a" * 200_000, 413, "small_chunks"),
        (CHUNKED + b"0\r\nX-Trailer: " + b"a" * 200_000, 413, "small_chunks"),
        (
            head("POST", "/v1/customer", "X-Request-Id: no-coding", "Transfer-Encoding: gzip, chunked"),
            501,
            "transfer_coding",
        ),
    ],
    ids=[
        *("no host", "no colon", "a long header", "a long head", "many headers", "a long address", "an expectation"),
        *("a malformed address", "a length of 5,000 digits", "two hosts", "an empty coding", "a comma as coding"),
        *("chunked twice", "chunks of a byte", "a long extension", "a long trailer", "compressed chunks"),
    ],
)
def test_a_head_that_never_reaches_the_app_is_answered_by_a_problem_and_a_line_in_the_log(
    server, request_head, status, code
):
    with Raw(server, request_head) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    problem = json.loads(answer.body)
    assert (answer.status, problem["status"], problem["code"], rest) == (status, status, code, b"")
    assert (answer.headers["content-type"], answer.headers["connection"].lower()) == (PROBLEM, "close")
    assert answer.headers["cache-control"] == "no-store"
    lines = [line for line in server.lines() if line.get("request_id") == answer.headers["x-request-id"]]
    assert [(line["status"], line["code"]) for line in lines] == [(status, code)]


SMUGGLING = {
    "both a length and chunks": (
        "POST /v1/customer HTTP/1.1",
        "Host: x",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
    ),
    "chunks in HTTP/1.0": ("POST /v1/customer HTTP/1.0", "Connection: keep-alive", "Transfer-Encoding: chunked"),
    "two lengths": ("POST /v1/customer HTTP/1.1", "Host: x", "Content-Length: 5", "Content-Length: 6"),
    "a signed length": ("POST /v1/customer HTTP/1.1", "Host: x", "Content-Length: +5"),
    "a length in pieces": ("POST /v1/customer HTTP/1.1", "Host: x", "Content-Length: 5 5"),
    "a blank before the colon": ("POST /v1/customer HTTP/1.1", "Host: x", "Transfer-Encoding : chunked"),
    "a folded header": (
        "POST /v1/customer HTTP/1.1",
        "Host: x",
        "Transfer-Encoding:",
        "\tchunked",
        "Content-Length: 5",
    ),
    "chunks by another name": ("POST /v1/customer HTTP/1.1", "Host: x", "Transfer-Encoding: \x0bchunked"),
    "an unknown version": ("POST /v1/customer HTTP/1.2", "Host: x", "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("lines", SMUGGLING.values(), ids=SMUGGLING)
def test_a_request_whose_end_can_be_seen_in_two_places_is_refused_and_ends_the_connection(server, lines):
    with Raw(server, "\r\n".join([*lines, JSON_TYPE, "", ""]).encode() + b"0\r\n\r\n" + SMUGGLED) as raw:
        answer = raw.read_answer()
        rest = raw.read_to_end()

    assert (answer.status in {400, 501}, rest) == (True, b"")
    assert not [line for line in server.lines() if line.get("request_id") == "smuggled"]


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
    assert answer.headers["connection"].lower() == "close"
    assert rest == b""


def test_http_1_1_without_a_host_is_refused_with_the_reason(server):
    answer = server.talk(ASK.replace(b"Host: x\r\n", b""))

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code": "no_host"' in answer


def test_http_1_0_needs_no_host(server):
    assert server.talk(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 OK\r\n")


def ask_as(server: Server, version: str) -> Answer:
    with Raw(server, ASK.replace(b"HTTP/1.1", version.encode())) as raw:
        return raw.read_answer()


def test_http_1_0_is_answered_in_its_own_version(server):
    answer = ask_as(server, "HTTP/1.0")

    assert (answer.version, answer.status, answer.body) == ("HTTP/1.0", 200, LABEL)
    assert answer.headers["connection"] == "close"


def test_a_long_answer_to_http_1_0_has_no_chunks(server):
    content = csv_of(30_000)
    with Raw(server, post("/v2/batches", content, "text/csv").replace(b"HTTP/1.1", b"HTTP/1.0")) as raw:
        answer = raw.read_answer()

    assert (answer.version, answer.status) == ("HTTP/1.0", 200)
    assert "transfer-encoding" not in answer.headers
    assert answer.body.count(b"\n") == 30_001


def test_a_list_that_fails_in_the_middle_is_a_problem_and_no_part_of_an_answer_to_http_1_0(server):
    # The end of an answer to HTTP/1.0 is that of its connection: a part of a list would look like all of it.
    content = csv_of(60_000) + b'"open,'
    with Raw(server, post("/v2/batches", content, "text/csv").replace(b"HTTP/1.1", b"HTTP/1.0")) as raw:
        answer = raw.read_answer()

    assert (answer.status, b'"code": "open_quote"' in answer.body) == (422, True)


def test_a_list_that_fails_in_the_middle_has_no_end_of_its_chunks(server):
    content = csv_of(60_000) + b'"open,'
    request = post("/v2/batches?include_input=true", content, "text/csv")
    with Raw(server, request) as raw, pytest.raises(ConnectionError):
        raw.read_answer()


def test_a_server_that_refused_all_that_still_answers(server, keyed):
    assert ask_as(server, "HTTP/1.1").body == LABEL
    assert not any(line.get("status") == 500 for value in (server, keyed) for line in value.lines())
    assert "Traceback" not in server.log.read_text() + keyed.log.read_text()
