"""Events of HTTP through serverless-wsgi: what it was seen to get wrong, and the limits of what Lambda passes on."""

import base64
import gzip
import json
import os
from pathlib import Path

import pytest
from edges import EDGES, event, read, recorded
from flask import Flask, Response, request
from test_app_nasty import FILES, FORMS, GOOD, HEADER, JSON_BODIES, ROW, form_of

import handler
from app.aws import functions, gateway
from app.aws.gateway import Gateway, Invocation
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER
from model.schema import EXAMPLE

FORM = {"content-type": "multipart/form-data; boundary=cut"}
SAMPLE = (Path(__file__).parents[1] / "data" / "sample.csv").read_bytes()
CUSTOMER = json.dumps(dict(EXAMPLE)).encode()
BALANCED = ["http_alb", "http_alb_multi"]
GATEWAYS = [edge for edge in EDGES if edge not in BALANCED]


@pytest.fixture(params=EDGES)
def edge(request) -> str:
    return request.param


@pytest.fixture
def ask(edge):
    """Ask the function through one edge, and read its answer."""

    def ask(*path_and_method, **options):
        return read(edge, handler.api(event(edge, *path_and_method, **options)))

    return ask


def echo() -> Flask:
    """An app that tells what it was asked, or answers as it is told."""
    app = Flask("echo")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def tell(path):
        environ = {name: value for name, value in request.environ.items() if isinstance(value, str)}
        return {"environ": environ, "args": list(request.args.items(multi=True)), "url": request.url}

    @app.route("/bytes", methods=["POST"])
    def give_back():
        return Response(request.get_data(), content_type="application/octet-stream")

    @app.route("/length/<int:length>")
    def give(length):
        return Response("é" * length, content_type="text/plain; charset=utf-8")

    @app.route("/type")
    def give_type():
        return Response(b"\xff" if "raw" in request.args else "{}", content_type=request.args["type"])

    @app.route("/status/<int:status>")
    def give_status(status):
        return Response(status=status)

    @app.route("/fail")
    def fail():
        raise RuntimeError("0002-EXMPL")

    @app.route("/break")
    def break_off():
        def chunks():
            yield b"half"
            raise RuntimeError("0002-EXMPL")

        return Response(chunks())

    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


@pytest.fixture
def told(edge):
    """Ask the echo through one edge, mounted at the base path given."""

    def told(*path_and_method, base_path="", call=Invocation(), **options):  # noqa: B008 - it is frozen
        made = Gateway(echo(), "1.2.3", base_path).answer(event(edge, *path_and_method, **options), call)
        return read(edge, made)

    return told


# What each edge must answer, as the web server does.


def test_every_edge_answers_the_welcome(ask):
    answer = ask("/", "GET")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["status"] == "ok"


def test_every_edge_answers_a_browser_with_the_page_and_its_own_address(edge, ask):
    page = ask("/", "GET", headers={"accept": "text/html"})

    origin = {
        "http_rest_v1": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/dev/v1/customer",
        "http_function_url": "https://0123456789abcdefghijklmnopqrstuv.lambda-url.eu-central-1.on.aws/v1/customer",
        "http_alb": "https://churn.example.com/v1/customer",
    }
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert origin.get(edge, "/v1/customer") in page.body.decode()


@pytest.mark.parametrize("path", ["/", "/static/page.css"])
def test_every_edge_hands_on_a_packed_answer_as_it_is(ask, path):
    plain = ask(path, "GET", headers={"accept": "text/html"})
    packed = ask(path, "GET", headers={"accept": "text/html", "accept-encoding": "gzip"})

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("path", ["/", "/health"])
def test_every_edge_answers_head_without_a_body(ask, path):
    answer = ask(path, "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-model-version"]


@pytest.mark.parametrize("as_base64", [True, False])
def test_every_edge_scores_a_customer(ask, as_base64):
    answer = ask(body=CUSTOMER, as_base64=as_base64)

    assert (answer.status, answer.json) == (200, {"Prediction": "churn"})


@pytest.mark.parametrize("as_base64", [True, False])
def test_every_edge_scores_a_file(ask, as_base64):
    answer = ask("/v1/customerbatch", body=form_of(("file", SAMPLE)), headers=FORM, as_base64=as_base64)

    assert answer.status == 200
    assert len(answer.json) == 120
    assert set(answer.json.values()) == {"Churn", "Not Churn"}


