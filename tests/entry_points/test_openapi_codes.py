"""Every error code that the API description gives a route is answered there, as described."""

import pytest
from openapi_checks import check_described, codes_of, operations
from openapi_requests import REFUSED

from app.settings import Settings
from app.web import create_app

# Codes that any request can be answered with, and where it is shown that they are: test_app.py, test_server.py
# and, for those refused in front of the app, test_wire_heads.py.
ANYWHERE = {
    *("bad_request", "bad_base64", "busy", "no_room", "internal"),
    *("no_host", "too_large", "small_chunks", "long_address", "expectation", "long_headers", "transfer_coding"),
}


@pytest.fixture(scope="module")
def app(described_app):
    return described_app


def test_every_described_code_of_a_route_has_a_request_here(document):
    described = {route: codes_of(operation) - ANYWHERE for route, operation in operations(document)}

    assert {route: codes for route, codes in described.items() if codes} == {
        route: set(tried) - ANYWHERE for route, tried in REFUSED.items()
    }


@pytest.mark.parametrize(
    ("route", "code"), [pytest.param(route, code, id=f"{route} {code}") for route in REFUSED for code in REFUSED[route]]
)
def test_every_described_code_is_answered_as_described(document, scorer, app, request, route, code):
    sent = dict(REFUSED[route][code])
    created = {name: sent.pop(name) for name in ("settings", "uploads") if name in sent}
    if "scorer" in sent:
        created["scorer"] = request.getfixturevalue(sent.pop("scorer"))
    created_app = create_app(**{"scorer": scorer, "settings": Settings(), **created}) if created else app
    client = created_app.test_client()
    method, path = route.split()

    answer = client.open(path, method=method, **sent)

    assert answer.mimetype == "application/problem+json", answer.text[:300]
    assert answer.json["code"] == code
    check_described(document, route, answer)
