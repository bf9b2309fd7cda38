"""Many connections, over time: the limit stays what it is, and nobody is cut off in the middle to make room."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from served import ASK, LABEL, Raw, Server, assert_limit, csv_of, head, post, running

LIMIT = 20
CONNECTIONS = 6000
CLIENTS = 60
"""At once: more than the limit, so that room is made, and refused, all the time."""

LONG = csv_of(50_000)
LONG_REQUEST = post("/v2/batches?include_input=true&reasons=3", LONG, "text/csv")
"""Its answer is longer than what sockets hold."""

RECEIVE_BYTES = 4096


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    with running(tmp_path / "log", CHURN_CONNECTIONS=str(LIMIT)) as server:
        yield server


def come_and_go(server: Server, rng: random.Random, wrong: list[str]) -> None:
    """Open a connection, do one of the things that clients do, and leave."""
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
                if (answer.status, answer.body) != (200, LABEL) and answer.status != 503:
                    wrong.append(f"{answer}")
                time.sleep(rng.choice([0, 0, 0.05]))
    except OSError:
        # Refused, or an idle one that made room.
        pass
    with suppress(OSError):
        raw.abort() if rng.random() < 0.5 else raw.close()


def crowd(server: Server, connections: int) -> list[str]:
    wrong: list[str] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(connections // CLIENTS):
            come_and_go(server, rng, wrong)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return wrong


def test_after_thousands_of_connections_the_limit_is_what_it_was(server):
    assert_limit(server, LIMIT)

    wrong = crowd(server, CONNECTIONS)
    time.sleep(1)

    assert wrong == []
    assert_limit(server, LIMIT)
    assert "Traceback" not in server.log.read_text()


def test_idle_clients_that_ask_or_leave_while_others_come_do_not_move_the_limit(server):
    # All at once, so that the server learns of both in one look at its sockets: an idle connection that makes room may
    # have a request, or its end, to be read.
    for _ in range(60):
        with ExitStack() as held:
            idle = [held.enter_context(Raw(server, ASK)) for _ in range(LIMIT)]
            for raw in idle:
                with suppress(OSError):
                    raw.read_answer()
            fresh = [held.enter_context(Raw(server)) for _ in range(5)]
            for number, raw in enumerate(idle):
                with suppress(OSError):
                    raw.send(ASK) if number % 2 else raw.close()
            fresh += [held.enter_context(Raw(server)) for _ in range(LIMIT)]
            del fresh
    time.sleep(1)

    assert_limit(server, LIMIT)


def test_clients_that_were_refused_and_stay_cost_no_places(server):
    with ExitStack() as held:
        begun = [held.enter_context(Raw(server, ASK[:-10])) for _ in range(LIMIT)]
        refused = [held.enter_context(Raw(server)) for _ in range(LIMIT // 2)]
        assert {raw.read_answer().status for raw in refused} == {503}
        for raw in begun:
            raw.close()
        time.sleep(0.5)

        assert_limit(server, LIMIT)


def test_room_is_made_by_idle_clients_only(server):
    with ExitStack() as held:
        reader = held.enter_context(Raw(server, ASK, RECEIVE_BYTES))
        assert reader.read_answer().body == LABEL
        reader.send(LONG_REQUEST)
        sender = held.enter_context(Raw(server, ASK))
        assert sender.read_answer().body == LABEL
        sender.send(ASK[:-10])
        # Until the answer is made, and lies there for its reader.
        time.sleep(3)

        for _ in range(3 * LIMIT):
            with suppress(OSError):
                idle = held.enter_context(Raw(server, ASK))
                assert idle.read_answer().body == LABEL

        sender.send(ASK[-10:])
        assert sender.read_answer().body == LABEL
        answer = reader.read_answer()
        assert (answer.status, answer.body.count(b"\n")) == (200, 50_001)
        reader.send(ASK)
        assert reader.read_answer().body == LABEL


def test_an_idle_client_whose_next_request_is_there_is_not_cut_off(server):
    lost = 0
    for _ in range(20):
        with ExitStack() as held:
            for _ in range(LIMIT - 1):
                held.enter_context(Raw(server, ASK[:-10]))
            idle = held.enter_context(Raw(server, ASK))
            assert idle.read_answer().body == LABEL
            # The server finds both when it goes on: somebody to make room for, and the request.
            os.kill(server.worker(), signal.SIGSTOP)
            held.enter_context(Raw(server))
            idle.send(ASK)
            os.kill(server.worker(), signal.SIGCONT)
            try:
                lost += idle.read_answer().body != LABEL
            except OSError:
                lost += 1

    assert lost == 0
