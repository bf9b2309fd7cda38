"""What holds for every route: problems, request ids, headers, the log line, the welcome."""

import json
import logging

import pytest
from flask import Flask
from shipped import SCHEMA

from app.settings import Settings
from app.web import create_app, errors


class BrokenScorer:
    """Has a version, and fails when it is asked."""

    version, sha256, threshold, tiers, schema = "9.9.9", "0" * 64, 0.5, {"low": 0.0}, SCHEMA

    def score(self, customer):
        raise KeyError(f"secret {customer}")


@pytest.fixture
def broken_app() -> Flask:
    return create_app(BrokenScorer(), Settings())


def lines_of(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "accept",
    ["*/*", "", "application/json", "text/plain", "text/html;q=0.1, application/json", "nonsense;;q=x"],
)
def test_programs_are_welcomed_in_json(client, accept):
    answer = client.get("/", headers={"Accept": accept})

    assert answer.content_type == "application/json"
    assert answer.json["status"] == "ok"
    assert answer.json["model_version"] == "1.0.0"
    assert "message" in answer.json


def test_browsers_are_welcomed_with_a_page(client):
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

    answer = client.get("/", headers={"Accept": accept})

    assert answer.content_type == "text/html; charset=utf-8"
    assert set(answer.vary) == {"Accept", "Accept-Encoding"}
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert all(f"<code>{name}</code>" in answer.text for name in ("PaymentMethod", "POST /v1/customer"))


def test_the_page_escapes_what_the_client_sent(client):
    answer = client.get("/", headers={"Accept": "text/html", "Host": "x<script>"})

    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/", "/health"])
def test_head_answers_as_get_without_a_body(client, path):
    answer = client.head(path)

    assert answer.status_code == 200
    assert answer.data == b""


def test_health_names_the_model(client, scorer):
    answer = client.get("/health")

    assert answer.json == {
        "status": "ok",
        "model_version": "1.0.0",
        "model_sha256": scorer.sha256,
        "threshold": scorer.threshold,
    }


def test_the_welcome_lists_the_routes_there_are(app, client):
    rules = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}

    assert {tuple(route.split()) for route in client.get("/").json["routes"]} == rules


def test_a_problem_has_the_members_of_rfc_9457(client):
    answer = client.get("/nowhere", headers={"X-Request-Id": "abc-1"})

    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "urn:churn:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": 'There is nothing at "/nowhere". GET / lists the routes.',
        "instance": "abc-1",
        "code": "not_found",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/static/x", 404, "not_found"),
        ("POST", "/v1/customer/", 404, "not_found"),
        ("POST", "//v1/customer", 404, "not_found"),
        ("GET", "/%00%ff%0d%0a", 404, "not_found"),
        ("GET", "/v1/customer", 405, "method_not_allowed"),
        ("DELETE", "/v1/customerbatch", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("BREW", "/health", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem(client, method, path, status, code):
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["code"] == code


def test_a_wrong_method_is_refused_with_the_right_one(client):
    answer = client.get("/v1/customer")

    assert sorted(answer.headers["Allow"].split(", ")) == ["OPTIONS", "POST"]
    assert answer.json["detail"].startswith('GET is not allowed at "/v1/customer"; use ')


def test_every_code_that_can_head_an_answer_has_a_status():
    of_fields_and_rows = {
        *("missing", "blank", "blank_not_new", "not_a_number", "not_whole", "out_of_range", "unknown_word"),
        *("ambiguous_name", "blank_id", "bad_id", "field_count", "stray_byte"),
        *("not_a_customer", "not_changes", "unknown_feature", "no_feature"),
    }
    of_spark = {"wrong_types", "quoted_line_end", "two_encodings"}
    of_the_folder = {"link_outside"}

    assert set(errors.ERRORS) - set(errors.STATUSES) == of_fields_and_rows | of_spark | of_the_folder


def test_every_error_that_is_a_response_has_a_title_and_a_sentence():
    assert [code for code in errors.STATUSES if not errors.ERRORS[code].title or not errors.ERRORS[code].sentence] == []


def test_every_status_is_one_of_an_error():
    assert {status // 100 for status in errors.STATUSES.values()} == {4, 5}


def test_a_failure_is_a_problem_that_reveals_nothing(broken_app, customer, capsys):
    answer = broken_app.test_client().post("/v1/customer", json=customer, headers={"X-Request-Id": "r1"})

    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert answer.json["code"] == "internal"
    assert "r1" in answer.json["detail"]
    assert "KeyError" not in answer.text
    assert "secret" not in answer.text


def test_a_failure_is_logged_by_type_and_place_without_its_text(broken_app, customer, capsys):
    broken_app.test_client().post("/v1/customer", json=customer)

    failure, request = lines_of(capsys)

    assert (failure["level"], failure["exception"]) == ("error", "KeyError")
    assert failure["where"][-1].split(":")[0] == "entry_points/test_app.py"
    assert failure["request_id"] == request["request_id"]
    assert request["status"] == 500
    assert "secret" not in json.dumps([failure, request])


def test_a_failure_writes_no_trace_through_logging(broken_app, customer, caplog):
    with caplog.at_level(logging.DEBUG):
        broken_app.test_client().post("/v1/customer", json=customer)

    assert "secret" not in caplog.text


def test_a_plain_request_id_is_repeated(client):
    assert client.get("/health", headers={"X-Request-Id": "crm-7_a.B"}).headers["X-Request-Id"] == "crm-7_a.B"


@pytest.mark.parametrize("value", ["", "a b", "x" * 65, "ä", "<b>", "a\tb", "{}", "a,b"])
def test_any_other_request_id_is_replaced(client, value):
    created = client.get("/health", headers={"X-Request-Id": value}).headers["X-Request-Id"]

    assert len(created) == 32
    assert set(created) <= set("0123456789abcdef")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb"])
def test_a_line_break_in_a_request_id_reaches_no_header_and_no_log(client, capsys, value):
    # No client library sends these; a careless proxy might hand them on.
    answer = client.get("/health", environ_overrides={"HTTP_X_REQUEST_ID": value})

    assert len(answer.headers["X-Request-Id"]) == 32
    assert "Set-Cookie" not in answer.headers
    assert len(lines_of(capsys)) == 1


@pytest.mark.parametrize("path", ["/", "/health", "/nowhere", "/v1/customer"])
def test_every_answer_names_request_model_and_safe_headers(client, path):
    answer = client.get(path)

    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Model-Version"] == "1.0.0"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_request_is_one_log_line(client, customer, capsys):
    client.post("/v1/customer", json=customer, headers={"X-Request-Id": "r2"})

    (line,) = lines_of(capsys)

    assert line.pop("time").endswith("Z")
    assert line.pop("ms") >= 0
    assert line.pop("bytes_in") > 100
    assert line == {
        "method": "POST",
        "route": "/v1/customer",
        "status": 200,
        "request_id": "r2",
        "model_version": "1.0.0",
        "bytes_out": 23,
    }


def test_the_log_holds_no_path_no_query_and_no_customer(client, make_customer, capsys):
    client.post("/v1/customer?name=Smith", json=make_customer(Contract="Weekly", customerID="7590-VHVEG"))
    client.get("/customers/7590-VHVEG")

    refused, unknown = lines_of(capsys)

    assert (refused["status"], refused["code"]) == (422, "bad_customer")
    assert (unknown["status"], unknown["code"]) == (404, "not_found")
    assert not [word for word in ("Smith", "Weekly", "7590") if word in json.dumps([refused, unknown])]


def test_a_closed_log_does_not_fail_the_answer(client, customer, monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())

    assert client.post("/v1/customer", json=customer).status_code == 200
