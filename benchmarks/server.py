"""One customer over HTTP, 16 connections: `churn serve` and the naive design under gunicorn, two processes each."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import ROOT, SERVING_PYTHON
from benchmarks.measure import Result, environment
from benchmarks.ports import free_port, wait_for

CONNECTIONS = 16
SECONDS = 3.0
ROUNDS = 5
WORKERS = 2
THREADS = 8

OURS = [SERVING_PYTHON, str(ROOT / "app/cli"), "serve"]
NAIVE = [sys.executable, "-m", "gunicorn", "--preload", "-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS)]


@dataclass(frozen=True)
class Load:
    """What a server answered in a round, and the CPU seconds of all its processes meanwhile."""

    answers: int
    seconds: float
    cpu_s: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def measure() -> list[Result]:
    """Return requests a second, and requests a CPU second, as ratios of the naive design's."""
    with serving(OURS) as ours, serving([*NAIVE, "benchmarks.naive:app"]) as naive:
        rounds = [(ask(ours, CONNECTIONS), ask(naive, CONNECTIONS)) for _ in range(ROUNDS + 1)][1:]
    rates = [a.rate / b.rate for a, b in rounds]
    per_cpu = [(a.answers / a.cpu_s) / (b.answers / b.cpu_s) for a, b in rounds]
    cpu_s, naive_cpu_s = (
        statistics.median(pair[side].cpu_s / pair[side].answers for pair in rounds) for side in (0, 1)
    )
    wall_s = statistics.median(1 / a.rate for a, _ in rounds)
    p50, p99 = (statistics.median(getattr(a, name) for a, _ in rounds) for name in ("p50_ms", "p99_ms"))
    note = f"{statistics.median(a.rate for a, _ in rounds):,.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    spent = {"cpu_s": cpu_s, "wall_s": wall_s, "other_cpu_s": naive_cpu_s, "at_least": True}
    return [
        _result("HTTP, 16 connections, requests/s", rates, note, spent),
        _result("the same by the server's CPU", per_cpu, "", spent),
    ]


def _result(name: str, values: Sequence[float], note: str, spent: dict[str, float]) -> Result:
    return Result(name, statistics.median(values), (min(values), max(values)), must=8, aim=15, note=note, **spent)


@dataclass(frozen=True)
class Server:
    """A server at work."""

    port: int
    pid: int


@contextmanager
def serving(command: Sequence[str]) -> Iterator[Server]:
    """Start a server, wait until it listens, and end it."""
    port = free_port()
    more = {"PORT": str(port), "CPU_CORES": str(WORKERS), "CHURN_THREADS": str(THREADS)}
    words = [*command, *(["-b", f"127.0.0.1:{port}"] if "gunicorn" in command else [])]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet, env={**environment(), **more}, cwd=ROOT) as process:
        try:
            wait_for(port)
            yield Server(port, process.pid)
        finally:
            process.terminate()


def ask(server: Server, connections: int, seconds: float = SECONDS) -> Load:
    """Let a client of its own process ask for some seconds."""
    before = _cpu_of(server.pid)
    words = [sys.executable, "-m", "benchmarks.client", str(server.port), str(connections), str(seconds)]
    figures = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
    return Load(
        figures["answers"], figures["seconds"], _cpu_of(server.pid) - before, figures["p50_ms"], figures["p99_ms"]
    )


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its children so far, those that have ended among them."""
    ticks = 0
    for process in (pid, *_children_of(pid)):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [int(child) for child in children]
