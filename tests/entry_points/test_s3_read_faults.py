"""Faults while an object is read: no bytes are lost, mixed or changed, and one complete result is there at the end.

Each test compares the stored bytes with those that `churn score` writes for the same file.
"""

import gzip
import io
import json

import pytest
from faulty_proxy import Fault
from s3_handling import LARGE, OTHER, SMALL, handle

from app.jobs import s3
from app.jobs.bucket import ObjectReader


def overwrite(bucket, name, content):
    return lambda: bucket.put(name, content)


def delete(bucket, name):
    return lambda: bucket.client.delete_object(Bucket=bucket.inbox, Key=f"incoming/{name}")


def test_an_object_that_is_gone_when_the_event_arrives_leaves_nothing(bucket, faulty_store):
    event = bucket.put("a.csv", SMALL)
    delete(bucket, "a.csv")()

    assert handle(event, faulty_store) == (["superseded"], "")
    assert bucket.contents() == {}


def test_an_object_that_is_removed_while_it_is_read_leaves_nothing(bucket, faulty_store, proxy):
    event = bucket.put("a.csv", LARGE)
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1, break_at=14_500_000),
        Fault("GET", r"/incoming/a\.csv", deed=delete(bucket, "a.csv")),
    ]

    assert handle(event, faulty_store) == (["superseded"], "")
    assert any("partNumber=1" in request for request in proxy.seen)
    assert bucket.contents() == {}
    assert bucket.unfinished() == []


def test_an_object_that_is_overwritten_while_it_is_read_gives_only_the_later_result(
    bucket, faulty_store, proxy, is_whole
):
    first = bucket.put("a.csv", LARGE)
    later = []
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1, break_at=14_500_000),
        Fault("GET", r"/incoming/a\.csv", times=1, deed=lambda: later.append(bucket.put("a.csv", SMALL))),
    ]

    assert handle(first, faulty_store) == (["superseded"], "")
    assert bucket.contents() == {}
    assert handle(later[0], faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)
    assert bucket.unfinished() == []


@pytest.mark.parametrize("deed", [overwrite, delete])
def test_a_version_is_read_to_its_end_even_if_its_key_changes(versioned_bucket, scoring, proxy, faulty_s3, deed):
    bucket = versioned_bucket
    event = bucket.put("a.csv", SMALL)
    change = deed(bucket, "a.csv", OTHER) if deed is overwrite else deed(bucket, "a.csv")
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=1, break_at=1000, deed=change)]

    assert handle(event, bucket.store(scoring, faulty_s3)) == (["done"], "")

    assert json.loads(bucket.results_of("a.csv")["summary.json"])["rows_in"] == 42
    assert handle(event, bucket.store(scoring, faulty_s3)) == (["skipped"], "")


def test_two_versions_give_one_result_each(versioned_bucket, scoring):
    bucket = versioned_bucket
    events = [bucket.put("a.csv", content) for content in (SMALL, OTHER)]

    for event in reversed(events):
        assert handle(event, bucket.store(scoring)) == (["done"], "")

    summaries = [json.loads(content) for key, content in bucket.contents().items() if key.endswith("summary.json")]
    assert sorted(summary["rows_in"] for summary in summaries) == [3, 42]


@pytest.mark.parametrize("breaks_at", [0, 1, 130, 131, 1000, len(SMALL) - 1])
def test_an_interrupted_read_is_resumed(bucket, faulty_store, proxy, is_whole, breaks_at):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=3, break_at=breaks_at)]

    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize("breaks_at", [5_000_000, 14_500_000])
def test_an_interrupted_read_of_a_large_file_is_resumed(bucket, faulty_store, proxy, is_whole, breaks_at):
    event = bucket.put("a.csv", LARGE)
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=1, break_at=breaks_at)]

    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_read_that_is_always_interrupted_is_not_the_end_of_the_file(bucket, faulty_store, proxy, is_whole, name):
    content = gzip.compress(SMALL) if name.endswith("gz") else SMALL
    event = bucket.put(name, content)
    proxy.faults = [
        Fault("GET", rf"/incoming/{name}", times=1, break_at=len(content) // 2),
        Fault("GET", rf"/incoming/{name}", break_at=0),
    ]

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"]
    assert f"it broke off 6 times, the last time at byte {len(content) // 2:,} of {len(content):,}" in reason
    assert bucket.contents() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole(name, SMALL if name == "a.csv" else content)


@pytest.mark.parametrize("change_at", [0, 200, len(SMALL) - 1])
@pytest.mark.parametrize("breaks_at", [None, 1000])
def test_bytes_that_changed_in_transit_are_not_scored(bucket, faulty_store, proxy, is_whole, change_at, breaks_at):
    event = bucket.put("a.csv", SMALL)
    # A rest that is asked for has no checksum of its own.
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1 if breaks_at else 0, break_at=breaks_at, change_at=change_at),
        Fault("GET", r"/incoming/a\.csv", change_at=change_at),
    ]

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"], reason
    assert bucket.contents() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


class Shortened:
    """A client whose answers end early without an error, as no library should let them."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    def get_object(self, Range: str | None = None, **_):  # noqa: N803 - boto3's name
        self.asked.append(Range)
        length, content = self.answers.pop(0)
        return {"ContentLength": length, "Body": io.BytesIO(content)}


def test_a_response_that_ends_early_without_an_error_is_resumed_too(monkeypatch):
    monkeypatch.setattr("app.jobs.bucket.PAUSE_S", 0)
    client = Shortened((10, b"0123"), (6, b"45"), (4, b"6789"))

    source = ObjectReader(client, "inbox", "a.csv", {"IfMatch": "x"})

    assert b"".join(iter(lambda: source.read(3), b"")) == b"0123456789"
    assert client.asked == [None, "bytes=4-", "bytes=6-"]


@pytest.mark.parametrize("length", [10, 5, 7])
def test_a_rest_of_another_length_is_not_read(monkeypatch, length):
    monkeypatch.setattr("app.jobs.bucket.PAUSE_S", 0)
    source = ObjectReader(Shortened((10, b"0123"), (length, b"0123456789")), "inbox", "a.csv", {})

    assert source.read(4) == b"0123"
    with pytest.raises(s3.RetryableError, match="asked for the rest, it sent another length"):
        source.read(4)
