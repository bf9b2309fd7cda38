"""What the page is given for uploads: the addresses it may connect to, and the size limit of one request."""

import base64
import html
import json
import re

import pytest
from http_events import event

from app.aws.gateway import Gateway, Invocation
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER
from app.jobs.uploads import Uploads, connect
from app.settings import Settings
from app.web import create_app
from model.errors import ChurnError


@pytest.fixture
def app(scorer, bucket):
    store = Uploads(bucket.layout, connect(), max_bytes=1_000_000, link_s=900)
    return create_app(scorer, Settings(), uploads=lambda: store)


def test_the_page_may_connect_to_the_buckets_only(client, moto_server):
    page = client.get("/", headers={"Accept": "text/html"})

    assert f"connect-src 'self' {moto_server};" in page.headers["Content-Security-Policy"]
    assert "connect-src 'self';" in client.get("/docs").headers["Content-Security-Policy"]


def test_the_page_is_shown_if_the_buckets_cannot_be_reached(scorer):
    def broken():
        raise ChurnError("No region is set.")

    page = create_app(scorer, Settings(), uploads=broken).test_client().get("/", headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert "connect-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("edge", "most"), [("http_api_v2", 4_694_091), ("http_alb", 761_856)])
def test_the_page_has_the_size_limit_of_one_request(app, edge, most):
    page = Gateway(app, "1.0.0").answer(event(edge, "/", "GET", headers={"accept": "text/html"}), Invocation())

    assert f'data-max-request-bytes="{most}"' in page["body"]
    # With the rest of the event it is within what Lambda takes.
    limit = API_GATEWAY if edge == "http_api_v2" else LOAD_BALANCER
    assert len(base64.b64encode(bytes(most))) + 32_768 <= limit.max_body_bytes


def test_the_page_has_the_limit_of_the_setting_without_a_gateway(client, scorer):
    page = client.get("/", headers={"Accept": "text/html"})
    assert f'data-max-request-bytes="{Settings().max_upload_bytes}"' in page.text
    assert "data-too-large-problem" not in page.text


def test_without_a_bucket_the_page_has_the_refusal_of_a_file_that_is_too_large(scorer):
    small = create_app(
        scorer, Settings(max_upload_bytes=2000), large_file_advice="drop it into the inbox"
    ).test_client()

    page = small.get("/", headers={"Accept": "text/html"}).text

    answer = small.post("/v2/batches", data=bytes(2001), content_type="application/gzip").json
    known = json.loads(html.unescape(re.search(r'data-too-large-problem="([^"]*)"', page)[1]))
    # It is compressed already.
    assert known["detail"] == answer["detail"].replace(", or compressed with gzip", "")
    assert [known[name] for name in ("code", "title", "status")] == ["too_large", answer["title"], 413]
    assert 'data-max-request-bytes="2000"' in page
