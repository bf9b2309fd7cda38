"""Bodies through the Lambda gateway: bytes and text, in and out, and the limits of what Lambda passes on."""

import gzip
import json
import os
from pathlib import Path

import pytest
from bad_input import GOOD, HEADER, ROW, form_of
from echo import echo
from http_events import BALANCERS, event, limit_of, read

import handler
from app.aws import gateway
from app.aws.gateway import Gateway, Invocation
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER

FORM = {"content-type": "multipart/form-data; boundary=cut"}
SAMPLE = (Path(__file__).parents[1] / "data" / "sample.csv").read_bytes()


def test_bytes_in_base64_arrive_unchanged_and_are_answered_in_base64(event_kind):
    noise = os.urandom(100_000)
    form = form_of(("file", noise))

    answer = Gateway(echo(), "").answer(event(event_kind, "/bytes", body=form, as_base64=True), Invocation())

    assert answer["isBase64Encoded"] is True
    assert read(event_kind, answer).body == form


def test_text_arrives_unchanged(invoke_echo):
    text = "\ufeffZoë\0\r\n".encode()

    assert invoke_echo("/bytes", body=text).body == text


@pytest.mark.parametrize("body", ["churn?", "e30", "e30=\n", "e3 0=", "e30=!", "e30=e30=", "=e30", "e30é"])
def test_a_body_that_is_not_base64_but_marked_so_is_a_problem(event_kind, lambda_event, body):
    answer = read(event_kind, handler.api(lambda_event(event_kind, isBase64Encoded=True, body=body)))

    assert (answer.status, answer.json["code"]) == (400, "bad_base64")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(GOOD + f"Zoë,{ROW}\n".encode("latin-1"), "damaged_text", id="Latin-1"),
        pytest.param(gzip.compress(SAMPLE), "not_csv", id="gzip"),
    ],
)
def test_bytes_that_a_gatewaydecoded_as_text_are_refused(invoke, content, code):
    answer = invoke("/v1/customerbatch", body=form_of(("file", content)), headers=FORM, as_base64=False)

    assert (answer.status, answer.json["code"]) == (422, code)
    assert "U+FFFD" in answer.json["detail"]


@pytest.mark.parametrize("members", [{"body": None}, {"body": ""}, {"body": None, "isBase64Encoded": True}])
def test_an_event_without_a_body_has_none(invoke, members):
    answer = invoke(**members)

    assert (answer.status, answer.json["code"]) == (400, "no_body")


@pytest.mark.parametrize("members", [{"body": {"tenure": 1}}, {"path": 7, "rawPath": 7}, {"httpMethod": 7}])
def test_an_event_with_members_of_other_types_is_a_problem(event_kind, members):
    members = {**members, **({"requestContext": None} if "httpMethod" in members else {})}

    answer = handler.api({**event(event_kind), **members})

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "bad_request"


def test_half_a_surrogate_is_a_problem_and_not_a_fault(invoke):
    odd = "\ud800"
    bad = [{"body": f'{{"tenure": "{odd}"}}'}, {"path": f"/{odd}"}, {"method": odd}, {"rawQueryString": odd}]
    bad += [{"headers": {name: odd}} for name in ("Content-Type", "Host", "X-Request-Id", "X-Forwarded-For", "Accept")]
    for options in bad:
        assert 400 <= invoke(**options).status < 500


def test_a_long_upload_within_the_limit_is_scored():
    rows = b"".join(b"%06d,%s\n" % (number, ROW.encode()) for number in range(59_000))
    request_event = event(
        "http_api_v2",
        "/v1/customerbatch",
        body=form_of(("file", HEADER.encode() + b"\n" + rows)),
        headers=FORM,
        as_base64=True,
    )
    assert 6_000_000 < len(json.dumps(request_event)) < 6_291_556

    answer = read("http_api_v2", handler.api(request_event))

    assert (answer.status, len(answer.json)) == (200, 59_000)


@pytest.mark.parametrize("as_base64", [True, False])
@pytest.mark.parametrize(("beyond", "status"), [(0, 200), (1, 413)])
def test_the_limit_of_a_body_is_that_of_its_event_kind(event_kind, invoke_echo, as_base64, beyond, status):
    limit = limit_of(event_kind) * 3 // 4 - 2 if as_base64 else limit_of(event_kind)
    body = b"x" * (limit + beyond * 3)

    answer = invoke_echo("/", body=body, as_base64=as_base64)

    assert answer.status == status


def test_a_body_over_the_limit_is_refused_with_advice(invoke, event_kind):
    answer = invoke("/v1/customerbatch", body=b"x" * 7_000_000, headers=FORM)

    assert answer.json["code"] == "too_large"
    assert f"{limit_of(event_kind):,} bytes" in answer.json["detail"]
    assert "in parts, or compressed with gzip, or drop it into the inbox bucket" in answer.json["detail"]


