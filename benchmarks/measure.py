"""Runs commands as whole processes, alternating, and reads their resource usage from the operating system."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Usage:
    """What one finished process used: CPU seconds (user and system), wall seconds, peak memory in MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Result:
    """One budget and what was measured against it; a ratio where `unit` is x.

    `cpu_s` and `wall_s` are medians of ours, `other_cpu_s` of the other side. With `at_least`, more is better.
    """

    name: str
    value: float
    spread: tuple[float, float]
    must: float
    aim: float
    unit: str = "x"
    note: str = ""
    cpu_s: float | None = None
    wall_s: float | None = None
    other_cpu_s: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Return aim, must or MISSED."""
        return "aim" if self._keeps(self.aim) else "must" if self._keeps(self.must) else "MISSED"

    def _keeps(self, bound: float) -> bool:
        return self.value >= bound if self.at_least else self.value <= bound


def compared(name: str, ours: Sequence[Usage], other: Sequence[Usage], must: float, aim: float) -> Result:
    """Return the ratio of CPU seconds, pair by pair, as a result."""
    value, spread = ratios(ours, other)
    return Result(
        name,
        value,
        spread,
        must,
        aim,
        cpu_s=statistics.median(usage.cpu_s for usage in ours),
        wall_s=statistics.median(usage.wall_s for usage in ours),
        other_cpu_s=statistics.median(usage.cpu_s for usage in other),
    )


def run(command: Sequence[str], stdin: IO[bytes] | None = None) -> Usage:
    """Run a command to its end and return what it used; its output is discarded, a failure raises."""
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=stdin or quiet, stdout=quiet, stderr=quiet, env=environment()) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def run_to(code: str) -> Usage:
    """Run Python code in a process of its own and return what it had used when the last line was done."""
    started = time.perf_counter()
    code = f"{code}\nimport sys, time\nsys.stderr.write(str(time.process_time()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment())
    return Usage(float(done.stderr), time.perf_counter() - started)


def environment() -> dict[str, str]:
    """Return the environment of what is measured."""
    # One thread everywhere: the ratios are of CPU seconds, and thread pools of different sizes would blur them.
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def in_turn(measures: dict[str, Callable[[], Usage]], runs: int) -> dict[str, list[Usage]]:
    """Take each measure once to warm up, then all of them in turn, `runs` times."""
    for measure in measures.values():
        measure()
    usages: dict[str, list[Usage]] = {name: [] for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            usages[name].append(measure())
    return usages


def interleaved(commands: dict[str, Sequence[str]], runs: int) -> dict[str, list[Usage]]:
    """Run each command once to warm up, then all of them in turn, `runs` times."""
    return in_turn({name: lambda command=command: run(command) for name, command in commands.items()}, runs)


def ratios(above: Sequence[Usage], below: Sequence[Usage]) -> tuple[float, tuple[float, float]]:
    """Return the median of the CPU ratios pair by pair, and the least and greatest of them."""
    pairs = [a.cpu_s / b.cpu_s for a, b in zip(above, below, strict=True)]
    return statistics.median(pairs), (min(pairs), max(pairs))


def cpu_of(call: Callable[[], object], seconds: float = 0.3) -> Usage:
    """Return the seconds of one call in this process: the least of five rounds, each of about `seconds` / 5."""
    call()
    calls, spent = 1, 0.0
    while spent < seconds / 5:
        calls *= 4
        spent = _round_of(call, calls).cpu_s
    best = min((_round_of(call, calls) for _ in range(5)), key=lambda usage: usage.cpu_s)
    return Usage(best.cpu_s / calls, best.wall_s / calls)


def _round_of(call: Callable[[], object], calls: int) -> Usage:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    return Usage(time.process_time() - cpu, time.perf_counter() - wall)


def machine() -> dict[str, object]:
    """Return what a reader must know of the machine to read the figures."""
    return {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:  # noqa: PTH123 - a file of the kernel
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