def test_every_edge_passes_options_and_what_is_accepted_on(ask):
    content = GOOD + f"B,{ROW}x\n".encode()

    answer = ask(
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
def test_every_edge_names_what_is_not_there(ask, path, method, status, code):
    answer = ask(path, method)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["instance"] == answer.headers["x-request-id"]


def limit_of(edge: str) -> int:
    return 1024**2 if edge in BALANCED else 6_291_556


def is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def check(edge: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    for as_base64 in [True, False] if is_text(body) else [True]:
        is_long = len(base64.b64encode(body) if as_base64 else body) > limit_of(edge)

        answer = read(edge, handler.api(event(edge, path, body=body, headers=headers, as_base64=as_base64)))

        assert (answer.status, answer.json["code"]) == ((413, "too_large") if is_long else (status, code))
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("body", "status", "code", "words"), JSON_BODIES.values(), ids=JSON_BODIES)
def test_a_nasty_customer_is_refused_by_name(edge, body, status, code, words):
    check(edge, "/v1/customer", body, {}, status, code)


@pytest.mark.parametrize(("content", "status", "code", "words"), FILES.values(), ids=FILES)
def test_a_nasty_file_is_refused_by_name(edge, content, status, code, words):
    check(edge, "/v1/customerbatch", form_of(("file", content)), FORM, status, code)


@pytest.mark.parametrize(("body", "status", "code", "words"), FORMS.values(), ids=FORMS)
def test_a_nasty_form_is_told_what_to_send(edge, body, status, code, words):
    # Unlike the client of the other test, a gateway says that the length is 0.
    status, code = (400, "bad_form") if body == b"" else (status, code)

    check(edge, "/v1/customerbatch", body, FORM, status, code)


# The body on its way in.


def test_bytes_in_base64_arrive_as_they_were_and_leave_as_base64(edge):
    noise = os.urandom(100_000)
    form = form_of(("file", noise))

    made = Gateway(echo(), "").answer(event(edge, "/bytes", body=form, as_base64=True), Invocation())

    assert made["isBase64Encoded"] is True
    assert read(edge, made).body == form


def test_text_arrives_as_it_was(told):
    text = "\ufeffZoë\0\r\n".encode()

    assert told("/bytes", body=text).body == text


@pytest.mark.parametrize("body", ["churn?", "e30", "e30=\n", "e3 0=", "e30=!", "e30=e30=", "=e30", "e30é"])
def test_what_is_called_base64_and_is_not_is_a_problem(edge, lambda_event, body):
    answer = read(edge, handler.api(lambda_event(edge, isBase64Encoded=True, body=body)))

    assert (answer.status, answer.json["code"]) == (400, "bad_base64")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(GOOD + f"Zoë,{ROW}\n".encode("latin-1"), "damaged_text", id="Latin-1"),
        pytest.param(gzip.compress(SAMPLE), "not_csv", id="gzip"),
    ],
)
def test_bytes_that_a_gateway_took_for_text_are_refused_by_name(ask, content, code):
    answer = ask("/v1/customerbatch", body=form_of(("file", content)), headers=FORM, as_base64=False)

    assert (answer.status, answer.json["code"]) == (422, code)
    assert "U+FFFD" in answer.json["detail"]


@pytest.mark.parametrize("members", [{"body": None}, {"body": ""}, {"body": None, "isBase64Encoded": True}])
def test_an_event_without_a_body_has_none(ask, members):
    answer = ask(**members)

    assert (answer.status, answer.json["code"]) == (400, "no_body")


@pytest.mark.parametrize("members", [{"body": {"tenure": 1}}, {"path": 7, "rawPath": 7}, {"httpMethod": 7}])
def test_an_event_with_members_of_other_types_is_a_problem(edge, members):
    members = {**members, **({"requestContext": None} if "httpMethod" in members else {})}

    answer = handler.api({**event(edge), **members})

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "bad_request"


def test_half_a_surrogate_is_a_problem_and_not_a_fault(ask):
    odd = "\ud800"
    bad = [{"body": f'{{"tenure": "{odd}"}}'}, {"path": f"/{odd}"}, {"method": odd}, {"rawQueryString": odd}]
    bad += [{"headers": {name: odd}} for name in ("Content-Type", "Host", "X-Request-Id", "X-Forwarded-For", "Accept")]
    for options in bad:
        assert 400 <= ask(**options).status < 500


