"""Faults of S3 and of the process at random points, each run from a seed: there is one committed result at the end.

20 runs, and under SOAK=true 200. A run that fails names its seed, and fails again with it.
"""

import contextlib
import gzip
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buckets import Buckets
from faulty_proxy import Fault, FaultyProxy
from s3_handling import handle
from shipped import SCHEMA

from app.jobs import local
from app.jobs.scoring import Scoring
from model import artifact, describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

ROOT = Path(__file__).parents[2]
SOAK = os.environ.get("SOAK") == "true"
SEEDS = range(200 if SOAK else 20)
MOST_DELIVERIES = 60
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
ROWS = (LINE, LINE.replace(",12,", ",40,"), LINE.replace(",12,", ",-1,"), LINE.replace("Yes", "maybe", 1), LINE + "\n")
PLACES = {
    "the file": ("GET", "/incoming/"),
    "a list": ("GET", "list-type=2"),
    "a beginning": ("POST", r"\?uploads"),
    "a part": ("PUT", "partNumber"),
    "an end": ("POST", r"\?uploadId"),
    "a taking back": ("DELETE", "uploadId"),
    "the mark": ("PUT", r"summary\.json"),
}
WORKER = """
import json, sys
from app.jobs import bucket, s3
from app.jobs.scoring import Scoring
from model import artifact
from model.outputs import OutputOptions
from model.bulk.source import FileLimits

bucket.PAUSE_S = 0.001
scoring = Scoring(artifact.load(), OutputOptions(), FileLimits())
client = s3.connect(max_attempts=1, timeout_s=10)
for line in sys.stdin:
    asked = json.loads(line)
    store = s3.Store(s3.BucketLayout(*asked["buckets"]), scoring, client, part_bytes=5 << 20)
    lines = []
    try:
        s3.handle(asked["event"], store, lambda: 900_000, lines.append)
    except s3.RetryableError:
        pass
    print(json.dumps([item["status"] for item in lines]), flush=True)
"""


