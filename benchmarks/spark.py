"""The same files by `churn score` and by `churn spark` on two cores: the cost of Spark, and of its start."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from benchmarks import data
from benchmarks.measure import Result, Usage, run

RUNS = {1_000_000: 3, 10_000_000: 2}
MASTER = "local[2]"
EVERY_S = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> list[Result]:
    """Return the CPU of Spark compared with that of the command, and what each further million of rows costs."""
    churn = data.ROOT / ".venv-spark" / "bin" / "churn"
    if not churn.exists() or not shutil.which("java"):
        print("left out: it needs .venv-spark (make spark) and java")
        return []
    here: dict[int, list[Usage]] = {rows: [] for rows in RUNS}
    spark: dict[int, list[Usage]] = {rows: [] for rows in RUNS}
    for rows, runs in RUNS.items():
        file, out = str(data.make(rows)), data.BUILD / "spark-scored"
        for _ in range(runs):
            here[rows].append(
                run([sys.executable, str(data.ROOT / "app/cli"), "score", file, "-o", str(data.BUILD / "here-scored")])
            )
            shutil.rmtree(out, ignore_errors=True)
            spark[rows].append(run_session([str(churn), "spark", file, str(out), "--master", MASTER]))
    shutil.rmtree(out)
    for name, measured in (("churn score", here), ("churn spark", spark)):
        for rows, used in measured.items():
            print(
                f"{name}, {rows:,} rows:", *(f"CPU {usage.cpu_s:.1f} s, wall {usage.wall_s:.1f} s;" for usage in used)
            )
    small, large = RUNS
    further = _further(spark)
    starts = [usage.cpu_s - statistics.median(further) * small / 1e6 for usage in spark[small]]
    ratios = [ours / theirs for ours, theirs in product(further, _further(here))]
    walls = [usage.wall_s * 1e6 / large for usage in spark[large]]
    return [
        _result("Spark, CPU of its start", starts, must=45, aim=25, unit=" s"),
        _result("Spark, a further 1M rows", further, must=5, aim=3, unit=" s"),
        _result("the same / churn score", ratios, must=4, aim=2.5),
        _result("Spark, wall of 1M rows of 10M", walls, must=10, aim=4, unit=" s"),
    ]


def run_session(command: Sequence[str]) -> Usage:
    """Run a command to its end, and return what it and everything it started used.

    No process's usage includes the time of Spark's Python workers: the daemon that forks them ignores SIGCHLD, and
    Linux counts a child for its parent only if that waits for it. So each process of the session is read until it ends.
    """
    quiet = subprocess.DEVNULL
    seen: dict[tuple[str, str], float] = {}
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        while process.poll() is None:
            seen |= _cpu_of(process.pid)
            time.sleep(EVERY_S)
        wall = time.perf_counter() - started
    while running := _cpu_of(process.pid):
        seen |= running
        time.sleep(EVERY_S)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Usage(sum(seen.values()), wall)


def _cpu_of(session: int) -> dict[tuple[str, str], float]:
    """Return the CPU seconds so far of each process of a session that lives, by its id and the time of its start."""
    seconds = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name may contain anything, so the fields after it are counted from its end; see proc(5).
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(session) and fields[0] != "Z":
            seconds[stat.parent.name, fields[19]] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def _further(used: dict[int, list[Usage]]) -> list[float]:
    """Return the CPU seconds of a further million rows, from each pair of a large and a small run."""
    small, large = used
    return [(b.cpu_s - a.cpu_s) / (large - small) * 1e6 for a, b in product(used[small], used[large])]


def _result(name: str, values: Sequence[float], must: float, aim: float, unit: str = "x") -> Result:
    return Result(name, statistics.median(values), (min(values), max(values)), must, aim, unit)
