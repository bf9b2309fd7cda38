"""Headers, path, query, address and base path of a request through the Lambda gateway."""

import pytest
from echo import echo
from http_events import BALANCERS, GATEWAYS, event, read, recorded

import handler
from app.aws.gateway import Gateway, Invocation


def test_headers_with_underscores_and_those_about_the_transfer_are_dropped(invoke_echo):
    headers = {
        "X_Forwarded_For": "evil",
        "X Y": "1",
        "Proxy": "evil",
        "Transfer-Encoding": "chunked",
        "Content-Length": "1",
    }

    answer = invoke_echo("/", body=b"12", headers=headers)

    assert "evil" not in str(answer.json["environ"])
    assert "HTTP_TRANSFER_ENCODING" not in answer.json["environ"]
    assert answer.json["environ"]["CONTENT_LENGTH"] == "2"


def test_cookies_are_neither_read_nor_set(event_kind, invoke_echo, invoke):
    answer = invoke_echo("/", "GET", headers={"Cookie": "a=b"}, **({"cookies": ["a=b"]} if "v2" in event_kind else {}))

    assert "HTTP_COOKIE" not in answer.json["environ"]
    assert not {"set-cookie", "cookies"} & {*answer.headers, *invoke("/", "GET").headers, *invoke("/x").headers}


@pytest.mark.parametrize("event_kind", ["http_rest_v1", "http_api_v1", "http_alb_multi"])
def test_a_repeated_header_is_joined(event_kind):
    request_event = event(event_kind, "/", "GET")
    request_event["multiValueHeaders"]["X-Twice"] = ["a", "b"]

    answer = read(event_kind, Gateway(echo(), "").answer(request_event, Invocation()))

    assert answer.json["environ"]["HTTP_X_TWICE"] == "a,b"


def test_the_client_address_is_the_one_that_the_gateway_saw(invoke_echo):
    answer = invoke_echo("/", "GET", headers={"X-Forwarded-For": "198.51.100.99, 203.0.113.7"})

    assert answer.json["environ"]["REMOTE_ADDR"] == "203.0.113.7"


def test_an_invented_host_changes_nothing(event_kind, invoke_echo):
    environ = invoke_echo("/", "GET", headers={"Host": "evil.amazonaws.com"}).json["environ"]

    assert environ["SCRIPT_NAME"] == ("/dev" if event_kind == "http_rest_v1" else "")
    assert ("evil" in environ["HTTP_HOST"]) == (event_kind in BALANCERS)


@pytest.mark.parametrize(
    ("query", "raw"),
    [([("a b", "c&d=e"), ("a b", "ü%"), ("empty", "")], "a+b=c%26d%3De&a+b=%C3%BC%25&empty=")],
)
def test_options_arrive_as_they_were_sent(event_kind, invoke_echo, query, raw):
    answer = invoke_echo("/", "GET", query=query)

    # What has single values only holds the last one.
    expected = query[1:] if event_kind == "http_alb" else query
    assert [tuple(pair) for pair in answer.json["args"]] == expected


def test_a_path_arrives_decoded_and_its_question_mark_does_not_begin_a_query(invoke_echo):
    assert invoke_echo("/a%3Fb/%C3%BC", "GET").json["environ"]["PATH_INFO"].encode("latin-1").decode() == "/a?b/ü"


@pytest.mark.parametrize(
    ("stage", "path", "prefix", "rest"),
    [
        ("dev", "/dev/v1/customer", "/dev", "/v1/customer"),
        ("dev", "/dev", "/dev", "/"),
        ("dev", "/devx/v1/customer", "", "/devx/v1/customer"),
        ("dev", "/v1/customer", "", "/v1/customer"),
        ("$default", "/v1/customer", "", "/v1/customer"),
        ("$default", "/$default/v1", "", "/$default/v1"),
    ],
)
@pytest.mark.parametrize("event_kind", ["http_api_v1", "http_api_v2", "http_function_url"])
def test_the_stage_is_cut_off_the_path_as_a_whole_segment(event_kind, stage, path, prefix, rest):
    request_event = event(event_kind, path, "GET")
    request_event["requestContext"]["stage"] = stage

    environ = read(event_kind, Gateway(echo(), "").answer(request_event, Invocation())).json["environ"]

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (prefix, rest)


@pytest.mark.parametrize(
    ("path", "prefix", "rest"),
    [
        ("/churn/v1/customer", "/churn", "/v1/customer"),
        ("/churn", "/churn", "/"),
        ("/churned/v1", "", "/churned/v1"),
        ("/v1/customer", "", "/v1/customer"),
        ("/x/churn/v1", "", "/x/churn/v1"),
    ],
)
def test_the_base_path_is_cut_off_as_a_whole_segment(event_kind, invoke_echo, path, prefix, rest):
    environ = invoke_echo(path, "GET", base_path="/churn").json["environ"]

    before = "/dev" if event_kind == "http_rest_v1" else ""
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (before + prefix, rest)


@pytest.mark.parametrize(
    ("path", "whole", "prefix"),
    [
        ("/v1/customer", "/dev/v1/customer", "/dev"),
        ("/", "/dev/", "/dev"),
        ("/", "/dev", "/dev"),
        ("/v1/", "/dev/v1/", "/dev"),
        ("/", "/", ""),
        ("/v1/customer", "/v1/customer", ""),
        ("/v1/customer", "/elsewhere", ""),
        ("/v1/customer", None, ""),
    ],
)
def test_the_stage_of_a_rest_api_is_read_from_its_whole_path(path, whole, prefix):
    request_event = event("http_rest_v1", path, "GET")
    request_event["requestContext"]["path"] = whole

    environ = read("http_rest_v1", Gateway(echo(), "").answer(request_event, Invocation())).json["environ"]

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (prefix, path)


@pytest.mark.parametrize("event_kind", GATEWAYS)
@pytest.mark.parametrize("member", ["headers", "multiValueHeaders", "requestContext", "authorizer"])
def test_null_or_missing_members_do_no_harm(event_kind, member):
    request_event = event(event_kind, "/health", "GET")
    if member == "authorizer":
        request_event["requestContext"]["authorizer"] = None
    elif member == "requestContext":
        request_event = {**request_event, "requestContext": {"http": request_event["requestContext"].get("http")}}
        if "http" not in recorded(event_kind)["requestContext"]:
            del request_event["requestContext"]
    else:
        request_event[member] = None

    assert handler.api(request_event)["statusCode"] == 200
