"""Pipelined requests under load: each answer belongs to its request, byte for byte, for a minute and 20,000 answers.

Knows nothing of the server: it compares what comes over the wire with what the same request got alone.
"""

import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from served import Raw, Server, csv_of, running
from shipped import EXAMPLE

CONNECTIONS = 8
MIN_ANSWERS = 20_000
SECONDS = 60
MAX_SECONDS = 240
"""A slower machine gets longer for the same number of answers."""

ROWS = [1] * 10 + [2, 3, 5, 10, 20, 40] * 3 + [100, 200, 300] * 2 + [3000]
"""Of the files: about 60 on average, so that two cores give 20,000 answers a minute; the longest is read in pieces."""

CLOSED = "closed"
"""What an exchange gives that the server ended, after an answer whose length it did not know before."""

MAX_PAUSE_S = 0.002
"""Between a head and its body: the server must be able to begin with one before the other is there."""


@dataclass(frozen=True)
class Request:
    """A request without the end of its head, where the id goes, and what it was answered when it was sent alone."""

    head: bytes
    body: bytes
    status: int = 0
    answer: bytes = b""

    def with_id(self, name: bytes) -> bytes:
        return self.head + b"X-Request-Id: " + name + b"\r\n\r\n"


def request(method: str, path: str, body: bytes = b"", content_type: str = "", chunk: int = 0) -> Request:
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    if body and chunk:
        lines += [f"Content-Type: {content_type}", "Transfer-Encoding: chunked"]
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    elif body:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return Request(("\r\n".join(lines) + "\r\n").encode(), body)


def customers() -> Iterator[Request]:
    """Yield requests for one customer or a few, whose answers differ."""
    for months in range(1, 40):
        values = {**EXAMPLE, "tenure": months, "MonthlyCharges": 20 + 2 * months}
        yield request("POST", "/v1/customer", json.dumps(values).encode(), "application/json")
        yield request("POST", "/v2/customers?reasons=2", json.dumps(values).encode(), "application/json")
    for count in (2, 9, 40):
        listed = {"customers": [{**EXAMPLE, "tenure": count + number} for number in range(count)]}
        yield request("POST", "/v2/customers", json.dumps(listed).encode(), "application/json")


def files() -> Iterator[Request]:
    """Yield files of many sizes, each with ids of its own, plain or in chunks, some with a bad row."""
    first = 0
    for number, rows in enumerate(ROWS):
        content = csv_of(rows, first)
        first += rows
        if number % 5 == 4:
            content += b"bad," + b"," * 9 + b"\n"
        chunk = 8000 if number % 3 == 2 else 0
        yield request("POST", "/v2/batches", content, "text/csv", chunk)


def answered_alone(server: Server, asked: Request) -> Request:
    """Return the request with the answer that it gets on a connection of its own."""
    with Raw(server, asked.with_id(b"alone") + asked.body) as raw:
        answer = raw.read_answer()
    assert answer.headers["x-request-id"] == "alone"
    return Request(asked.head, asked.body, answer.status, answer.body)


@dataclass
class Load:
    """Eight connections that pipeline, and what they found."""

    server: Server
    quick: list[Request]
    files: list[Request]
    answers: int = 0
    files_answered: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enough(self, started: float) -> bool:
        seconds = time.monotonic() - started
        return seconds > MAX_SECONDS or (seconds > SECONDS and self.answers >= MIN_ANSWERS)

    def run(self) -> float:
        """Return how many seconds it took."""
        started = time.monotonic()
        threads = [threading.Thread(target=self._connect, args=(seed, started)) for seed in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - started

    def _connect(self, seed: int, started: float) -> None:
        rng = random.Random(seed)
        ids = (b"c%d-%d" % (seed, number) for number in itertools.count())
        raw = Raw(self.server)
        while not self.enough(started):
            # Mostly as in the report that this test comes from; the rest has more requests behind one another.
            sent = [self.quick[0], rng.choice(self.files)]
            if rng.random() < 0.5:
                sent += rng.choices(self.quick, k=rng.randint(1, 3))
            if rng.random() < 0.2:
                sent += [rng.choice(self.files), rng.choice(self.quick)]
            problem, compared = self._exchange(raw, rng, [(next(ids), item) for item in sent])
            with self.lock:
                self.answers += compared
                self.files_answered += sum(item in self.files for item in sent[:compared])
                self.wrong += [problem] if problem not in {"", CLOSED} else []
            if problem:
                raw.close()
                raw = Raw(self.server)
        raw.close()

    def _exchange(self, raw: Raw, rng: random.Random, sent: list[tuple[bytes, Request]]) -> tuple[str, int]:
        """Send requests behind one another, read the answers, return the first problem and how many were compared."""
        compared = 0
        try:
            waiting = b""
            for name, item in sent:
                waiting += item.with_id(name)
                if item in self.files or (item.body and rng.random() < 0.3):
                    raw.send(waiting)
                    time.sleep(rng.uniform(0, MAX_PAUSE_S))
                    waiting = b""
                waiting += item.body
            raw.send(waiting)
            for name, item in sent:
                answer = raw.read_answer()
                compared += 1
                got = (answer.headers["x-request-id"], answer.status, answer.body)
                if got != (name.decode(), item.status, item.answer):
                    return f"{name!r}: {answer.status} {answer.headers} {answer.body[:200]!r}", compared
                if answer.headers.get("connection", "").lower() == "close":
                    # The rest is refused: nothing more comes, and the client sends it on another connection.
                    return (f"{name!r}: more after the last answer" if raw.read_to_end() else CLOSED), compared
        except (OSError, KeyError, ValueError) as error:
            if isinstance(error, OSError) and any(item in self.files for _, item in sent[:-1]):
                # Sent while the server closed the connection after a file: refused as well, by a reset.
                return CLOSED, compared
            return f"after {compared} answers of {[name for name, _ in sent]}: {error!r}", compared + 1
        return "", compared


@pytest.mark.slow
@pytest.mark.timeout(MAX_SECONDS + 60)
def test_every_pipelined_answer_belongs_to_its_request(tmp_path):
    with running(tmp_path / "log") as server:
        quick = [answered_alone(server, customer) for customer in [request("GET", "/health"), *customers()]]
        lists = [answered_alone(server, file) for file in files()]
        assert {item.status for item in [*quick, *lists]} == {200}
        assert len({item.answer for item in lists}) == len(ROWS)
        assert len({item.answer for item in quick}) > len(quick) // 2
        load = Load(server, quick, lists)
        seconds = load.run()

    counts = f"{len(load.wrong):,} of {load.answers:,} answers wrong ({load.files_answered:,} of files)"
    sys.stdout.write(f"{counts} in {seconds:.0f} s\n")
    assert load.wrong == []
    assert load.answers >= MIN_ANSWERS
    assert "Traceback" not in server.log.read_text()
