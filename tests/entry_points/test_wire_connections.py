"""Many connections, over time: the limit stays what it is, and nobody is cut off to make room."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from served import ASK, LABEL, Raw, Server, assert_limit, csv_of, head, running

LIMIT = 20
CONNECTIONS = 6000
CLIENTS = 60
"""At once: more than the limit, so that some wait all the time."""

LONG = csv_of(100)


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    with running(tmp_path / "log", CHURN_CONNECTIONS=str(LIMIT)) as server:
        yield server


def come_and_go(server: Server, rng: random.Random, wrong: list[str]) -> None:
    """Open a connection, do one of the items that clients do, and leave."""
    try:
        raw = Raw(server)
    except OSError:  # more than the kernel lets wait
        return
    kind = rng.randrange(7)
    try:
        if kind == 1:
            raw.send(ASK[: rng.randrange(len(ASK))])
        elif kind == 2:
            raw.send(head("POST", "/v2/batches", "Content-Type: text/csv", "Content-Length: 5000") + LONG[:1000])
        elif kind == 3:
            raw.send(ASK * rng.randint(1, 4))
        elif kind >= 4:
            for _ in range(kind - 3):
                raw.send(ASK)
                answer = raw.read_answer()
                if (answer.status, answer.body) != (200, LABEL):
                    wrong.append(f"{answer}")
                time.sleep(rng.choice([0, 0, 0.05]))
    except OSError as error:
        wrong.append(f"cut off: {error!r}")
    with suppress(OSError):
        raw.abort() if rng.random() < 0.5 else raw.close()


def crowd(server: Server, connections: int) -> list[str]:
    wrong: list[str] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(connections // CLIENTS):
            come_and_go(server, rng, wrong)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for item in clients:
        item.start()
    for item in clients:
        item.join()
    return wrong


def test_after_thousands_of_connections_the_limit_is_what_it_was(server):
    assert_limit(server, LIMIT)

    wrong = crowd(server, CONNECTIONS)
    time.sleep(1)

    assert wrong == []
    assert_limit(server, LIMIT)
    assert "Traceback" not in server.log.read_text()
