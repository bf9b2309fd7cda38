"""The Lambda handler: what it does with an event of any form."""

import json
from types import SimpleNamespace

import pytest
from bad_input import BAD_CUSTOMERS
from http_events import EVENT_KINDS, event, recorded
from shipped import EXAMPLE, NAMES

import handler
from app.jobs.s3_events import EventError
from model import artifact

CONTEXT = SimpleNamespace(
    aws_request_id="id-of-lambda", function_name="churn", get_remaining_time_in_millis=lambda: 25_000
)
MODEL = artifact.load()


def lines(capsys) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("function", [handler.handler, handler.api], ids=["handler", "api"])
@pytest.mark.parametrize("event_kind", EVENT_KINDS)
def test_an_http_event_is_answered(function, event_kind):
    answer = function(event(event_kind, body=json.dumps(dict(EXAMPLE)).encode()), CONTEXT)

    assert (answer["statusCode"], answer["body"]) == (200, '{"Prediction": "churn"}')


@pytest.mark.parametrize("function", [handler.handler, handler.api], ids=["handler", "api"])
def test_a_customer_as_the_event_is_scored(function, make_customer):
    assert function(make_customer(), CONTEXT) == {"Prediction": "churn"}
    assert function(make_customer(tenure="60", Contract="two year"), CONTEXT) == {"Prediction": "not churn"}
    assert function({name.upper(): value for name, value in EXAMPLE.items()}, None) == {"Prediction": "churn"}


def test_a_bad_customer_as_the_event_gives_the_problem_of_http(make_customer, capsys):
    answer = handler.handler(make_customer(tenure=-1, Contract=...), CONTEXT)

    assert (answer["status"], answer["code"], answer["instance"]) == (422, "bad_customer", "id-of-lambda")
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("tenure", "out_of_range"),
        ("Contract", "missing"),
    ]
    (line,) = lines(capsys)
    assert (line["event"], line["status"], line["code"], line["Errors4xx"]) == ("customer", 422, "bad_customer", 1)


def parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


# Bad as bytes only.
VALID_CUSTOMERS = {"UTF-16", "10 MB"}

BAD_EVENTS = {id: parsed(body) for id, (body, *_) in BAD_CUSTOMERS.items() if id not in VALID_CUSTOMERS}
BAD_EVENTS = {id: value for id, value in BAD_EVENTS.items() if isinstance(value, dict)}


@pytest.mark.parametrize("value", BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_a_bad_customer_as_the_event_is_a_problem_or_an_error(value):
    try:
        answer = handler.handler(value, CONTEXT)
    except EventError as error:
        assert not {*value} & {*NAMES}, error
    else:
        assert answer["status"] == 422
        json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("function", [handler.handler, handler.api, handler.batch], ids=["handler", "api", "batch"])
@pytest.mark.parametrize("ping", [{"ping": True}, {"ping": True, "source": "aws.events"}])
def test_a_ping_is_answered_and_not_counted(function, ping, capsys):
    answer = function(ping, CONTEXT)

    assert answer == {"status": "ok", "model_version": MODEL.version, "model_sha256": MODEL.sha256}
    (line,) = lines(capsys)
    assert line["event"] == "ping"
    assert "Requests" not in line


SCHEDULED = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}

# id: (event, words of the message)
UNKNOWN: dict[str, tuple[object, str]] = {
    "empty": ({}, "The event is empty."),
    "null": (None, "The event is not a JSON object."),
    "a list": ([dict(EXAMPLE)], "The event is not a JSON object."),
    "text": ("tenure", "The event is not a JSON object."),
    "other names": ({"a": 1, "b": 2}, 'The event has "a" and "b".'),
    "a customer wrapped": ({"customer": dict(EXAMPLE)}, "a customer with its fields at the top level"),
    "only an id": ({"customerID": "0002-EXMPL"}, 'The event has "customerID".'),
    "ids as names": ({"0002-EXMPL": "Churn", "x": 1}, 'The event has "x" and 1 other members.'),
    "a schedule": (SCHEDULED, 'let the rule send {"ping": true}'),
    "a schedule that pings otherwise": ({**SCHEDULED, "ping": "true"}, 'let the rule send {"ping": true}'),
    "another warm-up": ({"source": "serverless-plugin-warmup"}, 'The event has "source".'),
    "a remote command": ({"_serverless-wsgi": {"command": "exec", "data": "print(1)"}}, "1 other members"),
    "a websocket": ({"requestContext": {"connectionId": "a", "eventType": "CONNECT"}}, '"requestContext"'),
    "the old Lambda integration": ({"method": "GET", "requestPath": "/"}, '"method" and "requestPath"'),
    "another service": (
        {"source": "aws.ec2", "detail-type": "x", "detail": {}},
        '"source", "detail-type" and "detail"',
    ),
}


@pytest.mark.parametrize("function", [handler.handler, handler.api, handler.batch], ids=["handler", "api", "batch"])
@pytest.mark.parametrize(("value", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_event_fails_with_a_sentence_about_it(function, value, words):
    with pytest.raises(EventError) as caught:
        function(value, CONTEXT)

    assert words in str(caught.value)
    assert "EXMPL" not in str(caught.value)


@pytest.mark.parametrize("name", ["s3_put_2_6_versioned", "s3_test_event", "eventbridge_created", "sqs_s3", "sns_s3"])
def test_the_api_function_refuses_events_of_the_bucket(name):
    with pytest.raises(EventError):
        handler.api(recorded(name), CONTEXT)


def test_the_batch_function_refuses_http_events():
    with pytest.raises(EventError):
        handler.batch(event("http_api_v2"), CONTEXT)


def test_a_remote_command_within_a_request_does_nothing(capsys):
    http_event = event(
        "http_api_v2", "/health", "GET", **{"_serverless-wsgi": {"command": "exec", "data": "print('done')"}}
    )

    assert handler.handler(http_event, CONTEXT)["statusCode"] == 200
    assert "done" not in capsys.readouterr().out


def test_nothing_of_one_call_is_logged_with_the_next(monkeypatch, capsys):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    handler.handler(dict(EXAMPLE), CONTEXT)
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    handler.handler(dict(EXAMPLE), None)

    first, second = lines(capsys)
    assert (first["trace_id"], first["aws_request_id"]) == ("5759e988bd862e3fe1be46a994272793", "id-of-lambda")
    assert not {"trace_id", "aws_request_id", "_aws"} & set(second)
