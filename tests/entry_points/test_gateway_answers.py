"""Every kind of HTTP event is answered as the web server answers, bad input included."""

import base64
import gzip
import json
from pathlib import Path

import pytest
from bad_input import BAD_CUSTOMERS, BAD_FILES, BAD_FORMS, GOOD, ROW, form_of
from http_events import event, limit_of, read, recorded
from shipped import EXAMPLE

import handler

FORM = {"content-type": "multipart/form-data; boundary=cut"}
SAMPLE = (Path(__file__).parents[1] / "data" / "sample.csv").read_bytes()
CUSTOMER = json.dumps(dict(EXAMPLE)).encode()


def test_the_root_is_answered(invoke):
    answer = invoke("/", "GET")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["status"] == "ok"


def test_a_browser_gets_the_page_with_the_address_of_the_api(event_kind, invoke):
    page = invoke("/", "GET", headers={"accept": "text/html"})

    origin = {
        "http_rest_v1": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/dev/v1/customer",
        "http_function_url": "https://0123456789abcdefghijklmnopqrstuv.lambda-url.eu-central-1.on.aws/v1/customer",
        "http_alb": "https://churn.example.com/v1/customer",
    }
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert origin.get(event_kind, "/v1/customer") in page.body.decode()


@pytest.mark.parametrize("path", ["/", "/static/page.css"])
def test_a_compressed_answer_is_passed_on_unchanged(invoke, path):
    plain = invoke(path, "GET", headers={"accept": "text/html"})
    compressed = invoke(path, "GET", headers={"accept": "text/html", "accept-encoding": "gzip"})

    assert compressed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(compressed.body) == plain.body


@pytest.mark.parametrize("path", ["/", "/health"])
def test_head_is_answered_without_a_body(invoke, path):
    answer = invoke(path, "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-model-version"]


@pytest.mark.parametrize("as_base64", [True, False])
def test_a_customer_is_scored(invoke, as_base64):
    answer = invoke(body=CUSTOMER, as_base64=as_base64)

    assert (answer.status, answer.json) == (200, {"Prediction": "churn"})


@pytest.mark.parametrize("as_base64", [True, False])
def test_a_file_is_scored(invoke, as_base64):
    answer = invoke("/v1/customerbatch", body=form_of(("file", SAMPLE)), headers=FORM, as_base64=as_base64)

    assert answer.status == 200
    assert len(answer.json) == 120
    assert set(answer.json.values()) == {"Churn", "Not Churn"}


def test_options_and_accept_are_passed_on(invoke):
    content = GOOD + f"B,{ROW}x\n".encode()

    answer = invoke(
        "/v1/customerbatch",
        body=form_of(("file", content)),
        headers={**FORM, "accept": "text/csv"},
        query=[("on_error", "skip")],
        as_base64=True,
    )

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-rejected-rows"] == "1"
    assert answer.body.startswith(b"row,customerID,prediction,probability,tier,error\n1,A,churn,")


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/v1/nothing", "GET", 404, "not_found"),
        ("/v1//customer", "POST", 404, "not_found"),
        ("/v1/customer", "GET", 405, "method_not_allowed"),
        ("/", "BREW", 405, "method_not_allowed"),
    ],
)
def test_unknown_routes_and_methods_are_refused_by_name(invoke, path, method, status, code):
    answer = invoke(path, method)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["instance"] == answer.headers["x-request-id"]


def is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def check(event_kind: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    for as_base64 in [True, False] if is_text(body) else [True]:
        is_long = len(base64.b64encode(body) if as_base64 else body) > limit_of(event_kind)

        answer = read(event_kind, handler.api(event(event_kind, path, body=body, headers=headers, as_base64=as_base64)))

        assert (answer.status, answer.json["code"]) == ((413, "too_large") if is_long else (status, code))
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("body", "status", "code", "words"), BAD_CUSTOMERS.values(), ids=BAD_CUSTOMERS)
def test_a_bad_customer_is_refused(event_kind, body, status, code, words):
    check(event_kind, "/v1/customer", body, {}, status, code)


@pytest.mark.parametrize(("content", "status", "code", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused(event_kind, content, status, code, words):
    check(event_kind, "/v1/customerbatch", form_of(("file", content)), FORM, status, code)


@pytest.mark.parametrize(("body", "status", "code", "words"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_bad_form_is_refused(event_kind, body, status, code, words):
    # Unlike the client of the other test, a gateway states that the length is 0.
    status, code = (400, "bad_form") if body == b"" else (status, code)

    check(event_kind, "/v1/customerbatch", body, FORM, status, code)


def test_the_health_check_of_a_load_balancer_is_answered():
    answer = handler.api(recorded("http_alb_health_check"))

    assert (answer["statusCode"], answer["statusDescription"]) == (200, "200 OK")
