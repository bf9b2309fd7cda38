"""A terminal on which a command is run."""

import fcntl
import os
import pty
import struct
import subprocess
import termios


def run_on_a_terminal(words: list[str]) -> tuple[int, str]:
    """Return how a command ended, and what it drew on standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    with subprocess.Popen(words, stderr=theirs) as process:
        os.close(theirs)
        drawn = _read_all(ours)
    return process.returncode, drawn


def _read_all(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:  # the end of file of a terminal on Linux
        pass
    os.close(terminal)
    return b"".join(parts).decode()
