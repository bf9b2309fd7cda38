"""Whatever fails between S3 and a job: no truncated object is ever seen, nothing is lost, one result stands at the end.

Each test looks at the stored bytes, and holds what stands at the end to what `churn score` makes of the same file.
"""

import gc
import gzip
import io
import json
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from buckets import no_deadline
from faulty_proxy import Fault

from app.jobs import s3
from app.jobs.bucket import ObjectReader
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

ROOT = Path(__file__).parents[2]
HEADER, LINE = describe.template().splitlines(keepends=True)
SMALL = (HEADER + LINE + LINE.replace(",12,", ",-1,") + LINE * 40).encode()
OTHER = (HEADER + LINE * 3).encode()
MIB = 1 << 20
THREE = ["predictions.csv", "rejects.csv", "summary.json"]
UNTIL_KILLED = """
import json, sys, time
from app.jobs import s3
from app.jobs.scoring import Scoring
from model import artifact
from model.outputs import OutputOptions
from model.bulk.source import FileLimits

calls = iter(range(int(sys.argv[3])))

def remaining_ms():
    if next(calls, None) is None:
        print("waiting", flush=True)
        time.sleep(600)
    return 900_000

scoring = Scoring(artifact.load(), OutputOptions(), FileLimits())
store = s3.Store(s3.BucketLayout(*sys.argv[1:3]), scoring, s3.connect(), part_bytes=5 << 20)
s3.handle(json.load(sys.stdin), store, remaining_ms, print)
"""


@pytest.fixture(scope="session")
def large() -> bytes:
    """A file of 15 MB, whose predictions take two parts of the least size."""
    return (HEADER + LINE * 180_000).encode()


@pytest.fixture
def scoring(toy_scorecard):
    return Scoring(toy_scorecard, OutputOptions(), FileLimits())


@pytest.fixture
def store(bucket, scoring, faulty_s3):
    return bucket.store(scoring, faulty_s3, part_bytes=5 * MIB)


