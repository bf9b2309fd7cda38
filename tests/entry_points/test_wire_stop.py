"""A server that is asked to end, and one with few descriptors: what is in progress is finished, nothing spins."""

import resource
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from served import ASK, LABEL, Answer, Raw, Server, cpu_seconds, csv_of, post, running, soon

pytestmark = pytest.mark.no_cover
LONG = csv_of(60_000)
LONG_REQUEST = post("/v2/batches?include_input=true&reasons=3", LONG, "text/csv")
RECEIVE_BYTES = 4096
DESCRIPTORS = 64
MAX_CPU_SECONDS = 0.2
"""In 2 s with nothing to do but to look again; a loop that spins takes all of the 2."""

needs_linux = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process")


def outcome(server: Server) -> str:
    """Return what becomes of one new client: answered, refused at once, or anything else."""
    try:
        with Raw(server, ASK) as raw:
            answer = raw.read_answer()
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return f"cut off: {error!r}"
    return "answered" if (answer.status, answer.body) == (200, LABEL) else f"{answer}"


def test_a_server_that_ends_refuses_at_once_and_finishes_a_slow_answer(tmp_path):
    with running(tmp_path / "log") as server, ExitStack() as held:
        with Raw(server, LONG_REQUEST) as raw:
            whole = raw.read_answer().body
        reader = held.enter_context(Raw(server, LONG_REQUEST, RECEIVE_BYTES))
        sender = held.enter_context(Raw(server, ASK))
        assert sender.read_answer().body == LABEL
        upload = post("/v2/batches", csv_of(500), "text/csv")
        sender.send(upload[:5000])
        # In the middle of its answer.
        time.sleep(1)

        server.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        assert soon(lambda: outcome(server) == "refused", 1)
        outcomes: Counter[str] = Counter()
        while time.monotonic() < asked + 3:
            outcomes[outcome(server)] += 1
            time.sleep(0.05)
        assert server.process.poll() is None
        sender.send(upload[5000:])
        uploaded = sender.read_answer()
        answer: Answer = reader.read_answer()

        assert set(outcomes) == {"refused"}
        assert (uploaded.status, uploaded.body.count(b"\n")) == (200, 501)
        assert uploaded.headers["connection"].lower() == "close"
        assert (answer.status, answer.body == whole) == (200, True)
        assert server.process.wait(10) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_server_that_ends_while_clients_come_cuts_off_none_that_it_took(tmp_path):
    outcomes: Counter[str] = Counter()
    with running(tmp_path / "log") as server:
        ended = threading.Event()

        def keep_coming() -> None:
            while not ended.is_set():
                outcomes[outcome(server)] += 1

        clients = [threading.Thread(target=keep_coming) for _ in range(6)]
        for client in clients:
            client.start()
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(20)
        ended.set()
        for client in clients:
            client.join()

    assert code == 0
    assert outcomes["answered"] > 50
    # A connection that is made in the very moment in which the socket is closed is reset by the kernel.
    assert sum(outcomes.values()) - outcomes["answered"] - outcomes["refused"] <= len(clients), outcomes


def idle_cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process uses in 2 s."""
    before = cpu_seconds(pid)
    time.sleep(2)
    return cpu_seconds(pid) - before


@needs_linux
def test_with_few_descriptors_clients_wait_and_the_server_rests(tmp_path):
    code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))"
    with running(tmp_path / "log", before=code) as server, ExitStack() as held:
        worker = server.worker()
        begun = [held.enter_context(Raw(server, ASK[:-10])) for _ in range(2 * DESCRIPTORS)]
        time.sleep(1)

        full_s = idle_cpu_seconds(worker)
        for raw in begun:
            raw.send(ASK[-10:])
        answers = Counter()
        for raw in begun:
            answers[raw.read_answer().status] += 1
            raw.close()

        assert answers == {200: 2 * DESCRIPTORS}
        assert soon(lambda: outcome(server) == "answered", 2)
        assert full_s < MAX_CPU_SECONDS
        assert server.worker() == worker
    assert "Traceback" not in server.log.read_text()
