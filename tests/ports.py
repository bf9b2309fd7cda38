"""Ports of this machine: one that is free, and one that a server has opened."""

import socket
import subprocess
import time
from typing import Any, Final

START_S: Final = 60


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
