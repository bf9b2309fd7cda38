"""The server under load: 64 connections of mixed traffic, 10 s of it or 5 min under SOAK=true; and processes killed."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from load import Load, Memory
from served import LABEL, Server, ask, running, soon

SOAK = os.environ.get("SOAK") == "true"
SECONDS = 300 if SOAK else 10
WARM_UP_S = 120
"""In which memory grows by some 10 MiB, and then no more than it moves anyway: docs/soak.md."""
CONNECTIONS = 64
MOST_MIB = 250
"""Of one process."""
MOST_MIB_MIN = 3
"""Growth of both processes after the warm-up."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads processes from /proc")


def workers(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_mixed_traffic_is_answered_rightly_and_takes_no_more_and_more_memory(tmp_path):
    with running(tmp_path / "log", CPU_CORES="2") as server, Memory(lambda: workers(server)) as memory:
        load = Load().run(server.port, CONNECTIONS, SECONDS)

    sys.stdout.write(
        f"{SECONDS} s of {CONNECTIONS} connections, 2 processes: {load.figures()}; {dict(load.statuses)}; at most "
        f"{memory.most_mib():.0f} MiB together"
        + (f", {memory.slope_mib_min(WARM_UP_S):+.1f} MiB/min after {WARM_UP_S} s\n" if SOAK else "\n")
    )
    assert (load.wrong, load.broken) == ([], {})
    assert not [status for status in load.statuses if status >= 500]
    assert memory.most_mib() < 2 * MOST_MIB
    assert not SOAK or memory.slope_mib_min(WARM_UP_S) < MOST_MIB_MIN
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_ends_under_load_is_replaced_and_no_answer_is_wrong(tmp_path, sent):
    load = Load()
    with running(tmp_path / "log", CPU_CORES="2") as server:
        assert soon(lambda: len(workers(server)) == 2)
        before = workers(server)
        running_load = threading.Thread(target=load.run, args=(server.port, 16, 4))
        running_load.start()
        time.sleep(1.5)
        os.kill(before[0], sent)
        running_load.join()

        assert soon(lambda: len(set(workers(server)) - {before[0]}) == 2)
        assert before[1] in workers(server)
        assert ask(server) == LABEL

    sys.stdout.write(f"{sent.name}: {sum(load.statuses.values()):,} answers, broken off: {dict(load.broken)}\n")
    assert load.wrong == []
    assert set(load.statuses) == {200, 400, 404, 422}
    # Those in flight at the killed process, at most one for each connection; one that is asked to end finishes its own.
    assert sum(load.broken.values()) <= (16 if sent is signal.SIGKILL else 0)
