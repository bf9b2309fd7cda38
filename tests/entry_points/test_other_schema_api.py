"""How the service describes a wholly different schema: description, JSON Schema, template, sample, model and page."""

import csv
import html
import io
import json
import re
import shlex

import jsonschema_rs
import pytest
from openapi_checks import check_examples, operations
from openapi_requests import Uploads
from openapi_spec_validator import validate
from other_schema import (
    CURRENCY,
    GOOD,
    ID,
    NAMES,
    ORDERS,
    OTHER,
    PLAN,
    REGION,
    SCORECARD,
    SHOPPERS,
    VISIT,
    Shop,
    cells_of,
    expect,
    open_shop,
)
from shipped import NAMES as SHIPPED_NAMES

from app.settings import Settings
from app.web import create_app
from model.engine import load_scorer


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), request.param)


@pytest.fixture(scope="module")
def client(shop):
    return create_app(load_scorer(models=str(shop.models)), Settings(), uploads=Uploads).test_client()


@pytest.fixture(scope="module")
def document(client) -> dict:
    return client.get("/openapi.json").json


def test_the_description_is_valid_and_its_examples_are_answered_as_promised(document, client):
    validate(document)

    answered = check_examples(document, client)

    posts = {route for route, _ in operations(document) if route.startswith("POST")}
    assert answered >= posts - {"POST /v2/uploads"}


def test_the_description_names_the_features_and_no_other(document, shop):
    customer = document["components"]["schemas"]["Customer"]

    assert list(customer["properties"]) == [*([ID] if shop.ids else []), *NAMES]
    text = json.dumps(document, ensure_ascii=False)
    assert [name for name in (*SHIPPED_NAMES, "customerID") if re.search(rf"\b{name}\b", text)] == []
    assert ("value_at_risk" in text) == bool(shop.ids)


def test_every_good_customer_fits_the_schema(client, shop):
    schema = client.get("/v2/schema").json
    validator = jsonschema_rs.Draft202012Validator(schema)

    for number, shopper in enumerate(SHOPPERS):
        validator.validate({**shopper.typed, **shop.identity(number)})
    assert set(schema["required"]) == set(NAMES) - {PLAN, ORDERS, VISIT}
    for wrong in ({REGION: "x"}, {REGION: None}, {ORDERS: -1}, {ORDERS: 1.5}, {PLAN: 3}, {VISIT: "1"}):
        assert not validator.is_valid({**GOOD.typed, **wrong}), wrong


def test_the_template_is_the_example_and_scores(client, shop):
    template = client.get("/v2/template.csv")

    answer = client.post("/v2/batches", data=template.data, content_type="text/csv")

    (row,) = csv.DictReader(io.StringIO(template.text))
    assert list(row) == [*([ID] if shop.ids else []), *NAMES]
    assert [line["probability"] for line in cells_of(answer.text)] == [expect(shop.schema["example"]).printed]


def test_the_sample_scores_but_for_its_mistakes(client):
    sample = client.get("/v2/sample.csv")

    summary = client.post(
        "/v2/batches", data=sample.data, headers={"Content-Type": "text/csv", "Accept": "application/json"}
    ).json

    assert summary["rows_in"] == 1000
    assert summary["rows_rejected"] == 3
    assert sample.text == client.get("/v2/sample.csv").text
    rows = cells_of(sample.text)
    # Missing and new words are as frequent as in the training data: a tenth and a fifth.
    assert 60 < sum(not row[PLAN] for row in rows) < 140
    plans = {*SCORECARD["terms"][0]["table"], ""}
    assert 140 < sum(row[PLAN] not in plans for row in rows) < 260
    assert max(drift for drift in summary["drift"].values() if drift is not None) < 0.25


def test_the_model_is_described_with_pairs_steps_missing_and_other_words(client):
    info = client.get("/v2/model").json

    assert info["horizon"] == "within 30 days of the last order"
    pairs = [{name: term[name] for name in ("features", "edges", "points")} for term in info["terms"][8:]]
    assert [*info["terms"][:8], *pairs] == [*SCORECARD["terms"], *SCORECARD["pairs"]]
    assert OTHER not in info["terms"][0]["table"]


def test_the_page_has_a_field_for_each_feature_and_no_telecom_word(client, shop):
    page = client.get("/", headers={"Accept": "text/html"}).text

    assert re.findall(r'<div class="field[^>]* data-feature="([^"]*)"', page)[: len(NAMES)] == NAMES
    assert [name for name in SHIPPED_NAMES if re.search(rf"\b{name}\b", page)] == []
    assert ("Money at risk" in page) == bool(shop.ids)
    assert (CURRENCY in page) == bool(shop.ids)
    assert "within 30 days of the last order" in page


def test_problems_and_events_are_logged_without_a_customer(client, capsys):
    client.post("/v2/customers", json={**GOOD.row, REGION: "Atlantis"})

    assert "Atlantis" not in capsys.readouterr().out


def test_the_command_on_the_page_survives_an_apostrophe_in_a_word(client, shop):
    page = html.unescape(client.get("/", headers={"Accept": "text/html"}).text)
    command = page.partition("<code>curl ")[2].partition("</code>")[0]

    *_, body = shlex.split(command)

    assert json.loads(body) == shop.schema["example"]
    assert "O'Brien" in shop.schema["example"][PLAN]
