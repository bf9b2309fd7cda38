"""The API description is complete and true: routes, options, kinds of body, statuses, codes, examples; and its page."""

import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from app.settings import Settings
from app.web import create_app, docs, openapi, query_options
from app.web.problems import KINDS
from model.errors import ChurnError
from model.schema import BY_NAME, CUSTOMER_ID, EXAMPLE, NAMES, Categorical, Numeric

DATA = Path(__file__).parents[1] / "data"
HEADER = ",".join([CUSTOMER_ID, *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
WRONG = ROW.replace("Fiber optic", "Fibre")
GOOD = f"{HEADER}\na,{ROW}\n".encode()
BAD = f"{HEADER}\na,{ROW.replace('70.35', 'lots')}\n".encode()
FORM = "multipart/form-data; boundary=cut"

# Codes that any request can be answered with, and where it is shown that they are: test_wsgi.py, test_app.py and
# test_server.py.
ANYWHERE = {
    *("bad_request", "bad_base64", "no_host", "long_address", "long_headers", "expectation", "transfer_coding"),
    *("too_slow", "small_chunks", "busy", "no_room", "internal"),
}
# Of no route, or (the last) always caught by too_large first.
NOWHERE = {"method_not_allowed", "too_many_bytes"}
# Only where keys or a limit are set: see tests/entry_points/test_keys.py.
GUARDS = {"no_key", "wrong_key", "key_in_query", "too_many_requests"}


class Uploads:
    """A store that knows one job, which is always done. The real one: test_uploads.py."""

    origins = ()
    job = "0" * 32

    def create_upload(self, owner: str) -> dict[str, object]:
        sent = {"url": "https://inbox.s3.eu-central-1.amazonaws.com/", "fields": {"key": f"incoming/uploads/{owner}"}}
        return {"id": self.job, **sent, "max_bytes": 10, "expires": "2026-11-24T17:00:00Z"}

    def get_job(self, owner: str, upload_id: str) -> dict[str, object] | None:
        return {"id": self.job, "status": "waiting", "uploaded": True, "bytes": 10} if upload_id == self.job else None


def no_uploads() -> Uploads:
    raise ChurnError("S3 failed to list s3://inbox/ (SlowDown).")


@pytest.fixture(scope="module")
def app(scorer):
    return create_app(scorer, Settings(), uploads=Uploads)


@pytest.fixture(scope="module")
def document(app) -> dict:
    return app.test_client().get("/openapi.json").json


def operations(document: dict) -> Iterator[tuple[str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def content_of(operation: dict) -> dict:
    """Return the kinds of answer that are no refusal."""
    (found,) = [each["content"] for status, each in operation["responses"].items() if status[0] == "2"]
    return found


def codes_of(operation: dict) -> set[str]:
    refusals = [each for status, each in operation["responses"].items() if status[0] != "2"]
    schemas = [each["content"]["application/problem+json"]["schema"] for each in refusals]
    return {code for schema in schemas for code in schema["allOf"][1]["properties"]["code"]["enum"]}


def check_described(document: dict, route: str, answer) -> None:
    """Hold status, kind and body of an answer to what is said of them."""
    method, path = route.split()
    described = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    content = described["content"].get(answer.mimetype) or described["content"]["*/*"]
    assert set(described.get("headers", {})) <= set(answer.headers.keys())
    if answer.is_json or answer.mimetype == "application/problem+json":
        schema = {**content["schema"], "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json)


def test_every_route_is_described_and_no_other(app, document):
    served = {
        f"{method} {rule.rule.replace('<path:name>', '{name}').replace('<id>', '{id}')}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert {route for route, _ in operations(document)} == served


def test_every_code_is_described(document):
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(KINDS)
    assert set().union(*(codes_of(each) for _, each in operations(document))) == set(KINDS) - NOWHERE - GUARDS


def test_every_option_is_described(document):
    described = {route: [each["name"] for each in operation["parameters"]] for route, operation in operations(document)}

    assert described["POST /v2/customers"] == [each.name for each in query_options.CUSTOMERS]
    assert described["POST /v2/what-if"] == [each.name for each in query_options.WHAT_IF]
    assert described["POST /v2/batches"] == [each.name for each in query_options.BATCHES]


def test_the_features_are_those_of_the_schema(document):
    properties = document["components"]["schemas"]["Customer"]["properties"]

    assert list(properties) == [CUSTOMER_ID, *NAMES]
    for name, feature in BY_NAME.items():
        if isinstance(feature, Categorical):
            assert properties[name]["enum"] == list(feature.values)
        else:
            assert isinstance(feature, Numeric)
            assert (properties[name]["minimum"], properties[name]["maximum"]) == (feature.minimum, feature.maximum)


def test_every_reference_leads_somewhere_and_every_component_is_referred_to(document):
    text = json.dumps(document)

    references = set(re.findall(r'"#/components/(\w+/[\w-]+)"', text))

    assert references == {f"{kind}/{name}" for kind, found in document["components"].items() for name in found} - {
        # Of a line of NDJSON, which OpenAPI 3.1 cannot describe; named in words.
        "schemas/Row"
    }
    assert len({operation["operationId"] for _, operation in operations(document)}) == len(list(operations(document)))


def test_the_description_stands_below_the_path_at_which_the_app_does(app):
    answer = app.test_client().get("/openapi.json", environ_overrides={"SCRIPT_NAME": "/prod"})

    assert answer.json["servers"] == [{"url": "/prod"}]


def examples(document: dict) -> Iterator[tuple[str, str, str | None, object, str, object]]:
    """Yield route, name, kind and content of a request, kind and content of its answer."""
    for route, operation in operations(document):
        asked = operation.get("requestBody", {"content": {}})["content"]
        for kind, media in content_of(operation).items():
            for name, promised in media.get("examples", {}).items():
                sent = [
                    (each, found["examples"][name])
                    for each, found in asked.items()
                    if name in found.get("examples", {})
                ]
                for taken, content in sent or [(None, {"value": None})]:
                    yield route, name, taken, content["value"], kind, promised["value"]


def test_the_examples_are_answered_as_promised(document, client):
    found = list(examples(document))

    for route, _, taken, content, kind, promised in found:
        method, path = route.split()
        sent = {"data": content, "content_type": taken}
        if taken == "application/json":
            sent = {"json": content}
        elif taken == "multipart/form-data":
            sent = {"data": {name: (io.BytesIO(text.encode()), "x.csv") for name, text in content.items()}}
        answer = client.open(path, method=method, headers={"Accept": kind}, **sent)
        check_described(document, route, answer)
        assert (answer.json if kind == "application/json" else answer.text) == promised

    posts = {route for route, _ in operations(document) if route.startswith("POST")}
    # Each of its answers is another one.
    assert {route for route, *_ in found} >= posts - {"POST /v2/uploads"}


def json_requests(path: str) -> dict[str, dict]:
    wrap = (lambda value: {"customer": value}) if path == "/v2/what-if" else (lambda value: value)

    def body(value: object) -> dict:
        return {"data": json.dumps(wrap(value)), "content_type": "application/json"}

    def raw(data: bytes, content_type: str = "application/json", **headers: str) -> dict:
        return {"data": data, "headers": {"Content-Type": content_type, **headers}}

    found = {
        "no_body": raw(b""),
        "not_json": raw(b"{"),
        "not_utf8": raw(b'"\xff"'),
        "too_deep": raw(b"[" * 100_000),
        "repeated_key": raw(b'{"a": 1, "a": 2}'),
        "too_large": raw(b" " * 2_000_000),
        "send_json": raw(b"{}", "text/csv"),
        "send_utf8": raw(b"{}", "application/json; charset=utf-16"),
        "send_unpacked": raw(b"{}", **{"Content-Encoding": "gzip"}),
        "wrapped": body({"data": dict(EXAMPLE)}),
        "bad_customer": body({**EXAMPLE, "tenure": -1}),
    }
    if path != "/v2/customers":
        found["not_an_object"] = body([])
    if path != "/v1/customer":
        found["bad_option"] = body(dict(EXAMPLE)) | {"query_string": "threshold=2"}
        found["unknown_option"] = body(dict(EXAMPLE)) | {"query_string": "treshold=0.2"}
        found["wrong_shape"] = raw(b"3")
    if path == "/v2/customers":
        found["unknown_member"] = body({"customers": [dict(EXAMPLE)], "reasons": 3})
        found["too_many_entries"] = body({"customers": [1] * 1001})
        found["answer_too_large"] = body({"customers": [{}] * 1000})
    if path == "/v2/what-if":
        changes = {"customer": dict(EXAMPLE), "changes": {"tenure": -1}}
        found["unknown_member"] = raw(json.dumps(dict(EXAMPLE)).encode())
        found["missing_member"] = raw(b"{}")
        found["too_many_entries"] = raw(json.dumps({**changes, "changes": [{}] * 1001}).encode())
        found["bad_changes"] = raw(json.dumps(changes).encode())
    return found


def in_form(*contents: bytes, name: str = "file", **headers: str) -> dict:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
    body = b"".join(head + content + b"\r\n" for content in contents) + b"--cut--\r\n"
    return {"data": body, "headers": {"Content-Type": FORM, **headers}}


SKIP = {"/v1/customerbatch": "on_error=skip"}
"""Else its bad rows are what is wrong with a file."""


def file_requests(path: str) -> dict[str, dict]:
    many = f"a,{ROW}\n".encode() * 16_000
    contents = {
        "empty_file": b"",
        "header_too_long": b"x" * 1_200_000,
        "record_too_long": GOOD + b"x" * 1_200_000,
        "damaged_gzip": gzip.compress(GOOD)[:-8] + bytes(8),
        "gzip_ratio": gzip.compress(GOOD + (b" " * 900_000 + b"\n") * 20),
        "encoding": GOOD.replace(b"\n", b",\xe9\n", 1) + f"\xe9,{ROW}\n".encode(),
    }
    of_files = {
        "no_header": "no_header.csv",
        "missing_columns": "missing_columns.csv",
        "duplicate_columns": "duplicate_columns.csv",
        "not_csv": "image.csv",
        "binary": "utf16_without_bom.csv",
        "open_quote": "open_quote.csv",
        "wrong_separator": "pipes.csv",
        "quoted_lines": "quoted_lines.csv",
        "mixed_decimals": "mixed_decimals.csv",
        "truncated_gzip": "truncated_gzip.csv.gz",
        "damaged_text": "damaged_letters.csv",
    }
    contents |= {code: (DATA / name).read_bytes() for code, name in of_files.items()}
    # JSON, because an answer row by row begins before the end of a long file is seen.
    found = {code: in_form(content, Accept="application/json") for code, content in contents.items()}
    found |= {
        "bad_form": {"data": b"nothing", "headers": {"Content-Type": FORM}},
        "no_file": in_form(GOOD, name="upload"),
        "several_files": in_form(GOOD, GOOD),
        "form_too_large": in_form(*[b""] * 1200),
        "too_large": {**in_form(b"x" * 5000), "settings": Settings(max_upload_bytes=4096)},
        "send_unpacked": in_form(GOOD, **{"Content-Encoding": "br"}),
        "unknown_charset": {**in_form(GOOD), "query_string": "charset=klingon"},
        "no_byte_order_mark": {**in_form(GOOD), "query_string": "charset=utf-16"},
        "bad_rows": {**in_form(BAD), "query_string": "on_error=refuse"},
        "bad_option": {**in_form(GOOD), "query_string": "on_error=maybe"},
        "too_many_columns": in_form(GOOD.partition(b"\n")[0] + b",x" * 20_000),
        "too_many_rows": {**in_form(GOOD + many), "settings": Settings(max_rows=2)},
        "answer_too_large": {**in_form(GOOD + many, Accept="text/csv"), "settings": Settings(max_answer_bytes=8192)},
        "too_much_work": {**in_form(GOOD + f"x,{WRONG}\n".encode() * 20_000), "query_string": SKIP.get(path, "")},
    }
    if path.startswith("/v1"):
        found |= {
            "send_form": {"data": GOOD, "content_type": "text/csv"},
            "duplicate_id": in_form(GOOD + f"a,{ROW}\n".encode()),
        }
    else:
        found |= {
            "send_csv": {"data": GOOD, "content_type": "application/json"},
            "unknown_option": {**in_form(GOOD), "query_string": "onerror=refuse"},
            "not_acceptable": in_form(GOOD, Accept="image/png"),
        }
    return found


REFUSED = {
    **{f"POST {path}": json_requests(path) for path in ("/v1/customer", "/v2/customers", "/v2/what-if")},
    **{f"POST {path}": file_requests(path) for path in ("/v1/customerbatch", "/v2/batches")},
    "POST /v2/uploads": {
        "unknown_option": {"query_string": "size=3"},
        "file_elsewhere": in_form(GOOD),
        "uploads_not_configured": {"uploads": None},
        "uploads_unavailable": {"uploads": no_uploads},
    },
    "GET /v2/jobs/{id}": {
        "unknown_option": {"query_string": "wait=3"},
        "unknown_job": {},
        "uploads_not_configured": {"uploads": None},
        "uploads_unavailable": {"uploads": no_uploads},
    },
    "GET /static/{name}": {"not_found": {}},
}


def test_every_described_code_of_a_route_is_tried_below(document):
    described = {route: codes_of(operation) - ANYWHERE for route, operation in operations(document)}

    assert {route: codes for route, codes in described.items() if codes} == {
        route: set(tried) for route, tried in REFUSED.items()
    }


@pytest.mark.parametrize(
    ("route", "code"), [pytest.param(route, code, id=f"{route} {code}") for route in REFUSED for code in REFUSED[route]]
)
def test_every_described_code_is_answered_as_described(document, scorer, app, route, code):
    sent = dict(REFUSED[route][code])
    made = {name: sent.pop(name) for name in ("settings", "uploads") if name in sent}
    client = (create_app(scorer, **{"settings": Settings(), **made}) if made else app).test_client()
    method, path = route.split()

    answer = client.open(path, method=method, **sent)

    assert answer.mimetype == "application/problem+json", answer.text[:300]
    assert answer.json["code"] == code
    check_described(document, route, answer)


def test_every_kind_of_answer_is_seen(document, client):
    for route, operation in operations(document):
        method, path = route.split()
        for kind in content_of(operation):
            sent = {"data": {"file": (io.BytesIO(GOOD), "x")}} if "batch" in path else {"json": dict(EXAMPLE)}
            if path == "/v2/what-if":
                sent = {"json": {"customer": dict(EXAMPLE)}}
            sent = {} if path == "/v2/uploads" else sent
            named = path.format(name="docs.js", id=Uploads.job)
            answer = client.open(named, method=method, headers={"Accept": kind}, **sent)

            assert answer.status_code < 300
            assert kind in {answer.mimetype, "*/*"}
            check_described(document, route, answer)


def test_every_line_of_ndjson_is_a_row_or_the_summary(document, client):
    answer = client.post(
        "/v2/batches?value_at_risk=true&reasons=all&include_input=true",
        data=GOOD + BAD.partition(b"\n")[2],
        headers={"Content-Type": "text/csv", "Accept": "application/x-ndjson"},
    )

    *rows, last = map(json.loads, answer.text.splitlines())
    row = {"$ref": "#/components/schemas/Row", "components": document["components"]}
    assert [each["row"] for each in rows] == [1, 2]
    for each in rows:
        jsonschema_rs.Draft202012Validator(row).validate(each)
    jsonschema_rs.Draft202012Validator({**row, "$ref": "#/components/schemas/Summary"}).validate(last["summary"])


def test_the_page_asks_for_our_own_files_only(client):
    page = client.get("/docs")

    policy = page.headers["Content-Security-Policy"].partition("frame-ancestors")[0]
    asked = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert page.content_type == "text/html; charset=utf-8"
    assert "unsafe" not in policy
    assert set(re.findall(r"https?:\S+", policy + page.text)) == set()
    assert asked[0] == "data:,"
    assert [client.get(f"/{each}").status_code for each in asked[1:]] == [200] * 4


FOR_EVER = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "kind", "cache"),
    [
        ("docs.js", "text/javascript", "no-cache"),
        (f"{docs.VIEWER}/swagger-ui-bundle.js", "text/javascript", FOR_EVER),
        (f"{docs.VIEWER}/swagger-ui.css", "text/css", FOR_EVER),
        (f"{docs.VIEWER}/LICENSE.txt", "text/plain", FOR_EVER),
    ],
)
def test_a_file_has_its_type_and_is_kept_where_its_path_has_a_version(client, name, kind, cache):
    answer = client.get(f"/static/{name}")

    assert (answer.status_code, answer.content_type) == (200, f"{kind}; charset=utf-8")
    assert answer.headers["Cache-Control"] == cache
    assert len(answer.data) > 100


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "vendor", "vendor/", "docs.js/", "docs.js%00", "DOCS.JS", "./docs.js", "../static/docs.js"),
        *("../v2.py", "../templates/home.html", "vendor/../../v2.py", "%2e%2e/v2.py", "..%2fv2.py", "..%5cv2.py"),
        *("//etc/passwd", "%2fetc%2fpasswd"),
    ],
)
def test_a_name_that_is_no_file_of_the_pages_leads_nowhere(client, name):
    answer = client.get(f"/static/{name}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_the_version_of_the_description_is_that_of_the_api(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == openapi.VERSION
