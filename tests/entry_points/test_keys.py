"""API keys: who may ask, how keys are changed, and that nothing of a key is kept."""

import hashlib
import json
import re

import http_events
import pytest
from click.testing import CliRunner

from app import wiring
from app.aws.gateway import Gateway, Invocation
from app.cli.__main__ import churn
from app.settings import Settings, SettingsError
from app.web import api_keys, create_app

OLD, NEW, REVOKED = "old-key-of-the-crm", "new-key-of-the-crm", "key-of-somebody-who-left"
OPEN = {"/", "/health", "/docs", "/openapi.json", "/static/<path:name>"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def guarded_app(scorer):
    return create_app(scorer, Settings(api_keys=(sha256(OLD), sha256(NEW))))


@pytest.fixture
def guarded(guarded_app):
    return guarded_app.test_client()


def test_without_the_setting_no_key_is_asked_for(client, customer):
    assert client.post("/v1/customer", json=customer).status_code == 200
    assert client.post("/v1/customer?key=1", json=customer, headers={"X-Api-Key": "any"}).status_code == 200


@pytest.mark.parametrize("key", [OLD, NEW])
def test_several_keys_are_right_at_once(guarded, customer, key):
    answer = guarded.post("/v1/customer", json=customer, headers={"X-Api-Key": key})

    assert (answer.status_code, answer.json) == (200, {"Prediction": "churn"})


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_key"),
        ({"X-Api-Key": ""}, "no_key"),
        ({"Authorization": f"Bearer {NEW}"}, "no_key"),
        ({"X-Api-Key": REVOKED}, "wrong_key"),
        ({"X-Api-Key": NEW.upper()}, "wrong_key"),
        ({"X-Api-Key": f"{OLD},{NEW}"}, "wrong_key"),
        ({"X-Api-Key": sha256(NEW)}, "wrong_key"),
        ({"X-Api-Key": "\u00fc"}, "wrong_key"),
    ],
)
def test_a_missing_or_wrong_key_is_refused_with_how_to_ask(guarded, customer, headers, code):
    answer = guarded.post("/v1/customer", json=customer, headers=headers)

    assert (answer.status_code, answer.content_type, answer.json["code"]) == (401, "application/problem+json", code)
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="churn", header="X-Api-Key"'
    assert "X-Api-Key" in answer.json["detail"]


def test_an_empty_key_is_none_even_where_its_digest_was_set(scorer, customer):
    client = create_app(scorer, Settings(api_keys=(sha256(""),))).test_client()

    assert client.post("/v1/customer", json=customer, headers={"X-Api-Key": ""}).status_code == 401


def test_a_key_may_have_letters_beyond_ascii(scorer, customer):
    client = create_app(scorer, Settings(api_keys=(sha256("schlüssel"),))).test_client()
    as_the_wire_has_it = "schlüssel".encode().decode("latin-1")

    answer = client.post("/v1/customer", json=customer, environ_overrides={"HTTP_X_API_KEY": as_the_wire_has_it})

    assert answer.status_code == 200


def test_the_key_is_asked_for_before_the_body_is_read(guarded):
    assert guarded.post("/v1/customer", data=b"no json", content_type="text/plain").json["code"] == "no_key"


def test_every_route_but_the_open_ones_asks_for_a_key():
    app = wiring.build(Settings(api_keys=(sha256(NEW),)))
    client, rules = app.test_client(), list(app.url_map.iter_rules())

    answered = set()
    for rule in rules:
        method = min(rule.methods - {"HEAD", "OPTIONS"})
        if client.open(re.sub("<[^>]+>", "x", rule.rule), method=method).status_code != 401:
            answered.add(rule.rule)

    assert {"/metrics", "/v1/customer", "/v1/customerbatch"} <= {rule.rule for rule in rules} - answered
    assert answered <= OPEN


@pytest.mark.parametrize("path", ["//v1/customer", "/v1//customer", "/V1/customer", "/%76%31/customer"])
def test_no_spelling_of_the_path_goes_round_the_key(guarded, customer, path):
    assert guarded.post(path, json=customer).status_code in {401, 404}


@pytest.mark.parametrize(
    "name", ["api_key", "key", "apikey", "x-api-key", "X-Api-Key", "token", "access_token", "KEY", "api%5Fkey"]
)
def test_a_key_in_the_query_is_refused_even_where_it_is_right(guarded, customer, capsys, name):
    answer = guarded.post(f"/v1/customer?{name}={NEW}", json=customer, headers={"X-Api-Key": NEW})

    assert (answer.status_code, answer.json["code"]) == (400, "key_in_query")
    assert "X-Api-Key" in answer.json["detail"]
    assert NEW not in answer.text
    assert NEW not in capsys.readouterr().out


