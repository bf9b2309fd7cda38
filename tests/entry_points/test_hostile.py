"""What an attacker sends: two requests in one, forms with tricks, ids that would be headers, patterns that run away."""

import ast
import itertools
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input import GOOD, HEADER, ROW, form_of, post_form
from served import EXAMPLE_BODY, Server, running

ROOT = Path(__file__).parents[2]
SHIPPED = [
    *(path for top in ("app", "model") for path in (ROOT / top).rglob("*.py")),
    *ROOT.glob("*.py"),
]

LENGTH = str(len(EXAMPLE_BODY)).encode()
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/customer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def post(*headers: bytes, body: bytes = EXAMPLE_BODY) -> bytes:
    return POST + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body + HIDDEN


def chunked(size: bytes, end: bytes = b"\r\n", body: bytes = EXAMPLE_BODY) -> bytes:
    return size + end + body + end + b"0" + end + end


SIZE = b"%x" % len(EXAMPLE_BODY)
ONE = b"Content-Length: " + LENGTH
CHUNKED = b"Transfer-Encoding: chunked"

# Two readers on the way could disagree about where each of these ends; what follows would be another client's request.
AMBIGUOUS = {
    "a length and chunks": post(ONE, CHUNKED, body=chunked(SIZE)),
    "chunks and a shorter length": post(CHUNKED, b"Content-Length: 4", body=chunked(SIZE)),
    "two lengths": post(ONE, b"Content-Length: 0"),
    "the same length twice": post(ONE, ONE),
    "a list of lengths": post(ONE + b", " + LENGTH),
    "a length with a sign": post(b"Content-Length: +" + LENGTH),
    "a length in hex": post(b"Content-Length: 0x10"),
    "a space before the colon of the length": post(b"Content-Length : " + LENGTH),
    "a space before the colon of the coding": post(b"Transfer-Encoding : chunked", ONE),
    "a coding that is not known": post(b"Transfer-Encoding: xchunked", ONE),
    "a coding after a tab": post(b"Transfer-Encoding:\tchunked", b"Content-Length: 4", body=chunked(SIZE)),
    "two codings": post(CHUNKED, b"Transfer-Encoding: identity", body=chunked(SIZE)),
    "chunks inside gzip": post(b"Transfer-Encoding: chunked, gzip", body=chunked(SIZE)),
    "a folded header": post(b"X: a\r\n Content-Length: 0", ONE),
    "a carriage return alone": post(b"X: a\rTransfer-Encoding: chunked", ONE),
    "NUL in a header": post(b"X: a\0b", ONE),
    "a chunk of negative size": post(CHUNKED, body=chunked(b"-1")),
    "a chunk size with 0x": post(CHUNKED, body=chunked(b"0x" + SIZE)),
    "a chunk size with _": post(CHUNKED, body=chunked(b"1_0")),
    "a chunk that is longer than its size": post(CHUNKED, body=chunked(b"5")),
    "chunks ended by line feeds": post(CHUNKED, body=chunked(SIZE, b"\n")),
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + HIDDEN,
    "HTTP/0.9": b"GET /\r\n\r\n" + HIDDEN,
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("hostile") / "log") as server:
        yield server


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_with_two_readings_is_refused_and_ends_its_connection(server, raw):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(raw)
        # A reset in place of an orderly end: the server had not read what followed.
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionResetError:
            pass

    statuses = re.findall(rb"HTTP/1\.[01] (\d{3})", answer)
    assert statuses in ([b"400"], [b"501"])
    assert b"application/problem+json" in answer


def test_a_server_that_refused_all_that_still_answers(server):
    assert b'{"Prediction": "churn"}' in server.talk(post(ONE, b"Connection: close"))
    assert not any(line.get("status", 0) >= 500 and line["status"] != 501 for line in server.lines())


