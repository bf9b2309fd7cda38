"""Fixtures for the tests of jobs in a bucket."""

from functools import partial

import pytest

from app.jobs.bucket import connect
from app.jobs.scoring import Scoring
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

PART_BYTES = 5 << 20


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