def test_a_long_upload_within_the_limit_is_scored():
    rows = b"".join(b"%06d,%s\n" % (number, ROW.encode()) for number in range(59_000))
    made = event(
        "http_api_v2",
        "/v1/customerbatch",
        body=form_of(("file", HEADER.encode() + b"\n" + rows)),
        headers=FORM,
        as_base64=True,
    )
    assert 6_000_000 < len(json.dumps(made)) < 6_291_556

    answer = read("http_api_v2", handler.api(made))

    assert (answer.status, len(answer.json)) == (200, 59_000)


@pytest.mark.parametrize("as_base64", [True, False])
@pytest.mark.parametrize(("beyond", "status"), [(0, 200), (1, 413)])
def test_the_limit_of_a_body_is_that_of_its_edge(edge, told, as_base64, beyond, status):
    limit = limit_of(edge) * 3 // 4 - 2 if as_base64 else limit_of(edge)
    body = b"x" * (limit + beyond * 3)

    answer = told("/", body=body, as_base64=as_base64)

    assert answer.status == status


def test_a_body_beyond_the_limit_is_told_what_to_do(ask, edge):
    answer = ask("/v1/customerbatch", body=b"x" * 7_000_000, headers=FORM)

    assert answer.json["code"] == "too_large"
    assert f"{limit_of(edge):,} bytes" in answer.json["detail"]
    assert "in parts, or packed by gzip, or drop it into the inbox bucket" in answer.json["detail"]


# The answer on its way out.


def packed(rows: int) -> bytes:
    lines = b"".join(b"%07d,%s\n" % (number, ROW.encode()) for number in range(rows))
    return form_of(("file", gzip.compress(HEADER.encode() + b"\n" + lines, 1)))


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_a_list_that_breaks_off_late_is_a_problem_where_nothing_went_out_yet(accept, capsys):
    rows = b"".join(b"%06d,%s\n" % (number, ROW.encode()) for number in range(40_000))
    file = HEADER.encode() + b"\n" + rows + b'"open,' + ROW.encode()
    made = event(
        "http_api_v2", "/v2/batches", body=form_of(("file", file)), headers={**FORM, "accept": accept}, as_base64=True
    )

    answer = read("http_api_v2", handler.api(made))

    assert (answer.status, answer.json["code"]) == (422, "open_quote")
    assert answer.json["errors"][0]["row"] == 40_001
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["status"], line["code"]) == (422, "open_quote")


@pytest.mark.parametrize(("edge", "rows"), [("http_api_v2", 300_000), ("http_alb", 48_000)])
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_an_answer_that_lambda_would_refuse_is_a_problem_that_says_what_to_do(edge, rows, accept, capsys):
    made = event(edge, "/v1/customerbatch", body=packed(rows), headers={**FORM, "accept": accept}, as_base64=True)

    answer = read(edge, handler.api(made))

    assert (answer.status, answer.json["code"]) == (413, "answer_too_large")
    assert "Send the file in parts" in answer.json["detail"]
    assert ("ask for application/json" in answer.json["detail"]) == (accept == "text/csv")
    assert "drop it into the inbox bucket" in answer.json["detail"]
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["code"], line["route"]) == (413, "answer_too_large", "/v1/customerbatch")
    assert line["bytes_out"] == len(answer.body)


@pytest.mark.parametrize(("edge", "limit"), [("http_api_v2", 6_291_556), ("http_alb", 1_000_000)])
def test_the_limit_of_an_answer_is_that_of_the_runtimes_json(edge, limit):
    ric = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    door = Gateway(echo(), "")

    def length(characters):
        made = door.answer(event(edge, f"/length/{characters}", "GET"), Invocation())
        return made["statusCode"], len(ric.to_json(made))

    _, empty = length(0)
    # "é" is six characters of JSON; the answer tells its length in two digits to seven.
    most = (limit - empty - 6) // 6
    found = [length(characters) for characters in range(most - 3, most + 4)]

    assert found[0][0] == 200
    assert found[-1][0] == 413
    assert max(size for status, size in found if status == 200) > limit - 150
    assert max(size for _, size in found) <= limit


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
def test_text_goes_out_as_text_and_all_else_as_base64(edge, kind, is_text):
    made = Gateway(echo(), "").answer(event(edge, "/type", "GET", query=[("type", kind)]), Invocation())

    assert made["isBase64Encoded"] is not is_text
    assert read(edge, made).body == b"{}"