PART = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
END = b"\r\n--cut--\r\n"
FORMS = {
    "ten thousand parts": (form_of(*[("x", b"a")] * 10_000), 413, "form_too_large"),
    "a file name of 3 MB": (
        PART.replace(b'"x"', b'"%b"' % (b"a" * 3_000_000)) + b"\r\n" + GOOD + END,
        413,
        "form_too_large",
    ),
    "a hundred thousand headers of a part": (
        PART + b"".join(b"X-%d: 1\r\n" % number for number in range(100_000)) + b"\r\n" + GOOD + END,
        *(413, "form_too_large"),
    ),
    "5 MB before the first part": (b"x" * 5_000_000 + b"\r\n" + PART + b"\r\n" + GOOD + END, 413, "form_too_large"),
    "a form in a part": (
        PART + b"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\n" + GOOD + END,
        422,
        "no_header",
    ),
    "a million beginnings of its end": (PART + b"\r\n" + b"\r\n--cu" * 1_000_000 + END, 422, "no_header"),
    "5 MB of line ends": (PART + b"\r\n" + b"\r" * 5_000_000 + END, 422, "header_too_long"),
}


@pytest.mark.parametrize(("body", "status", "code"), FORMS.values(), ids=FORMS)
def test_a_form_with_tricks_is_refused(client, body, status, code):
    answer = post_form(client, body)

    assert (answer.status_code, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    "trick",
    [b"Content-Length: 3", b"Content-Length: 999999999999", b"Content-Transfer-Encoding: base64"],
    ids=["a shorter length", "a longer length", "a coding"],
)
def test_length_and_coding_claimed_by_a_part_are_ignored(client, trick):
    answer = post_form(client, PART + trick + b"\r\n\r\n" + GOOD + END)

    assert (answer.status_code, answer.json) == (200, {"A": "Churn"})


@pytest.mark.parametrize("name", [b"../../etc/evil", b"evil%0d%0aSet-Cookie: a=b", b"evil\nSet-Cookie: a=b", b"evil\0"])
@pytest.mark.parametrize("path", ["/v1/customerbatch", "/v2/batches"])
def test_a_file_name_goes_nowhere(client, name, path):
    body = PART.replace(b'"x"', b'"%b"' % name) + b"\r\n" + GOOD + END

    answer = client.post(path, data=body, content_type="multipart/form-data; boundary=cut")

    assert b"evil" not in answer.data
    assert "evil" not in str(answer.headers)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
@pytest.mark.parametrize("path", ["/v1/customerbatch", "/v2/batches"])
def test_an_id_never_becomes_a_header(client, path, accept):
    file = f'{HEADER}\n"evil\r\nSet-Cookie: a=b",{ROW}\n"evil\r\nSet-Cookie: a=b",{ROW}x\n'.encode()

    answer = client.post(
        path, data=form_of(("file", file)), content_type="multipart/form-data; boundary=cut", headers={"Accept": accept}
    )

    assert "evil" not in str(answer.headers)
    assert "Set-Cookie" not in answer.headers


SEARCHING = {"search", "sub", "subn", "split", "findall", "finditer"}


def patterns() -> Iterator[tuple[str, str | bytes, bool]]:
    """Yield the position of each pattern of the shipped code, the pattern, and whether it is searched for in a text."""
    for path in SHIPPED:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        searched = {
            node.func.value.id
            for node in nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if node.func.attr in SEARCHING and isinstance(node.func.value, ast.Name)
        }
        for node in nodes:
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("re.") or not node.args:
                continue
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str | bytes):
                names = [
                    target.id
                    for item in nodes
                    if isinstance(item, ast.Assign | ast.AnnAssign) and item.value is node
                    for target in (item.targets if isinstance(item, ast.Assign) else [item.target])
                    if isinstance(target, ast.Name)
                ]
                is_searched = ast.unparse(node.func)[3:] in SEARCHING or bool(searched & set(names))
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0].value, is_searched


@pytest.mark.parametrize(("pattern", "is_searched"), [pytest.param(p, s, id=where) for where, p, s in patterns()])
def test_no_pattern_runs_away_over_what_users_send(pattern, is_searched):
    """A backtracking pattern takes minutes or forever over 20,000 characters; all of ours take under 2 ms."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    letters = [*sorted({letter for letter in text if letter.isprintable()}), *" \t\r\naA09z"]
    compiled = re.compile(pattern)

    for pair in itertools.product(letters, repeat=2):
        attack = "".join(pair) * 10_000 + "\x01"
        started = time.process_time()
        for method in (compiled.match, compiled.fullmatch, *([compiled.search] if is_searched else [])):
            method(attack.encode("latin-1", "replace") if isinstance(pattern, bytes) else attack)
        assert time.process_time() - started < 1, pair


def test_there_are_patterns_to_look_at():
    assert len(list(patterns())) > 20
