"""Runs commands as whole processes, in turn, and reads what the operating system says each of them used."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What one finished process used: CPU seconds (user and system), wall seconds, peak memory in MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class Result:
    """One budget and what was measured against it; `value` is a ratio unless `unit` says otherwise."""

    name: str
    value: float
    spread: tuple[float, float]
    must: float
    aim: float
    unit: str = "x"
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return aim, must or MISSED."""
        return "aim" if self.value <= self.aim else "must" if self.value <= self.must else "MISSED"


def run(command: Sequence[str]) -> Usage:
    """Run a command to its end and return what it used; its output is thrown away, a failure raises."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def _environment() -> dict[str, str]:
    # One thread everywhere: the ratios are of CPU seconds, and thread pools of different sizes would blur them.
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def interleaved(commands: dict[str, Sequence[str]], runs: int) -> dict[str, list[Usage]]:
    """Run each command once to warm up, then all of them in turn, `runs` times."""
    for command in commands.values():
        run(command)
    found: dict[str, list[Usage]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(run(command))
    return found


def ratios(above: Sequence[Usage], below: Sequence[Usage]) -> tuple[float, tuple[float, float]]:
    """Return the median of the CPU ratios pair by pair, and the least and greatest of them."""
    each = [a.cpu_s / b.cpu_s for a, b in zip(above, below, strict=True)]
    return statistics.median(each), (min(each), max(each))


def cpu_of(call: Callable[[], object], seconds: float = 0.3) -> float:
    """Return the CPU seconds of one call in this process: the least of five rounds, each of about `seconds`."""
    call()
    calls, spent = 1, 0.0
    while spent < seconds / 5:
        calls *= 4
        spent = _cpu_of(call, calls)
    return min(_cpu_of(call, calls) for _ in range(5)) / calls


def _cpu_of(call: Callable[[], object], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        call()
    return time.process_time() - started


def machine() -> dict[str, object]:
    """Return what a reader must know of the machine to read the figures."""
    return {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:  # noqa: PTH123 - a file of the kernel, not of ours
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
