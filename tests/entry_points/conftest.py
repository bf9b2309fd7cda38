"""Fixtures of the entry points: requests through each kind of HTTP event, and stores in a bucket."""

from functools import partial

import pytest
from commands import clear_settings, run_command
from echo import echo
from http_events import EVENT_KINDS, event, read
from openapi_requests import Uploads

import handler
from app.aws.gateway import Gateway, Invocation
from app.jobs import uploads
from app.jobs.bucket import connect
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

PART_BYTES = 5 << 20


@pytest.fixture(params=EVENT_KINDS)
def event_kind(request) -> str:
    return request.param


@pytest.fixture
def invoke(event_kind):
    """Send a request to the function as one kind of event, and read its answer."""

    def invoke(*path_and_method, **options):
        return read(event_kind, handler.api(event(event_kind, *path_and_method, **options)))

    return invoke


@pytest.fixture
def invoke_echo(event_kind):
    """Send a request to the echo app as one kind of event, mounted at `base_path`."""

    def invoke_echo(*path_and_method, base_path="", call=Invocation(), **options):  # noqa: B008 - it is frozen
        answer = Gateway(echo(), "1.2.3", base_path).answer(event(event_kind, *path_and_method, **options), call)
        return read(event_kind, answer)

    return invoke_echo


@pytest.fixture
def scoring(toy_scorecard) -> Scoring:
    return Scoring(toy_scorecard, OutputOptions(), FileLimits())


@pytest.fixture
def faulty_store(bucket, scoring, faulty_s3):
    """A store whose requests fail on order and are not repeated."""
    return bucket.store(scoring, faulty_s3, part_bytes=PART_BYTES)


@pytest.fixture
def retrying_store(bucket, scoring, proxy, monkeypatch):
    """A store whose client repeats a request that failed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    return bucket.store(scoring, connect(max_attempts=2), part_bytes=PART_BYTES)


@pytest.fixture
def is_whole(bucket, is_whole_in):
    """Whether exactly one complete result of a content is under a name in `bucket`."""
    return partial(is_whole_in, bucket)


@pytest.fixture
def store(bucket, scoring):
    return bucket.store(scoring)


@pytest.fixture
def upload_app(scorer, bucket):
    """An app with a bucket for uploads."""
    store = uploads.Uploads(bucket.layout, uploads.connect(), max_bytes=1_000_000, link_s=900)
    return create_app(scorer, Settings(), uploads=lambda: store)


@pytest.fixture
def scored(bucket, scoring):
    """Score an uploaded file, and return the log entry."""
    from upload_jobs import upload_scorer

    return upload_scorer(bucket, scoring)


@pytest.fixture(scope="session")
def described_app(scorer):
    """An app with all routes."""
    return create_app(scorer, Settings(), uploads=Uploads)


@pytest.fixture(scope="session")
def document(described_app) -> dict:
    """The API description."""
    return described_app.test_client().get("/openapi.json").json


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, and an environment without settings."""
    clear_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder):
    """Run a command in the working folder."""
    return run_command
