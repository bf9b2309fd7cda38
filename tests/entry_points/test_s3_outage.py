"""S3 answers 503 to everything for seconds, a minute under SOAK=true: what was dropped is scored once all the same.

The event is delivered again and again meanwhile, as Lambda and the queue behind it do.
"""

import os
import sys
import threading
import time

import pytest
from faulty_proxy import Fault, FaultyProxy
from s3_handling import handle
from shipped import SCHEMA

from app.jobs import s3
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

SOAK = os.environ.get("SOAK") == "true"
OUTAGE_S = 60 if SOAK else 3
PAUSE_S = 0.5
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
SMALL = (HEADER + LINE * 40 + LINE.replace(",12,", ",-1,")).encode()
LARGE = (HEADER + LINE * 180_000).encode()
"""Its predictions take two parts of the least size."""


class Outage:
    """All that is asked for is answered 503, from `begin` on for so many seconds."""

    def __init__(self, proxy: FaultyProxy) -> None:
        self._proxy, self.refused = proxy, 0
        self._end = threading.Timer(OUTAGE_S, self._over)
        self.is_over = threading.Event()

    def begin(self) -> None:
        methods = ("GET", "HEAD", "PUT", "POST", "DELETE")
        self._proxy.faults = [Fault(method, "", status=503, code="SlowDown", deed=self._count) for method in methods]
        self._end.start()

    def _count(self) -> None:
        self.refused += 1

    def _over(self) -> None:
        self._proxy.faults = []
        self.is_over.set()


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("begins", ["before the event", "while it is read", "while it is written"])
def test_a_bucket_that_answers_503_for_long_loses_nothing_and_doubles_nothing(
    begins, versioned_bucket, proxy, toy_scorecard, monkeypatch, is_whole_in
):
    bucket, outage = versioned_bucket, Outage(proxy)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    store = bucket.store(
        Scoring(toy_scorecard, OutputOptions(), FileLimits()), s3.connect(max_attempts=2), part_bytes=5 << 20
    )
    content = SMALL if begins == "before the event" else LARGE
    event = bucket.put("a.csv", content)
    if begins == "before the event":
        outage.begin()
    else:
        read = begins == "while it is read"
        method, path = ("GET", r"/incoming/a\.csv") if read else ("PUT", "partNumber=1")
        proxy.faults = [Fault(method, path, break_at=5_000_000 if read else None, deed=outage.begin, times=1)]

    statuses: list[str] = []
    started = time.monotonic()
    while "done" not in statuses:
        statuses += handle(event, store)[0]
        time.sleep(PAUSE_S)
    seconds = time.monotonic() - started
    again = handle(event, store)[0]

    sys.stdout.write(
        f"503 for {OUTAGE_S} s {begins}: {outage.refused} requests refused, done by delivery {len(statuses)} "
        f"after {seconds:.0f} s\n"
    )
    assert outage.is_over.is_set()
    assert statuses == ["retry"] * (len(statuses) - 1) + ["done"]
    assert len(statuses) > 1
    assert outage.refused > 1
    assert again == ["skipped"]
    assert is_whole_in(bucket, "a.csv", content)
    versions = bucket.client.list_object_versions(Bucket=bucket.results)["Versions"]
    assert len([version for version in versions if version["Key"].endswith("summary.json")]) == 1
