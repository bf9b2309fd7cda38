"""Mixed traffic against a server on this machine, bounded, every answer looked at; and the memory that it takes."""

import gzip
import hashlib
import http.client
import json
import random
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from shipped import EXAMPLE, SCHEMA

from model import describe

ROWS = 10_000
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "application/gzip"}


@dataclass
class Request:
    """One kind of request, how often it is sent, and what its answer must be."""

    kind: str
    weight: int
    path: str
    body: bytes
    headers: dict[str, str]
    status: int
    is_right: Callable[[bytes], bool] = lambda answer: bool(answer)


def traffic() -> list[Request]:
    """Return what is sent: customers, lists of 10,000 rows, and requests that are wrong."""
    stays = {**EXAMPLE, "tenure": 72, "Contract": "Two year"}
    header, line = describe.template(SCHEMA).splitlines()
    rest = line.partition(",")[2]
    rows = "".join(f"{number:05d},{rest}\n" for number in range(ROWS))
    compressed = gzip.compress(f"{header}\n{rows}".encode(), mtime=0)
    lines = "".join(f"{number + 1},{number:05d},churn,0.5205,high,\n" for number in range(ROWS))
    expected = hashlib.sha256(f"row,customerID,prediction,probability,tier,error\n{lines}".encode()).digest()

    def single(customer: dict[str, object], label: str) -> Request:
        answer = json.dumps({"Prediction": label}).encode()
        return Request("customer", 40, "/v1/customer", json.dumps(customer).encode(), JSON, 200, answer.__eq__)

    return [
        single(dict(EXAMPLE), "churn"),
        single(stays, "not churn"),
        Request(
            "reasons", 10, "/v2/customers", json.dumps(dict(EXAMPLE)).encode(), JSON, 200, lambda a: b'"reasons"' in a
        ),
        Request(
            "list", 4, "/v2/batches", compressed, GZIP, 200, lambda answer: hashlib.sha256(answer).digest() == expected
        ),
        Request("no JSON", 3, "/v1/customer", b'{"tenure": ', JSON, 400),
        Request("no customer", 3, "/v1/customer", b'{"tenure": -1}', JSON, 422),
        Request("nowhere", 3, "/nowhere", b"{}", JSON, 404),
    ]


@dataclass
class Load:
    """The result of some seconds of traffic."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self, port: int, connections: int, seconds: float) -> "Load":
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._ask, args=(port, end, number)) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _ask(self, port: int, end: float, seed: int) -> None:
        chance = random.Random(seed)
        requests = traffic()
        weights = [item.weight for item in requests]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < end:
            [request] = chance.choices(requests, weights)
            started = time.monotonic()
            try:
                connection.request("POST", request.path, request.body, request.headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.broken[type(error).__name__] += 1
                connection.close()
                continue
            self.seconds[request.kind].append(time.monotonic() - started)
            self.statuses[answer.status] += 1
            if answer.status == 503 and int(answer.headers["Retry-After"]):
                continue
            if answer.status != request.status or not request.is_right(body):
                self.wrong.append(f"{request.kind}: {answer.status} {body[:200]!r}")
        connection.close()

    def figures(self) -> str:
        reported = []
        for kind, seconds in sorted(self.seconds.items()):
            cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
            reported.append(f"{kind}: {len(seconds):,}, median {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms")
        return "; ".join(reported)


class Memory:
    """Reads the resident memory of processes once a second, while its block lasts."""

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self._end = threading.Event()
        self.samples: list[tuple[float, float]] = []
        """Seconds, and MiB of all processes together."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        while not self._end.wait(1):
            self.samples.append((time.monotonic() - started, sum(map(resident_mib, self._pids()))))

    def slope_mib_min(self, after_s: float) -> float:
        """Return the growth once so many seconds have passed."""
        later = [sample for sample in self.samples if sample[0] >= after_s]
        return 60 * statistics.linear_regression(*zip(*later, strict=True)).slope

    def most_mib(self) -> float:
        return max(mib for _, mib in self.samples)


def resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
