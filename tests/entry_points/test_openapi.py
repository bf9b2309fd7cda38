"""The API description is complete and true: routes, options, examples, kinds of answer."""

import io
import json
import re

import jsonschema_rs
import pytest
from openapi_checks import check_described, check_examples, codes_of, content_of, operations
from openapi_requests import BAD, GOOD, Uploads
from shipped import BY_NAME, CUSTOMER_ID, EXAMPLE, NAMES

from app.web import openapi, query_options
from app.web.errors import STATUSES
from model.outputs import PROBABILITY_INTERVAL
from model.schema import Categorical, Numeric

# Of no route; always caught by too_large first; the answer to an option that is described for other models only.
NOWHERE = {"method_not_allowed", "too_many_bytes", "no_interval", "broken_interval"}

# Only where keys or a limit are set: see tests/entry_points/test_keys.py.
GUARDS = {"no_key", "wrong_key", "key_in_query", "too_many_requests"}


@pytest.fixture(scope="module")
def app(described_app):
    return described_app


def test_every_route_is_described_and_no_other(app, document):
    served = {
        f"{method} {rule.rule.replace('<path:name>', '{name}').replace('<id>', '{id}')}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert {route for route, _ in operations(document)} == served


def test_every_code_is_described(document):
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(STATUSES)
    assert set().union(*(codes_of(item) for _, item in operations(document))) == set(STATUSES) - NOWHERE - GUARDS


def test_every_option_is_described(document):
    described = {
        route: [parameter["name"] for parameter in operation["parameters"]] for route, operation in operations(document)
    }

    def of_the_model(known):
        return [option.name for option in known if option.output != PROBABILITY_INTERVAL]  # 1.0.0 has none.

    assert described["POST /v2/customers"] == of_the_model(query_options.CUSTOMERS)
    assert described["POST /v2/what-if"] == of_the_model(query_options.WHAT_IF)
    assert described["POST /v2/batches"] == of_the_model(query_options.BATCHES)


def test_the_features_are_those_of_the_schema(document):
    properties = document["components"]["schemas"]["Customer"]["properties"]

    assert list(properties) == [CUSTOMER_ID, *NAMES]
    for name, feature in BY_NAME.items():
        if isinstance(feature, Categorical):
            assert properties[name]["enum"] == list(feature.values)
        else:
            assert isinstance(feature, Numeric)
            assert (properties[name]["minimum"], properties[name]["maximum"]) == (feature.minimum, feature.maximum)


def test_every_reference_resolves_and_every_component_is_used(document):
    text = json.dumps(document)

    references = set(re.findall(r'"#/components/(\w+/[\w-]+)"', text))

    assert references == {f"{kind}/{name}" for kind, actual in document["components"].items() for name in actual} - {
        # Of a line of NDJSON, which OpenAPI 3.1 cannot describe; named in words.
        "schemas/Row"
    }
    assert len({operation["operationId"] for _, operation in operations(document)}) == len(list(operations(document)))


def test_the_description_names_the_base_path_of_the_app(app):
    answer = app.test_client().get("/openapi.json", environ_overrides={"SCRIPT_NAME": "/prod"})

    assert answer.json["servers"] == [{"url": "/prod"}]


def test_the_examples_are_answered_as_promised(document, client):
    answered = check_examples(document, client)

    posts = {route for route, _ in operations(document) if route.startswith("POST")}
    # Each of its answers is another one.
    assert answered >= posts - {"POST /v2/uploads"}


def test_every_kind_of_answer_is_as_described(document, client):
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
    assert [item["row"] for item in rows] == [1, 2]
    for item in rows:
        jsonschema_rs.Draft202012Validator(row).validate(item)
    jsonschema_rs.Draft202012Validator({**row, "$ref": "#/components/schemas/Summary"}).validate(last["summary"])


def test_the_version_of_the_description_is_that_of_the_api(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == openapi.VERSION
