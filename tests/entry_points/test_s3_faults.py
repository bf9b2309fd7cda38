"""Faults while results are written: no truncated object appears, and one complete result is there at the end.

Each test compares the stored bytes with those that `churn score` writes for the same file.
"""

import gc

import pytest
from faulty_proxy import Fault
from s3_handling import LARGE, SMALL, handle


@pytest.mark.parametrize("part", [1, 2])
def test_a_part_that_cannot_be_sent_aborts_the_upload(bucket, faulty_store, proxy, is_whole, part):
    event = bucket.put("a.csv", LARGE)
    proxy.faults = [Fault("PUT", rf"predictions\.csv.*partNumber={part}", status=503, code="SlowDown")]

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"]
    assert reason.endswith("/predictions.csv (SlowDown).")
    assert bucket.contents().keys() <= {key for key in bucket.contents() if key.endswith("rejects.csv")}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


def test_a_part_that_fails_once_is_sent_again(bucket, retrying_store, proxy, is_whole):
    event = bucket.put("a.csv", LARGE)
    proxy.faults = [Fault("PUT", r"predictions\.csv.*partNumber=2", times=1, status=500, code="InternalError")]

    assert handle(event, retrying_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


def test_an_upload_that_can_be_neither_completed_nor_aborted_never_appears(bucket, faulty_store, proxy, is_whole):
    event = bucket.put("a.csv", LARGE)
    proxy.faults = [
        Fault("PUT", r"predictions\.csv.*partNumber=1", times=1, status=503, code="SlowDown"),
        Fault("DELETE", r"uploadId", status=503, code="SlowDown"),
    ]

    assert handle(event, faulty_store)[0] == ["retry"]

    gc.collect()
    assert bucket.contents() == {}
    assert len(bucket.unfinished()) == 2
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


@pytest.mark.parametrize(
    ("output", "status", "code", "after"),
    [
        ("predictions", 409, "ConditionalRequestConflict", False),
        ("predictions", 412, "PreconditionFailed", False),
        ("predictions", 404, "NoSuchUpload", False),
        ("predictions", 503, "SlowDown", False),
        ("predictions", 503, "SlowDown", True),
        ("rejects", 409, "ConditionalRequestConflict", False),
        ("rejects", 503, "SlowDown", True),
    ],
)
def test_an_upload_that_cannot_be_completed_is_repeated(
    bucket, faulty_store, proxy, is_whole, output, status, code, after
):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault("POST", rf"{output}\.csv\?uploadId", times=2, status=status, code=code, after=after)]

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"]
    assert f"/{output}.csv (" in reason
    assert not any(key.endswith("summary.json") for key in bucket.contents())
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (503, "SlowDown"), (500, "InternalError")]
)
def test_a_summary_that_cannot_be_put_is_put_by_the_next_delivery(bucket, faulty_store, proxy, is_whole, status, code):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", status=status, code=code)]

    assert handle(event, faulty_store)[0] == ["retry"]
    assert not any(key.endswith("summary.json") for key in bucket.contents())
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_a_summary_that_conflicts_with_another_write_is_put_again(bucket, faulty_store, proxy, is_whole):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", times=2, status=409, code="ConditionalRequestConflict")]

    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_a_summary_whose_answer_was_lost_finishes_the_job(bucket, retrying_store, proxy, is_whole):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", times=1, status=503, code="SlowDown", after=True)]

    assert handle(event, retrying_store) == (["skipped"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", r"/incoming/a\.csv", id="read"),
        pytest.param("GET", r"list-type=2", id="list"),
        pytest.param("POST", r"predictions\.csv\?uploads", id="begin"),
    ],
)
@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (403, "AccessDenied")])
def test_a_throttled_or_forbidden_request_is_left_for_another_delivery(
    bucket, faulty_store, proxy, is_whole, method, path, status, code
):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [Fault(method, path, status=status, code=code)]

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"]
    assert f"({code})" in reason
    assert bucket.contents() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_an_unreachable_server_is_left_for_another_delivery(bucket, faulty_store, proxy):
    event = bucket.put("a.csv", SMALL)
    proxy.upstream = "127.0.0.1:1"

    statuses, reason = handle(event, faulty_store)

    assert statuses == ["retry"]
    assert "S3 failed to list" in reason
