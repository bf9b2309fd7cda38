"""With a base path set, the domain it is mapped on and the API's own address both answer, in every form of event."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from http_events import event, read
from shipped import EXAMPLE

from app.aws.gateway import Gateway, Invocation, routes_of
from app.settings import Settings
from app.web import create_app

ROOT = Path(__file__).parents[2]
CUSTOMER = json.dumps(dict(EXAMPLE)).encode()
HTML = {"accept": "text/html"}
STAGES = ["$default", "dev", "v1"]
BASES = ["/v1", "/v2", "/churn", "/api/v1"]
DEPLOYED = [("POST", "/v1/customer"), ("POST", "/v1/customerbatch")]
"""The routes that serverless.yml names; all others go through $default."""

ROUTES = [
    *[("GET", path) for path in ("/", "/health", "/docs", "/openapi.json", "/static/page.css", "/static/page/api.js")],
    *[("GET", path) for path in ("/v2/model", "/v2/schema", "/v2/template.csv")],
    *[("POST", path) for path in ("/v1/customer", "/v2/customers")],
]


class Address(NamedTuple):
    """Where a request is sent, as the edge describes it in its events."""

    edge: str
    route: str
    stage: str
    is_own: bool
    base: str

    @property
    def root(self) -> str:
        """What comes before the routes in this address."""
        if not self.is_own:
            return self.base
        has_stage = self.edge == "http_rest_v1" or (self.edge.startswith("http_api") and self.stage != "$default")
        return f"/{self.stage}" if has_stage else ""

    def event(self, method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
        rest = self.edge == "http_rest_v1"
        # A REST API has the stage of its own address next to the path, all others have it within.
        created = event(self.edge, path if rest and self.is_own else self.root + path, method, body, headers=headers)
        context = created["requestContext"]
        if "elb" in context:
            return created
        context["stage"] = self.stage
        if not self.is_own:
            context["domainName"] = "api.example.com"
        key, parameters = self._route_key(method, path)
        if created.get("version") == "2.0":
            created["routeKey"] = key if key == "$default" else f"{method} {key}"
        else:
            created["resource"] = key
        created["pathParameters"] = parameters
        if rest:
            context["path"] = self.root + path
        return created

    def _route_key(self, method: str, path: str) -> tuple[str, dict[str, str] | None]:
        if self.edge == "http_function_url" or (self.route == "$default" and (method, path) not in DEPLOYED):
            return "$default", None
        if path == "/" or self.route == "$default":
            return path, None
        return "/{proxy+}", {"proxy": path[1:]}


def addresses(base: str) -> list[Address]:
    kinds = [("http_rest_v1", "{proxy+}"), ("http_function_url", "$default"), ("http_alb", ""), ("http_alb_multi", "")]
    kinds += [(edge, route) for edge in ("http_api_v1", "http_api_v2") for route in ("$default", "{proxy+}")]
    return [
        Address(edge, route, stage, is_own, base)
        for edge, route in kinds
        for stage in STAGES
        if (edge.startswith("http_api") or stage == "$default") or (edge == "http_rest_v1" and stage != "$default")
        for is_own in (True, False)
    ]


ADDRESSES = [address for base in BASES for address in addresses(base)]


@pytest.fixture(scope="module")
def app(scorer):
    return create_app(scorer, Settings())


@pytest.fixture(params=ADDRESSES, ids=lambda item: "-".join(map(str, item)))
def address(request) -> Address:
    return request.param


@pytest.fixture
def ask(app, address):
    gateway = Gateway(app, "1.0.0", address.base, is_route=routes_of(app))

    def ask(method: str, path: str, body: bytes = b"", **headers: str):
        created = address.event(method, path, body, **headers)
        return read(address.edge, gateway.answer(created, Invocation()))

    return ask


def test_every_route_is_answered_at_both_addresses(ask):
    kind = {"content-type": "application/json"}
    statuses = {
        f"{method} {path}": ask(method, path, CUSTOMER if method == "POST" else b"", **kind).status
        for method, path in ROUTES
    }

    assert statuses == {f"{method} {path}": 200 for method, path in ROUTES}


def test_what_is_no_route_and_another_method_stay_refused_at_both_addresses(ask):
    assert ask("GET", "/nothing").json["code"] == "not_found"
    assert ask("GET", "/v1/customer").json["code"] == "method_not_allowed"


def test_the_links_of_the_page_lead_back_to_the_same_address(ask, address):
    page = ask("GET", "/", **HTML).body.decode()
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))

    assert len(links) > 10
    assert {link for link in links if not link.startswith(f"{address.root}/")} == set()
    assert {ask("GET", link.removeprefix(address.root)).status for link in links} == {200}
    assert re.search(rf'https://[a-z0-9.-]+{re.escape(address.root)}/v1/customer["\s<]', page)
    assert ask("GET", "/openapi.json").json["servers"] == [{"url": address.root or "/"}]


def test_a_mapping_without_a_stage_leaves_both_in_the_path_of_a_rest_api(app):
    gateway = Gateway(app, "1.0.0", "/v1", is_route=routes_of(app))
    created = Address("http_rest_v1", "{proxy+}", "dev", is_own=False, base="/v1/dev").event("GET", "/openapi.json")

    answer = read("http_rest_v1", gateway.answer(created, Invocation()))

    assert (answer.status, answer.json["servers"]) == (200, [{"url": "/v1/dev"}])


@pytest.mark.parametrize("base", ["/docs", "/static"])
@pytest.mark.parametrize(("edge", "stage"), [("http_rest_v1", "dev"), ("http_api_v1", "dev"), ("http_api_v2", "dev")])
@pytest.mark.parametrize("is_own", [True, False])
def test_a_base_path_named_like_a_route_works_where_the_event_names_the_matched_route(app, edge, stage, base, is_own):
    gateway = Gateway(app, "1.0.0", base, is_route=routes_of(app))
    address = Address(edge, "{proxy+}", stage, is_own, base)

    statuses = [
        read(edge, gateway.answer(address.event("GET", path), Invocation())).status
        for path in ("/", "/docs", "/health", "/static/page.css")
    ]

    assert statuses == [200] * 4


@pytest.mark.parametrize("parameters", [7, {"proxy": 7}, {"proxy": None}, {}, [], {"other": "v1/customer"}])
@pytest.mark.parametrize("resource", ["/{proxy+}", "{", 7, "", None, "/{proxy+}/{proxy+}"])
def test_members_that_make_no_sense_do_no_harm(app, parameters, resource):
    gateway = Gateway(app, "1.0.0", "/v1", is_route=routes_of(app))
    created = event("http_rest_v1", "/v1/v2/model", "GET", pathParameters=parameters, resource=resource)

    assert read("http_rest_v1", gateway.answer(created, Invocation())).status == 200


def test_a_name_with_escapes_is_found_behind_a_base_path(app):
    gateway = Gateway(app, "1.0.0", "/v1", is_route=routes_of(app))
    parameters = {"proxy": "v2/jobs/a b"}
    created = event("http_rest_v1", "/v1/v2/jobs/a%20b", "GET", pathParameters=parameters)
    created["requestContext"]["path"] = "/v1/v2/jobs/a%20b"

    assert read("http_rest_v1", gateway.answer(created, Invocation())).json["code"] == "uploads_not_configured"


def test_the_function_itself_answers_at_both_addresses():
    program = (
        "import json, sys, handler\n"
        "events = json.load(sys.stdin)\n"
        "print(*(handler.api(event)['statusCode'] for event in events), file=sys.stderr)\n"
    )
    created = [
        Address("http_api_v2", "$default", "$default", is_own, "/v1").event("GET", path)
        for is_own in (True, False)
        for path in ("/", "/health", "/v2/model", "/v1/customer")
    ]

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "CHURN_BASE_PATH": "/v1"},
        input=json.dumps(created),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stderr.split() == ["200", "200", "200", "405"] * 2