@pytest.fixture
def patient_store(bucket, scoring, proxy, monkeypatch):
    """A store whose client repeats a request that failed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    return bucket.store(scoring, s3.connect(max_attempts=2), part_bytes=5 * MIB)


@pytest.fixture
def is_whole(bucket, is_whole_in):
    """Whether exactly one result of `content` stands under `name` in `bucket`."""
    return partial(is_whole_in, bucket)


def handle(event, store, remaining_ms=no_deadline):
    """Return the statuses, and why the event has to be delivered again, if it has."""
    lines = []
    try:
        s3.handle(event, store, remaining_ms, lines.append)
    except s3.RetryableError as error:
        return [line["status"] for line in lines], str(error)
    return [line["status"] for line in lines], ""


def overwrite(bucket, name, content):
    return lambda: bucket.drop(name, content)


def delete(bucket, name):
    return lambda: bucket.client.delete_object(Bucket=bucket.inbox, Key=f"incoming/{name}")


def test_a_source_that_is_gone_when_the_event_comes_leaves_nothing(bucket, store):
    event = bucket.drop("a.csv", SMALL)
    delete(bucket, "a.csv")()

    assert handle(event, store) == (["superseded"], "")
    assert bucket.found() == {}


def test_a_source_that_vanishes_while_it_is_read_leaves_nothing(bucket, store, proxy, large):
    event = bucket.drop("a.csv", large)
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1, break_at=14_500_000),
        Fault("GET", r"/incoming/a\.csv", deed=delete(bucket, "a.csv")),
    ]

    assert handle(event, store) == (["superseded"], "")
    assert any("partNumber=1" in request for request in proxy.seen)
    assert bucket.found() == {}
    assert bucket.unfinished() == []


def test_a_source_that_is_overwritten_while_it_is_read_gives_the_later_result_only(
    bucket, store, proxy, large, is_whole
):
    first = bucket.drop("a.csv", large)
    later = []
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1, break_at=14_500_000),
        Fault("GET", r"/incoming/a\.csv", times=1, deed=lambda: later.append(bucket.drop("a.csv", SMALL))),
    ]

    assert handle(first, store) == (["superseded"], "")
    assert bucket.found() == {}
    assert handle(later[0], store) == (["done"], "")
    assert is_whole("a.csv", SMALL)
    assert bucket.unfinished() == []


@pytest.mark.parametrize("deed", [overwrite, delete])
def test_a_version_is_read_to_its_end_whatever_becomes_of_its_key(versioned_bucket, scoring, proxy, faulty_s3, deed):
    bucket = versioned_bucket
    event = bucket.drop("a.csv", SMALL)
    change = deed(bucket, "a.csv", OTHER) if deed is overwrite else deed(bucket, "a.csv")
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=1, break_at=1000, deed=change)]

    assert handle(event, bucket.store(scoring, faulty_s3)) == (["done"], "")

    assert json.loads(bucket.results_of("a.csv")["summary.json"])["rows_in"] == 42
    assert handle(event, bucket.store(scoring, faulty_s3)) == (["skipped"], "")


def test_two_versions_give_a_result_each(versioned_bucket, scoring):
    bucket = versioned_bucket
    events = [bucket.drop("a.csv", content) for content in (SMALL, OTHER)]

    for event in reversed(events):
        assert handle(event, bucket.store(scoring)) == (["done"], "")

    summaries = [json.loads(content) for key, content in bucket.found().items() if key.endswith("summary.json")]
    assert sorted(each["rows_in"] for each in summaries) == [3, 42]


@pytest.mark.parametrize("breaks_at", [0, 1, 130, 131, 1000, len(SMALL) - 1])
def test_a_read_that_breaks_off_is_taken_up_where_it_broke(bucket, store, proxy, is_whole, breaks_at):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=3, break_at=breaks_at)]

    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize("breaks_at", [5_000_000, 14_500_000])
def test_a_large_file_that_breaks_off_is_taken_up_where_it_broke(bucket, store, proxy, is_whole, large, breaks_at):
    event = bucket.drop("a.csv", large)
    proxy.faults = [Fault("GET", r"/incoming/a\.csv", times=1, break_at=breaks_at)]

    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", large)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_read_that_keeps_breaking_off_is_never_taken_for_the_end(bucket, store, proxy, is_whole, name):
    content = gzip.compress(SMALL) if name.endswith("gz") else SMALL
    event = bucket.drop(name, content)
    proxy.faults = [
        Fault("GET", rf"/incoming/{name}", times=1, break_at=len(content) // 2),
        Fault("GET", rf"/incoming/{name}", break_at=0),
    ]

    statuses, reason = handle(event, store)

    assert statuses == ["retry"]
    assert f"it broke off 6 times, the last time at byte {len(content) // 2:,} of {len(content):,}" in reason
    assert bucket.found() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole(name, SMALL if name == "a.csv" else content)


@pytest.mark.parametrize("change_at", [0, 200, len(SMALL) - 1])
@pytest.mark.parametrize("breaks_at", [None, 1000])
def test_bytes_that_were_changed_on_the_way_are_not_scored(bucket, store, proxy, is_whole, change_at, breaks_at):
    event = bucket.drop("a.csv", SMALL)
    # A rest that is asked for has no checksum of its own.
    proxy.faults = [
        Fault("GET", r"/incoming/a\.csv", times=1 if breaks_at else 0, break_at=breaks_at, change_at=change_at),
        Fault("GET", r"/incoming/a\.csv", change_at=change_at),
    ]

    statuses, reason = handle(event, store)

    assert statuses == ["retry"], reason
    assert bucket.found() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize("part", [1, 2])
def test_a_part_that_cannot_be_sent_takes_the_upload_back(bucket, store, proxy, is_whole, large, part):
    event = bucket.drop("a.csv", large)
    proxy.faults = [Fault("PUT", rf"predictions\.csv.*partNumber={part}", status=503, code="SlowDown")]

    statuses, reason = handle(event, store)

    assert statuses == ["retry"]
    assert reason.endswith("/predictions.csv (SlowDown).")
    assert bucket.found().keys() <= {key for key in bucket.found() if key.endswith("rejects.csv")}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", large)


def test_a_part_that_fails_once_is_sent_again(bucket, patient_store, proxy, is_whole, large):
    event = bucket.drop("a.csv", large)
    proxy.faults = [Fault("PUT", r"predictions\.csv.*partNumber=2", times=1, status=500, code="InternalError")]

    assert handle(event, patient_store) == (["done"], "")
    assert is_whole("a.csv", large)


def test_an_upload_that_can_be_neither_finished_nor_taken_back_never_appears(bucket, store, proxy, is_whole, large):
    event = bucket.drop("a.csv", large)
    proxy.faults = [
        Fault("PUT", r"predictions\.csv.*partNumber=1", times=1, status=503, code="SlowDown"),
        Fault("DELETE", r"uploadId", status=503, code="SlowDown"),
    ]

    assert handle(event, store)[0] == ["retry"]

    gc.collect()
    assert bucket.found() == {}
    assert len(bucket.unfinished()) == 2
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", large)


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
def test_an_upload_that_cannot_be_completed_is_made_anew(bucket, store, proxy, is_whole, output, status, code, after):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault("POST", rf"{output}\.csv\?uploadId", times=2, status=status, code=code, after=after)]

    statuses, reason = handle(event, store)

    assert statuses == ["retry"]
    assert f"/{output}.csv (" in reason
    assert not any(key.endswith("summary.json") for key in bucket.found())
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (503, "SlowDown"), (500, "InternalError")]
)
def test_a_mark_that_cannot_be_put_is_put_by_the_next_delivery(bucket, store, proxy, is_whole, status, code):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", status=status, code=code)]

    assert handle(event, store)[0] == ["retry"]
    assert not any(key.endswith("summary.json") for key in bucket.found())
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_a_mark_that_met_another_write_is_put_again(bucket, store, proxy, is_whole):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", times=2, status=409, code="ConditionalRequestConflict")]

    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_a_mark_whose_answer_was_lost_settles_the_job(bucket, patient_store, proxy, is_whole):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault("PUT", r"summary\.json", times=1, status=503, code="SlowDown", after=True)]

    assert handle(event, patient_store) == (["skipped"], "")
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
def test_what_is_throttled_or_forbidden_is_left_for_another_delivery(
    bucket, store, proxy, is_whole, method, path, status, code
):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [Fault(method, path, status=status, code=code)]

    statuses, reason = handle(event, store)

    assert statuses == ["retry"]
    assert f"({code})" in reason
    assert bucket.found() == {}
    assert bucket.unfinished() == []
    proxy.faults = []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", SMALL)


def test_a_server_that_cannot_be_reached_is_left_for_another_delivery(bucket, store, proxy):
    event = bucket.drop("a.csv", SMALL)
    proxy.upstream = "127.0.0.1:1"

    statuses, reason = handle(event, store)

    assert statuses == ["retry"]
    assert "S3 failed to list" in reason


def test_a_process_that_is_killed_leaves_no_object_and_the_next_delivery_does_it_all(
    bucket, moto_server, is_whole, store, scorer, large
):
    event = bucket.drop("a.csv", large)
    words = [sys.executable, "-c", UNTIL_KILLED, bucket.inbox, bucket.results, "16"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(json.dumps(event).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"waiting\n"
        process.kill()

    assert bucket.found() == {}
    assert len(bucket.unfinished()) == 2, "the lifecycle rule of the bucket removes them"
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", large)


def test_an_interrupt_takes_the_uploads_back(bucket, store, large):
    event = bucket.drop("a.csv", large)
    calls = iter(range(12))

    def remaining_ms():
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return 900_000

    with pytest.raises(KeyboardInterrupt):
        s3.handle(event, store, remaining_ms, print)

    assert bucket.found() == {}
    assert bucket.unfinished() == []


@pytest.mark.parametrize("kept", ["bucket", "versioned_bucket"])
def test_one_event_delivered_five_times_at_once_gives_one_result(request, kept, scoring, moto_server):
    bucket = request.getfixturevalue(kept)
    event = bucket.drop("a.csv", SMALL)
    statuses = []
    start = threading.Barrier(5)

    def deliver():
        start.wait()
        statuses.extend(handle(event, bucket.store(scoring))[0])

    threads = [threading.Thread(target=deliver) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ["done", *["skipped"] * 4]
    assert sorted(bucket.results_of("a.csv")) == THREE
    assert bucket.unfinished() == []
    versions = bucket.client.list_object_versions(Bucket=bucket.results)["Versions"]
    assert len([each for each in versions if each["Key"].endswith("summary.json")]) == 1
    assert len({(each["Key"], each["ETag"]) for each in versions}) == 3


def test_a_delivery_that_is_overtaken_takes_back_what_it_made(bucket, store, scoring, proxy, is_whole):
    event = bucket.drop("a.csv", SMALL)
    proxy.faults = [
        Fault("GET", "list-type=2", skip=1, deed=lambda: handle(event, bucket.store(scoring))),
    ]

    assert handle(event, store) == (["skipped"], "")
    assert not any(request.startswith("POST") and "uploadId" in request for request in proxy.seen)
    assert is_whole("a.csv", SMALL)
    assert bucket.unfinished() == []


def test_events_out_of_order_give_the_result_of_what_stands_there(bucket, store, is_whole):
    first, second = bucket.drop("a.csv", OTHER), bucket.drop("a.csv", SMALL)

    assert handle(second, store) == (["done"], "")
    assert handle(first, store) == (["superseded"], "")
    assert is_whole("a.csv", SMALL)


def test_of_a_list_with_one_poison_and_two_good_each_has_its_own_outcome(bucket, store, proxy, is_whole):
    dropped = [("a.csv", SMALL), ("b.csv", b"PK\x03\x04"), ("c.csv", OTHER)]
    event = {"Records": [bucket.drop(*each)["Records"][0] for each in dropped]}
    proxy.faults = [Fault("GET", r"/incoming/c\.csv", times=1, status=503, code="SlowDown")]

    assert handle(event, store)[0] == ["done", "failed", "retry"]
    assert handle(event, store) == (["skipped", "skipped", "done"], "")

    assert is_whole("a.csv", SMALL)
    assert is_whole("c.csv", OTHER)
    assert list(bucket.results_of("b.csv")) == ["failure.json"]


def test_a_job_stops_before_the_deadline_and_leaves_nothing(bucket, store, proxy, is_whole, large):
    event = bucket.drop("a.csv", large)
    left = iter([*[900_000] * 15, 19_500])

    statuses, reason = handle(event, store, lambda: next(left))

    assert statuses == ["retry"]
    assert "Stopped 19.5 s before the deadline, after " in reason
    assert f"of {len(large):,} bytes); nothing of it was kept." in reason
    assert any("partNumber=1" in request for request in proxy.seen)
    assert bucket.found() == {}
    assert bucket.unfinished() == []
    assert handle(event, store) == (["done"], "")
    assert is_whole("a.csv", large)


@pytest.mark.parametrize("left", [0, -5, 20_000])
def test_a_job_is_not_begun_without_time_for_it(bucket, store, proxy, left):
    event = bucket.drop("a.csv", SMALL)

    statuses, reason = handle(event, store, lambda: left)

    assert statuses == ["retry"]
    assert "after 0 rows (0 of" in reason
    assert not any("/incoming/" in request for request in proxy.seen)


def test_a_fault_of_ours_in_one_object_keeps_no_other_from_its_turn(bucket, scoring, s3):
    event = {"Records": [bucket.drop(name, SMALL)["Records"][0] for name in ("a.csv", "b.csv")]}
    store = bucket.store(scoring)
    broken = bucket.store(replace(scoring, limits=None, options=None))

    assert handle(event, broken)[0] == ["error", "error"]
    assert bucket.found() == {}
    assert bucket.unfinished() == []
    assert handle(event, store) == (["done", "done"], "")


class Shortened:
    """A client whose answers end early without an error, as no library should let them."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    def get_object(self, Range: str | None = None, **_):  # noqa: N803 - boto3's name
        self.asked.append(Range)
        length, content = self.answers.pop(0)
        return {"ContentLength": length, "Body": io.BytesIO(content)}


def test_an_answer_that_ends_early_without_an_error_is_taken_up_too(monkeypatch):
    monkeypatch.setattr("app.jobs.bucket.PAUSE_S", 0)
    client = Shortened((10, b"0123"), (6, b"45"), (4, b"6789"))

    source = ObjectReader(client, "inbox", "a.csv", {"IfMatch": "x"})

    assert b"".join(iter(lambda: source.read(3), b"")) == b"0123456789"
    assert client.asked == [None, "bytes=4-", "bytes=6-"]


@pytest.mark.parametrize("length", [10, 5, 7])
def test_a_rest_of_another_length_is_not_mixed_in(monkeypatch, length):
    monkeypatch.setattr("app.jobs.bucket.PAUSE_S", 0)
    source = ObjectReader(Shortened((10, b"0123"), (length, b"0123456789")), "inbox", "a.csv", {})

    assert source.read(4) == b"0123"
    with pytest.raises(s3.RetryableError, match="asked for the rest, it sent another length"):
        source.read(4)