class Process:
    """A process that handles events until it is killed; the next event then has a new one."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._running: subprocess.Popen[bytes] | None = None

    def handle(self, event: object, buckets: Buckets) -> list[str]:
        if self._running is not None and self._running.poll() is not None:
            self.end()
        if self._running is None:
            environ = {**os.environ, "AWS_ENDPOINT_URL": self._address}
            self._running = subprocess.Popen(
                [sys.executable, "-c", WORKER], cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        asked = {"event": event, "buckets": [buckets.inbox, buckets.results]}
        line = b""
        with contextlib.suppress(BrokenPipeError):
            self._running.stdin.write(json.dumps(asked).encode() + b"\n")
            self._running.stdin.flush()
            line = self._running.stdout.readline()
        if line:
            return json.loads(line)
        self.end()
        return ["killed"]

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()

    def end(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            with contextlib.suppress(BrokenPipeError):
                self._running.stdin.close()
            self._running.stdout.close()
            self._running = None


@pytest.fixture(scope="module")
def process(lasting_proxy: FaultyProxy) -> Iterator[Process]:
    process = Process(lasting_proxy.address)
    yield process
    process.end()


@pytest.fixture(scope="module")
def counts() -> Iterator[Counter[str]]:
    """What went wrong, over all runs."""
    counts: Counter[str] = Counter()
    yield counts
    sys.stdout.write(f"faults met and outcomes of {len(SEEDS)} runs: {dict(sorted(counts.items()))}\n")


def content_of(chance: random.Random) -> tuple[str, bytes]:
    rows = chance.choices(ROWS, (40, 40, 2, 2, 1), k=chance.choice((0, 1, 30, 3000, 120_000)))
    # Each customer has an id: lists of equal rows compress further than is accepted.
    content = "".join([HEADER, *(f"{number}{row}" for number, row in enumerate(rows))]).encode()
    return ("a.csv.gz", gzip.compress(content, mtime=0)) if chance.random() < 0.3 else ("a.csv", content)


def fault_of(chance: random.Random, size: int, kill: Callable[[], object], counts: Counter[str]) -> Fault:
    point = chance.choice(list(PLACES))
    kinds = ["503", "500", "403", "lost answer", "slow", "kill"]
    if point == "the file":
        kinds += ["cut", "cut", "changed", "cut and changed"]
    kind = chance.choice(kinds)
    method, path = PLACES[point]
    fault = Fault(method, path, times=chance.choice((1, 1, 2, 5)), skip=chance.choice((0, 0, 1, 2)))

    def met(deed: Callable[[], object] | None = None) -> Callable[[], object]:
        def do() -> None:
            counts[f"{kind}: {point}"] += 1
            if deed:
                deed()

        return do

    fault.deed = met({"slow": lambda: time.sleep(chance.random() / 5), "kill": kill}.get(kind))
    if kind in {"503", "500", "403", "lost answer", "kill"}:
        fault.status, fault.code = (int(kind), "OnOrder") if kind.isdigit() else (503, "SlowDown")
        fault.after = kind == "lost answer"
    if "cut" in kind:
        fault.break_at = chance.randrange(size)
    if "changed" in kind:
        fault.change_at = chance.randrange(size)
    return fault


def deliver(chance: random.Random, event: object, buckets: Buckets, scoring: Scoring, client: object) -> list[str]:
    """Deliver an event one to three times at once, each with some time for it."""
    statuses: list[str] = []

    def once(left: Iterator[int]) -> None:
        statuses.extend(handle(event, buckets.store(scoring, client, part_bytes=5 << 20), lambda: next(left))[0])

    def time_left() -> Iterator[int]:
        for _ in range(blocks):
            yield 900_000
        while True:
            yield 19_000

    threads = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        blocks = chance.choice((1, 3, 9, 10_000, 10_000, 10_000))
        threads.append(threading.Thread(target=once, args=(time_left(),)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.soak
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_one_result_at_the_end_whatever_fails(
    seed, request, proxy, faulty_s3, process, scorer, counts, tmp_path
):
    chance = random.Random(seed)
    bucket = request.getfixturevalue(chance.choice(("bucket", "versioned_bucket")))
    scoring = Scoring(scorer, OutputOptions(), FileLimits())
    name, content = content_of(chance)
    local.score_file(io.BytesIO(content), name, tmp_path / "wanted", scoring)
    wanted = {file.name: file.read_bytes() for file in (tmp_path / "wanted").iterdir()}
    event = bucket.put(name, content)
    proxy.faults = [fault_of(chance, len(content), process.kill, counts) for _ in range(chance.choice((1, 2, 3, 4, 6)))]

    statuses: list[str] = []
    while not {"done", "skipped"} & set(statuses) and len(statuses) < MOST_DELIVERIES:
        if chance.random() < 0.5:
            statuses += process.handle(event, bucket)
        else:
            statuses += deliver(chance, event, bucket, scoring, faulty_s3)
        results = bucket.contents()
        assert not any(key.endswith("failure.json") for key in results), statuses
        if not any(key.endswith("summary.json") for key in results):
            assert not {"done", "skipped"} & set(statuses), statuses
    proxy.faults = []
    again = deliver(chance, event, bucket, scoring, faulty_s3)
    counts.update(statuses)

    assert "done" in statuses or "skipped" in statuses, statuses
    assert set(again) <= {"skipped", "retry"}, again
    results = bucket.results_of(name)
    summary, expected = json.loads(results.pop("summary.json")), json.loads(wanted.pop("summary.json"))
    assert results == wanted
    assert {**summary, "job": ""} == {**expected, "job": ""}
    assert summary["rows_in"] == summary["rows_scored"] + summary["rows_rejected"]
    marks = bucket.client.list_object_versions(Bucket=bucket.results).get("Versions", [])
    assert len([item for item in marks if item["Key"].endswith("summary.json")]) == 1


def test_the_runs_use_the_model_of_the_process(scorer):
    assert scorer.sha256 == artifact.load().sha256
