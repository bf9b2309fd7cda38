"""What a browser is sent: our own origin only, in a Space's frame, on every answer."""

import pytest

from app.settings import Settings, SettingsError
from app.web import create_app, request_logging

OURS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors "
)
EVERYWHERE = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/health"),
    ("GET", "/static/page.css"),
    ("GET", "/nowhere"),
    ("GET", "/v1/customer"),
    ("POST", "/v1/customer"),
    ("OPTIONS", "/v1/customer"),
]


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_every_answer_keeps_to_our_own_origin(client, method, path):
    headers = client.open(path, method=method).headers

    assert headers["Content-Security-Policy"] == OURS + "'self' https://huggingface.co https://*.hf.space"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_no_answer_forbids_the_frame_of_a_space_or_sets_a_cookie(client, method, path):
    headers = client.open(path, method=method).headers

    assert "X-Frame-Options" not in headers
    assert "Set-Cookie" not in headers


def test_an_answer_without_the_app_has_the_same_headers_and_no_frame():
    _, headers, _ = request_logging.bare_response("bad_request", "A sentence.", "r1")

    assert headers["Content-Security-Policy"] == OURS + "'none'"
    assert set(request_logging.HEADERS) < set(headers)


def test_the_frames_are_a_setting(scorer):
    settings = Settings.from_environment({"CHURN_FRAME_ANCESTORS": "'self' https://intranet.example.com:8443"})

    answer = create_app(scorer, settings).test_client().get("/")

    assert answer.headers["Content-Security-Policy"] == OURS + "'self' https://intranet.example.com:8443"


@pytest.mark.parametrize(
    "value", ["'none' 'self'", "https://a.example; script-src *", "*", "a.example", "https://a.example/x", "'unsafe-x'"]
)
def test_frames_that_would_change_the_policy_stop_the_start(value):
    with pytest.raises(SettingsError, match="CHURN_FRAME_ANCESTORS must be"):
        Settings.from_environment({"CHURN_FRAME_ANCESTORS": value})


def test_a_route_may_have_a_policy_of_its_own(scorer):
    app = create_app(scorer, Settings())
    app.add_url_rule("/own", view_func=lambda: ("", {"Content-Security-Policy": "default-src 'self'"}))

    assert app.test_client().get("/own").headers["Content-Security-Policy"] == "default-src 'self'"
