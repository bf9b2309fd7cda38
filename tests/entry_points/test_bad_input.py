"""Bad input over HTTP: each gets a clear 4xx problem that names it, never a 500 and never a guess."""

import gzip
import json

import pytest
from bad_input import BAD_CUSTOMERS, BAD_FILES, BAD_FORMS, GOOD, LONG, form_of, post_form, with_values

from app.settings import Settings
from app.web import create_app


@pytest.mark.parametrize(("body", "status", "code", "words"), BAD_CUSTOMERS.values(), ids=BAD_CUSTOMERS)
def test_a_bad_customer_is_refused_and_the_problem_names_what_is_wrong(client, body, status, code, words):
    answer = client.post("/v1/customer", data=body, content_type="application/json")

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["code"] == code
    assert not [word for word in words if word not in answer.json["detail"]]


def test_everything_wrong_with_a_customer_is_reported_together(client, make_customer):
    answer = client.post("/v1/customer", json=make_customer(Partner="Ja", tenure=-3, Contract=..., TotalCharges="?"))

    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [
        ("Partner", "unknown_word"),
        ("tenure", "out_of_range"),
        ("Contract", "missing"),
        ("TotalCharges", "not_a_number"),
    ]
    assert answer.json["errors_total"] == 4


@pytest.mark.parametrize(
    ("content_type", "code", "words"),
    [
        ("application/x-www-form-urlencoded", "send_json", ["x-www-form-urlencoded", "Content-Type: application/json"]),
        ("multipart/form-data; boundary=x", "send_json", ['"multipart/form-data"']),
        ("text/plain", "send_json", ['"text/plain"']),
        ("text/csv", "send_json", ['"text/csv"']),
        ("nonsense", "send_json", ['"nonsense"']),
        ("application/json; charset=utf-16", "send_utf8", ['"utf-16"']),
    ],
)
def test_a_customer_in_another_content_type_is_refused_with_the_right_one(client, customer, content_type, code, words):
    answer = client.post("/v1/customer", data=json.dumps(customer), content_type=content_type)

    assert (answer.status_code, answer.json["code"]) == (415, code)
    assert not [word for word in words if word not in answer.json["detail"]]


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/v1/customer", "application/json"), ("/v1/customerbatch", "multipart/form-data; boundary=x")],
)
def test_a_compressed_body_is_refused(client, path, content_type):
    answer = client.post(path, data=b"x", content_type=content_type, headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json["code"]) == (415, "send_unpacked")


# A table needs no ids.
WHOLE = [id for id, file in BAD_FILES.items() if file[2] not in {"bad_rows", "duplicate_id"} and "customerID" not in id]


@pytest.fixture(scope="session")
def narrow_app(scorer):
    return create_app(scorer, Settings(max_upload_bytes=100_000, max_answer_bytes=100_000, max_listed_rows=100))


@pytest.mark.parametrize(("content", "status", "code", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_and_the_problem_names_what_is_wrong(client, content, status, code, words):
    answer = post_form(client, form_of(("file", content)))

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["code"] == code
    assert not [word for word in words if word not in answer.json["detail"]]


@pytest.mark.parametrize("id", WHOLE)
def test_a_problem_of_the_whole_file_cannot_be_skipped(client, id):
    content, status, code, _ = BAD_FILES[id]

    answer = post_form(client, form_of(("file", content)), "?on_error=skip", "text/csv")

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_an_unknown_charset_is_named(client):
    answer = post_form(client, form_of(("file", GOOD)), "?charset=klingon")

    assert (answer.status_code, answer.json["code"]) == (422, "unknown_charset")


@pytest.mark.parametrize(("body", "status", "code", "words"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_bad_form_is_refused_with_what_to_send(client, body, status, code, words):
    answer = post_form(client, body)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["code"] == code
    assert words in answer.json["detail"]


@pytest.mark.parametrize(
    ("content_type", "status", "words"),
    [
        ("text/csv", 415, 'The Content-Type is "text/csv".'),
        ("application/json", 415, "multipart/form-data"),
        ("application/x-www-form-urlencoded", 415, "curl -F file=@customers.csv"),
        ("", 415, "The request has no Content-Type."),
        ("multipart/form-data", 400, "its Content-Type has no boundary"),
        ("multipart/form-data; boundary=ü", 400, "The form cannot be read"),
    ],
)
def test_a_batch_that_is_not_a_form_is_refused_with_what_to_send(client, content_type, status, words):
    answer = client.post("/v1/customerbatch", data=form_of(("file", GOOD)), content_type=content_type or None)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert words in answer.json["detail"]


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize(("beyond", "status"), [(-1, 200), (0, 200), (1, 413), (2, 413), (5_000, 413)])
def test_the_limit_of_json_is_exact(client, is_chunked, beyond, status):
    limit = 1024**2
    body = with_values(note="").replace(b'""', b'"' + b"x" * (limit + beyond - len(with_values(note=""))) + b'"')
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""} if is_chunked else {}

    answer = client.post("/v1/customer", data=body, content_type="application/json", environ_overrides=environ)

    assert len(body) == limit + beyond
    assert answer.status_code == status


def test_a_file_beyond_the_limit_is_too_large(narrow_app):
    answer = post_form(narrow_app.test_client(), form_of(("file", LONG)))

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert "100,000 bytes" in answer.json["detail"]


def test_a_listing_beyond_the_limit_is_refused_and_a_table_is_not(narrow_app):
    body = form_of(("file", gzip.compress(LONG[:20_000].rpartition(b"\n")[0])))

    listing = post_form(narrow_app.test_client(), body)
    table = post_form(narrow_app.test_client(), body, accept="text/csv")

    assert (listing.status_code, listing.json["code"]) == (413, "too_many_rows")
    assert (table.status_code, table.content_type) == (200, "text/csv; charset=utf-8")


def test_an_answer_beyond_the_limit_is_refused(narrow_app):
    answer = post_form(narrow_app.test_client(), form_of(("file", gzip.compress(LONG))), accept="text/csv")

    assert (answer.status_code, answer.json["code"]) == (413, "answer_too_large")


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "99999999999999999999"])
@pytest.mark.parametrize("path", ["/v1/customer", "/v1/customerbatch"])
def test_a_wrong_content_length_is_a_problem(client, path, length):
    kind = "application/json" if path == "/v1/customer" else "multipart/form-data; boundary=cut"

    answer = client.post(path, data=b"{}", content_type=kind, environ_overrides={"CONTENT_LENGTH": length})

    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"