def compressed(rows: int) -> bytes:
    lines = b"".join(b"%07d,%s\n" % (number, ROW.encode()) for number in range(rows))
    return form_of(("file", gzip.compress(HEADER.encode() + b"\n" + lines, 1)))


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_a_file_that_breaks_off_late_is_a_problem_because_nothing_was_sent_yet(accept, capsys):
    rows = b"".join(b"%06d,%s\n" % (number, ROW.encode()) for number in range(40_000))
    file = HEADER.encode() + b"\n" + rows + b'"open,' + ROW.encode()
    request_event = event(
        "http_api_v2", "/v2/batches", body=form_of(("file", file)), headers={**FORM, "accept": accept}, as_base64=True
    )

    answer = read("http_api_v2", handler.api(request_event))

    assert (answer.status, answer.json["code"]) == (422, "open_quote")
    assert answer.json["errors"][0]["row"] == 40_001
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["status"], line["code"]) == (422, "open_quote")


@pytest.mark.parametrize(("event_kind", "rows"), [("http_api_v2", 300_000), ("http_alb", 48_000)])
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_an_answer_that_lambda_would_refuse_is_a_problem_with_advice(event_kind, rows, accept, capsys):
    request_event = event(
        event_kind, "/v1/customerbatch", body=compressed(rows), headers={**FORM, "accept": accept}, as_base64=True
    )

    answer = read(event_kind, handler.api(request_event))

    assert (answer.status, answer.json["code"]) == (413, "answer_too_large")
    assert "Send the file in parts" in answer.json["detail"]
    assert ("ask for application/json" in answer.json["detail"]) == (accept == "text/csv")
    assert "drop it into the inbox bucket" in answer.json["detail"]
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["code"], line["route"]) == (413, "answer_too_large", "/v1/customerbatch")
    assert line["bytes_out"] == len(answer.body)


@pytest.mark.parametrize(("event_kind", "limit"), [("http_api_v2", 6_291_556), ("http_alb", 1_000_000)])
def test_the_limit_of_an_answer_is_that_of_the_runtimes_json(event_kind, limit):
    ric = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    lambda_gateway = Gateway(echo(), "")

    def length(characters):
        answer = lambda_gateway.answer(event(event_kind, f"/length/{characters}", "GET"), Invocation())
        return answer["statusCode"], len(ric.to_json(answer))

    _, empty = length(0)
    # "é" is six characters of JSON; the answer gives its length in two to seven digits.
    most = (limit - empty - 6) // 6
    lengths = [length(characters) for characters in range(most - 3, most + 4)]

    assert lengths[0][0] == 200
    assert lengths[-1][0] == 413
    assert max(size for status, size in lengths if status == 200) > limit - 150
    assert max(size for _, size in lengths) <= limit


@pytest.mark.parametrize(
    ("kind", "is_text"),
    [
        ("application/problem+json", True),
        ("application/x-ndjson", True),
        ("application/json", True),
        ("text/csv; charset=utf-8", True),
        ("text/html; charset=utf-8", True),
        ("application/octet-stream", False),
        ("application/gzip", False),
    ],
)
def test_text_is_answered_as_text_and_all_else_as_base64(event_kind, kind, is_text):
    answer = Gateway(echo(), "").answer(event(event_kind, "/type", "GET", query=[("type", kind)]), Invocation())

    assert answer["isBase64Encoded"] is not is_text
    assert read(event_kind, answer).body == b"{}"


@pytest.mark.parametrize(("status", "description"), [(204, "204 No Content"), (599, "599 Unknown")])
def test_answers_without_content_or_with_an_unknown_status_are_sent(event_kind, invoke_echo, status, description):
    answer = invoke_echo(f"/status/{status}", "GET")

    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(("status", "description"), [(200, "200 OK"), (404, "404 Not Found"), (599, "599 Unknown")])
@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_load_balancer_gets_a_description_of_the_status(balancer, status, description):
    answer = Gateway(echo(), "").answer(event(balancer, f"/status/{status}", "GET"), Invocation())

    assert answer["statusDescription"] == description


@pytest.mark.parametrize("path", ["/fail", "/break", "/type?raw"])
def test_a_fault_of_the_app_is_a_problem_and_one_line_without_data(invoke_echo, capsys, path):
    query = [("type", "text/csv"), ("raw", "1")] if path == "/type?raw" else []

    answer = invoke_echo(path.partition("?")[0], "GET", query=query)

    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert answer.json["instance"] in answer.json["detail"]
    failure, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert failure["exception"] in ("RuntimeError", "UnicodeDecodeError")
    assert any(":" in frame for frame in failure["where"])
    assert "0002-EXMPL" not in json.dumps([failure, line, answer.json])
    assert (line["status"], line["code"], line["request_id"]) == (500, "internal", failure["request_id"])


def test_the_limits_are_those_that_aws_states():
    assert (API_GATEWAY.max_body_bytes, API_GATEWAY.max_response_bytes) == (6_291_556, 6_291_556)
    assert (LOAD_BALANCER.max_body_bytes, LOAD_BALANCER.max_response_bytes) == (1_048_576, 1_000_000)
    assert gateway.serverless_wsgi.TEXT_MIME_TYPES.count("application/problem+json") == 1
