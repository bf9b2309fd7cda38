"""Ports of this machine: one that is free, and one that a server has opened."""

import contextlib
import itertools
import random
import socket
import subprocess
import time
from typing import Any, Final

START_S: Final = 60

# Below those that Linux gives to outgoing connections, which could take a port before its server does. Each process has
# an order of its own, so that tests that run at once try others; pytest-randomly seeds `random` alike in all of them.
_PORTS: Final = itertools.cycle(random.SystemRandom().sample(range(12_000, 32_000), 20_000))


def free_port() -> int:
    """Return a port that nobody listens on, and that this process was not given before."""
    for port in _PORTS:
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports never end")


def wait_for(port: int, process: "subprocess.Popen[Any]") -> None:
    """Return once a process listens; where it does not in a minute, or ended, it is killed and RuntimeError raised."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    process.wait()
    raise RuntimeError(f"{process.args!r} does not listen")