def test_every_key_is_compared_in_constant_time_whether_one_was_found_or_not(monkeypatch):
    digests = [sha256(OLD), sha256(NEW), sha256(REVOKED)]
    compared = []

    def spy(ours: str, digest: str) -> bool:
        compared.append(digest)
        return ours == digest

    monkeypatch.setattr("hmac.compare_digest", spy)

    assert api_keys.find(OLD, digests) == sha256(OLD)
    assert api_keys.find("none", digests) is None
    assert compared == digests * 2


def test_the_log_names_a_key_by_its_fingerprint_only(guarded, customer, capsys):
    guarded.post("/v1/customer", json=customer, headers={"X-Api-Key": NEW})
    guarded.post("/v1/customer", json=customer, headers={"X-Api-Key": REVOKED})

    out = capsys.readouterr().out
    right, wrong = map(json.loads, out.splitlines())

    assert right["key"] == sha256(sha256(NEW))[:12]
    assert (wrong["status"], wrong["code"], "key" in wrong) == (401, "wrong_key", False)
    assert not [text for text in (NEW, REVOKED, sha256(NEW), sha256(REVOKED)) if text in out]


def test_digests_are_read_with_spaces_and_capitals():
    settings = Settings.from_environment({"CHURN_API_KEYS": f" {sha256(OLD).upper()} , {sha256(NEW)} "})

    assert settings.api_keys == (sha256(OLD), sha256(NEW))
    assert sha256(OLD) not in repr(settings)


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (NEW, "1 of 1"),
        (f"{sha256(OLD)},{NEW}", "2 of 2"),
        (f"{sha256(OLD)},", "2 of 2"),
        (",", "1 of 2"),
        (sha256(OLD)[:-1], "1 of 1"),
        (f"{sha256(OLD)};{sha256(NEW)}", "1 of 1"),
        ("٣" * 64, "1 of 1"),
    ],
)
def test_a_setting_that_is_no_digest_stops_the_start_and_is_not_shown(value, position):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"CHURN_API_KEYS": value})

    assert str(caught.value) == (
        "CHURN_API_KEYS must be the sha256 digests of keys, 64 hex digits each, separated by commas; "
        f"number {position} is not one. Make a key and its digest: churn key"
    )


def test_the_command_makes_a_key_and_its_digest(guarded, customer, scorer):
    output = CliRunner().invoke(churn, ["key"]).stdout
    again = CliRunner().invoke(churn, ["key"]).stdout

    created = dict(line.split(maxsplit=1) for line in output.splitlines())
    client = create_app(scorer, Settings.from_environment({"CHURN_API_KEYS": created["sha256"]})).test_client()

    assert set(created) == {"key", "sha256"}
    assert len(created["key"]) >= 43
    assert output != again
    assert client.post("/v1/customer", json=customer, headers={"X-Api-Key": created["key"]}).status_code == 200


@pytest.mark.parametrize("edge", http_events.EVENT_KINDS)
def test_lambda_asks_for_a_key_at_every_edge(guarded_app, customer, edge):
    gateway, body = Gateway(guarded_app, "1.0.0"), json.dumps(customer).encode()

    def ask(headers: dict[str, str], query=()) -> tuple[int, dict]:
        created = gateway.answer(http_events.event(edge, body=body, headers=headers, query=query), Invocation())
        return created["statusCode"], json.loads(created["body"])

    json_type = {"Content-Type": "application/json"}
    assert ask(json_type)[0] == 401
    assert ask({**json_type, "X-Api-Key": REVOKED})[1]["code"] == "wrong_key"
    assert ask({**json_type, "x-api-key": NEW}) == (200, {"Prediction": "churn"})
    assert ask({**json_type, "X-Api-Key": NEW}, [("api_key", NEW)])[1]["code"] == "key_in_query"


def test_the_page_shows_the_header_where_a_key_is_needed(client, guarded):
    pages = [value.get("/", headers={"Accept": "text/html"}).text for value in (client, guarded)]

    assert [page.count("X-Api-Key: $KEY") for page in pages] == [0, 2]


def test_the_description_asks_for_a_key_where_one_is_needed(client, guarded):
    without, within = (value.get("/openapi.json").json["paths"] for value in (client, guarded))

    assert within["/v1/customer"]["post"]["security"] == [{"key": []}]
    assert {"400", "401"} <= set(within["/v2/model"]["get"]["responses"])
    assert "security" not in within["/health"]["get"]
    assert "security" not in without["/v1/customer"]["post"]
    assert "401" not in without["/v1/customer"]["post"]["responses"]


def test_the_description_has_the_limit_where_one_is_set(scorer):
    paths = create_app(scorer, Settings(rate_limit="9/day")).test_client().get("/openapi.json").json["paths"]

    assert "429" in paths["/v1/customer"]["post"]["responses"]
    assert "429" not in paths["/health"]["get"]["responses"]