@pytest.mark.parametrize(("status", "description"), [(204, "204 No Content"), (599, "599 Unknown")])
def test_an_answer_without_content_and_one_of_an_odd_status_go_out(edge, told, status, description):
    answer = told(f"/status/{status}", "GET")

    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(("status", "description"), [(200, "200 OK"), (404, "404 Not Found"), (599, "599 Unknown")])
@pytest.mark.parametrize("balanced", BALANCED)
def test_a_load_balancer_gets_a_description_of_the_status(balanced, status, description):
    made = Gateway(echo(), "").answer(event(balanced, f"/status/{status}", "GET"), Invocation())

    assert made["statusDescription"] == description


@pytest.mark.parametrize("path", ["/fail", "/break", "/type?raw"])
def test_a_fault_of_the_app_is_a_problem_and_one_line_without_data(told, capsys, path):
    query = [("type", "text/csv"), ("raw", "1")] if path == "/type?raw" else []

    answer = told(path.partition("?")[0], "GET", query=query)

    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert answer.json["instance"] in answer.json["detail"]
    failure, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert failure["exception"] in ("RuntimeError", "UnicodeDecodeError")
    assert any(":" in place for place in failure["where"])
    assert "0002-EXMPL" not in json.dumps([failure, line, answer.json])
    assert (line["status"], line["code"], line["request_id"]) == (500, "internal", failure["request_id"])


# Headers, path, address.


def test_names_with_underscores_and_what_says_how_the_body_came_are_dropped(told):
    headers = {
        "X_Forwarded_For": "evil",
        "X Y": "1",
        "Proxy": "evil",
        "Transfer-Encoding": "chunked",
        "Content-Length": "1",
    }

    answer = told("/", body=b"12", headers=headers)

    assert "evil" not in str(answer.json["environ"])
    assert "HTTP_TRANSFER_ENCODING" not in answer.json["environ"]
    assert answer.json["environ"]["CONTENT_LENGTH"] == "2"


def test_cookies_are_neither_read_nor_set(edge, told, ask):
    asked = told("/", "GET", headers={"Cookie": "a=b"}, **({"cookies": ["a=b"]} if "v2" in edge else {}))

    assert "HTTP_COOKIE" not in asked.json["environ"]
    assert not {"set-cookie", "cookies"} & {*asked.headers, *ask("/", "GET").headers, *ask("/x").headers}


@pytest.mark.parametrize("edge", ["http_rest_v1", "http_api_v1", "http_alb_multi"])
def test_a_header_that_came_twice_is_joined(edge):
    made = event(edge, "/", "GET")
    made["multiValueHeaders"]["X-Twice"] = ["a", "b"]

    answer = read(edge, Gateway(echo(), "").answer(made, Invocation()))

    assert answer.json["environ"]["HTTP_X_TWICE"] == "a,b"


def test_the_address_is_the_one_that_the_edge_saw(told):
    answer = told("/", "GET", headers={"X-Forwarded-For": "198.51.100.99, 203.0.113.7"})

    assert answer.json["environ"]["REMOTE_ADDR"] == "203.0.113.7"


def test_a_made_up_host_changes_nothing(edge, told):
    environ = told("/", "GET", headers={"Host": "evil.amazonaws.com"}).json["environ"]

    assert environ["SCRIPT_NAME"] == ("/dev" if edge == "http_rest_v1" else "")
    assert ("evil" in environ["HTTP_HOST"]) == (edge in BALANCED)


@pytest.mark.parametrize(
    ("query", "raw"),
    [([("a b", "c&d=e"), ("a b", "ü%"), ("empty", "")], "a+b=c%26d%3De&a+b=%C3%BC%25&empty=")],
)
def test_options_arrive_as_they_were_sent(edge, told, query, raw):
    answer = told("/", "GET", query=query)

    # What has single values only holds the last one.
    expected = query[1:] if edge == "http_alb" else query
    assert [tuple(pair) for pair in answer.json["args"]] == expected


