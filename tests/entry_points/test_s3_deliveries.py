"""Events delivered twice, at once, out of order, too late, or to a process that is killed: one complete result."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_proxy import Fault
from s3_handling import LARGE, OTHER, RESULTS, SMALL, handle

from app.jobs import s3

ROOT = Path(__file__).parents[2]


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


def test_a_killed_process_leaves_no_object_and_the_next_delivery_scores_the_file(
    bucket, moto_server, is_whole, faulty_store, scorer
):
    event = bucket.put("a.csv", LARGE)
    words = [sys.executable, "-c", UNTIL_KILLED, bucket.inbox, bucket.results, "16"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(json.dumps(event).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"waiting\n"
        process.kill()

    assert bucket.contents() == {}
    assert len(bucket.unfinished()) == 2, "the lifecycle rule of the bucket removes them"
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


def test_an_interrupt_aborts_the_uploads(bucket, faulty_store):
    event = bucket.put("a.csv", LARGE)
    calls = iter(range(12))

    def remaining_ms():
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return 900_000

    with pytest.raises(KeyboardInterrupt):
        s3.handle(event, faulty_store, remaining_ms, print)

    assert bucket.contents() == {}
    assert bucket.unfinished() == []


@pytest.mark.parametrize("kept", ["bucket", "versioned_bucket"])
def test_one_event_delivered_five_times_at_once_gives_one_result(request, kept, scoring, moto_server):
    bucket = request.getfixturevalue(kept)
    event = bucket.put("a.csv", SMALL)
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
    assert sorted(bucket.results_of("a.csv")) == RESULTS
    assert bucket.unfinished() == []
    versions = bucket.client.list_object_versions(Bucket=bucket.results)["Versions"]
    assert len([item for item in versions if item["Key"].endswith("summary.json")]) == 1
    assert len({(item["Key"], item["ETag"]) for item in versions}) == 3


def test_a_delivery_that_is_overtaken_aborts_its_uploads(bucket, faulty_store, scoring, proxy, is_whole):
    event = bucket.put("a.csv", SMALL)
    proxy.faults = [
        Fault("GET", "list-type=2", skip=1, deed=lambda: handle(event, bucket.store(scoring))),
    ]

    assert handle(event, faulty_store) == (["skipped"], "")
    assert not any(request.startswith("POST") and "uploadId" in request for request in proxy.seen)
    assert is_whole("a.csv", SMALL)
    assert bucket.unfinished() == []


def test_events_out_of_order_give_the_result_of_the_current_object(bucket, faulty_store, is_whole):
    first, second = bucket.put("a.csv", OTHER), bucket.put("a.csv", SMALL)

    assert handle(second, faulty_store) == (["done"], "")
    assert handle(first, faulty_store) == (["superseded"], "")
    assert is_whole("a.csv", SMALL)


def test_one_unreadable_file_and_two_good_ones_have_an_outcome_each(bucket, faulty_store, proxy, is_whole):
    dropped = [("a.csv", SMALL), ("b.csv", b"PK\x03\x04"), ("c.csv", OTHER)]
    event = {"Records": [bucket.put(*item)["Records"][0] for item in dropped]}
    proxy.faults = [Fault("GET", r"/incoming/c\.csv", times=1, status=503, code="SlowDown")]

    assert handle(event, faulty_store)[0] == ["done", "failed", "retry"]
    assert handle(event, faulty_store) == (["skipped", "skipped", "done"], "")

    assert is_whole("a.csv", SMALL)
    assert is_whole("c.csv", OTHER)
    assert list(bucket.results_of("b.csv")) == ["failure.json"]


def test_a_job_stops_before_the_deadline_and_leaves_nothing(bucket, faulty_store, proxy, is_whole):
    event = bucket.put("a.csv", LARGE)
    left = iter([*[900_000] * 15, 19_500])

    statuses, reason = handle(event, faulty_store, lambda: next(left))

    assert statuses == ["retry"]
    assert "Stopped 19.5 s before the deadline, after " in reason
    assert f"of {len(LARGE):,} bytes); nothing of it was kept." in reason
    assert any("partNumber=1" in request for request in proxy.seen)
    assert bucket.contents() == {}
    assert bucket.unfinished() == []
    assert handle(event, faulty_store) == (["done"], "")
    assert is_whole("a.csv", LARGE)


@pytest.mark.parametrize("left", [0, -5, 20_000])
def test_a_job_does_not_start_without_time_for_it(bucket, faulty_store, proxy, left):
    event = bucket.put("a.csv", SMALL)

    statuses, reason = handle(event, faulty_store, lambda: left)

    assert statuses == ["retry"]
    assert "after 0 rows (0 of" in reason
    assert not any("/incoming/" in request for request in proxy.seen)


def test_a_bug_that_one_object_meets_does_not_stop_the_others(bucket, scoring, s3):
    event = {"Records": [bucket.put(name, SMALL)["Records"][0] for name in ("a.csv", "b.csv")]}
    store = bucket.store(scoring)
    broken = bucket.store(replace(scoring, limits=None, options=None))

    assert handle(event, broken)[0] == ["error", "error"]
    assert bucket.contents() == {}
    assert bucket.unfinished() == []
    assert handle(event, store) == (["done", "done"], "")
