"""Ids, traces and metrics of a request through the Lambda gateway."""

import json

import pytest
from echo import echo
from http_events import event, read
from shipped import EXAMPLE

import handler
from app.aws import functions
from app.aws.gateway import Gateway, Invocation

TRACE = "Root=1-6921d5a1-0e2f3a4b5c6d7e8f90a1b2c3;Parent=0123456789abcdef;Sampled=1"
CALL = Invocation("c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "churn-api", TRACE.replace("6921", "0000"), is_cold=True)


def line_of(capsys) -> dict[str, object]:
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_without_a_request_id_of_the_client_lambdas_is_used(invoke, event_kind, capsys):
    answer = Gateway(functions._GATEWAY._app, "1").answer(event(event_kind, "/health", "GET"), CALL)

    assert read(event_kind, answer).headers["x-request-id"] == CALL.aws_request_id
    line = line_of(capsys)
    assert line["request_id"] == line["aws_request_id"] == CALL.aws_request_id


def test_the_request_id_of_the_client_is_logged_with_that_of_lambda(event_kind, capsys):
    request_event = event(event_kind, "/health", "GET", headers={"X-Request-Id": "mine-1"})

    answer = read(event_kind, Gateway(functions._GATEWAY._app, "1").answer(request_event, CALL))

    assert answer.headers["x-request-id"] == "mine-1"
    line = line_of(capsys)
    assert (line["request_id"], line["aws_request_id"]) == ("mine-1", CALL.aws_request_id)


@pytest.mark.parametrize(
    ("headers", "trace_id"),
    [
        ({}, "6921d5a10e2f3a4b5c6d7e8f90a1b2c3"),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "ab" * 16),
        ({"X-Amzn-Trace-Id": "nonsense"}, None),
    ],
)
def test_a_request_is_logged_with_its_trace(event_kind, capsys, headers, trace_id):
    request_event = event(event_kind, "/health", "GET", headers=headers)

    Gateway(functions._GATEWAY._app, "1").answer(request_event, CALL)

    assert line_of(capsys).get("trace_id") == trace_id


def test_without_a_header_the_trace_is_that_of_the_invocation(capsys):
    request_event = event("http_api_v2", "/health", "GET")
    del request_event["headers"]["x-amzn-trace-id"]

    Gateway(functions._GATEWAY._app, "1").answer(request_event, CALL)

    assert line_of(capsys)["trace_id"] == "0000d5a10e2f3a4b5c6d7e8f90a1b2c3"


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [("/health", 200, (1, 0, 0)), ("/nothing", 404, (1, 1, 0)), ("/fail", 500, (1, 0, 1))],
)
def test_a_request_on_lambda_is_counted(capsys, path, status, expected):
    app = echo() if path == "/fail" else functions._GATEWAY._app

    Gateway(app, "1").answer(event("http_api_v2", path, "GET"), CALL)

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["Requests"], line["Errors4xx"], line["Errors5xx"]) == expected
    assert (line["status"], line["ColdStart"], line["FunctionName"]) == (status, 1, "churn-api")
    assert line["LatencyMs"] == line["ms"] > 0


def test_off_lambda_nothing_is_counted(capsys):
    Gateway(functions._GATEWAY._app, "1").answer(event("http_api_v2", "/health", "GET"), Invocation())

    assert not {"_aws", "Requests", "FunctionName"} & set(line_of(capsys))


def test_no_log_line_holds_the_clients_data(capsys):
    body = json.dumps(dict(EXAMPLE)).encode()[:-1]
    request_event = event("http_api_v2", body=body, headers={"X-Secret": "s3cret"}, query=[("token", "s3cret")])

    handler.api(request_event)

    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert "203.0.113.7" not in out
    assert not [value for value in EXAMPLE.values() if isinstance(value, str) and len(value) > 3 and value in out]