def test_a_path_arrives_decoded_and_a_question_mark_in_it_is_no_query(told):
    assert told("/a%3Fb/%C3%BC", "GET").json["environ"]["PATH_INFO"].encode("latin-1").decode() == "/a?b/ü"


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
@pytest.mark.parametrize("edge", ["http_api_v1", "http_api_v2", "http_function_url"])
def test_the_stage_is_cut_off_the_path_as_a_whole_segment(edge, stage, path, prefix, rest):
    made = event(edge, path, "GET")
    made["requestContext"]["stage"] = stage

    environ = read(edge, Gateway(echo(), "").answer(made, Invocation())).json["environ"]

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
def test_the_base_path_is_cut_off_as_a_whole_segment(edge, told, path, prefix, rest):
    environ = told(path, "GET", base_path="/churn").json["environ"]

    before = "/dev" if edge == "http_rest_v1" else ""
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
def test_the_stage_of_a_rest_api_stands_beside_its_path(path, whole, prefix):
    made = event("http_rest_v1", path, "GET")
    made["requestContext"]["path"] = whole

    environ = read("http_rest_v1", Gateway(echo(), "").answer(made, Invocation())).json["environ"]

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (prefix, path)


@pytest.mark.parametrize("edge", GATEWAYS)
@pytest.mark.parametrize("member", ["headers", "multiValueHeaders", "requestContext", "authorizer"])
def test_members_that_are_null_or_missing_do_no_harm(edge, member):
    made = event(edge, "/health", "GET")
    if member == "authorizer":
        made["requestContext"]["authorizer"] = None
    elif member == "requestContext":
        made = {**made, "requestContext": {"http": made["requestContext"].get("http")}}
        if "http" not in recorded(edge)["requestContext"]:
            del made["requestContext"]
    else:
        made[member] = None

    assert handler.api(made)["statusCode"] == 200


def test_the_health_check_of_a_load_balancer_is_answered():
    answer = handler.api(recorded("http_alb_health_check"))

    assert (answer["statusCode"], answer["statusDescription"]) == (200, "200 OK")


# Ids, and what is said of a request.

ROOT = "Root=1-6921d5a1-0e2f3a4b5c6d7e8f90a1b2c3;Parent=0123456789abcdef;Sampled=1"
CALL = Invocation("c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "churn-api", ROOT.replace("6921", "0000"), is_cold=True)


def line_of(capsys) -> dict[str, object]:
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_without_an_id_of_the_client_the_request_has_that_of_lambda(ask, edge, capsys):
    made = Gateway(functions._GATEWAY._app, "1").answer(event(edge, "/health", "GET"), CALL)

    assert read(edge, made).headers["x-request-id"] == CALL.aws_request_id
    line = line_of(capsys)
    assert line["request_id"] == line["aws_request_id"] == CALL.aws_request_id


def test_an_id_of_the_client_stands_beside_that_of_lambda(edge, capsys):
    made = event(edge, "/health", "GET", headers={"X-Request-Id": "mine-1"})

    answer = read(edge, Gateway(functions._GATEWAY._app, "1").answer(made, CALL))

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
def test_a_request_is_logged_with_its_trace(edge, capsys, headers, trace_id):
    made = event(edge, "/health", "GET", headers=headers)

    Gateway(functions._GATEWAY._app, "1").answer(made, CALL)

    assert line_of(capsys).get("trace_id") == trace_id


def test_without_a_header_the_trace_is_that_of_the_invocation(capsys):
    made = event("http_api_v2", "/health", "GET")
    del made["headers"]["x-amzn-trace-id"]

    Gateway(functions._GATEWAY._app, "1").answer(made, CALL)

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


def test_no_line_holds_what_the_client_sent(capsys):
    made = event(
        "http_api_v2", body=CUSTOMER[:-1], headers={"X-Secret": "s3cret"}, query=[("token", "s3cret")], as_base64=False
    )

    handler.api(made)

    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert "203.0.113.7" not in out
    assert not [value for value in EXAMPLE.values() if isinstance(value, str) and len(value) > 3 and value in out]


def test_the_limits_are_those_that_aws_states():
    assert (API_GATEWAY.max_in, API_GATEWAY.max_out) == (6_291_556, 6_291_556)
    assert (LOAD_BALANCER.max_in, LOAD_BALANCER.max_out) == (1_048_576, 1_000_000)
    assert gateway.serverless_wsgi.TEXT_MIME_TYPES.count("application/problem+json") == 1
