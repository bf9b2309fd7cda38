"""CORS: off unless origins are set, and then for them only."""

import pytest

from app.settings import Settings, SettingsError
from app.web import create_app

CRM, OTHER = "https://crm.example.com", "https://other.example.com"
PREFLIGHT = {"Origin": CRM, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}


def client_for(scorer, value: str, **more):
    settings = Settings.from_environment({"CHURN_CORS_ORIGINS": value, **more})
    return create_app(scorer, settings).test_client()


@pytest.fixture
def shared(scorer):
    return client_for(scorer, f"{CRM}, http://localhost:3000")


def test_it_is_off_by_default(client, customer):
    preflight = client.options("/v1/customer", headers=PREFLIGHT)
    answer = client.post("/v1/customer", json=customer, headers={"Origin": CRM})

    assert not [name for name in [*preflight.headers.keys(), *answer.headers.keys()] if name.startswith("Access-")]
    assert "Origin" not in answer.vary


def test_a_listed_origin_may_ask_and_read(shared, customer):
    preflight = shared.options("/v1/customer", headers=PREFLIGHT)
    answer = shared.post("/v1/customer", json=customer, headers={"Origin": CRM})

    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == CRM
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type, X-Api-Key, X-Request-Id"
    assert answer.headers["Access-Control-Allow-Origin"] == CRM
    assert {"X-Request-Id", "X-Model-Version", "X-Rejected-Rows"} <= set(
        answer.headers["Access-Control-Expose-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_an_origin_is_answered_unchanged(shared):
    answer = shared.get("/health", headers={"Origin": "http://LOCALHOST:3000"})

    assert answer.headers["Access-Control-Allow-Origin"] == "http://LOCALHOST:3000"


@pytest.mark.parametrize("origin", [OTHER, "null", f"{CRM}.evil.example", "http://crm.example.com", f"{CRM}:444", ""])
def test_other_origins_may_not(shared, customer, origin):
    preflight = shared.options("/v1/customer", headers={**PREFLIGHT, "Origin": origin})
    answer = shared.post("/v1/customer", json=customer, headers={"Origin": origin})

    assert not [name for name in [*preflight.headers.keys(), *answer.headers.keys()] if name.startswith("Access-")]
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/customer", "/health", "/nowhere", "/static/page.css"])
def test_every_answer_varies_by_origin_also_without_one(shared, path):
    assert "origin" in shared.get(path).vary


def test_problems_may_be_read_too(shared):
    answer = shared.post("/v1/customer", json={}, headers={"Origin": CRM})

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (422, CRM)


def test_a_star_is_for_all(scorer, customer):
    answer = client_for(scorer, "*").post("/v1/customer", json=customer, headers={"Origin": OTHER})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_preflight_needs_no_key_and_the_refusal_of_a_request_without_can_be_read(scorer, customer):
    client = client_for(scorer, CRM, CHURN_API_KEYS="ab" * 32)

    preflight = client.options("/v1/customer", headers=PREFLIGHT)
    refused = client.post("/v1/customer", json=customer, headers={"Origin": CRM})

    assert preflight.status_code == 204
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, CRM)


@pytest.mark.parametrize(
    "value", ["crm.example.com", f"{CRM}/", f"{CRM}/app", f"*, {CRM}", "null", "https://*.example.com", f"{CRM},"]
)
def test_what_is_no_origin_stops_the_start(value):
    with pytest.raises(SettingsError, match="CHURN_CORS_ORIGINS must be"):
        Settings.from_environment({"CHURN_CORS_ORIGINS": value})
