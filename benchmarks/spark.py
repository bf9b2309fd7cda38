"""The same files by `churn score` and by `churn spark` on two cores: where the cluster's overhead is earned back."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks import data
from benchmarks.measure import Result, Usage, run

SIZES = (1_000_000, 10_000_000)
RUNS = 2
PR_SET_CHILD_SUBREAPER = 36


def measure() -> list[Result]:
    """Return the CPU of Spark beside that of the command, and what each further million of rows costs."""
    churn = data.ROOT / ".venv-spark" / "bin" / "churn"
    if not churn.exists() or not shutil.which("java"):
        print("left out: it needs .venv-spark (make spark) and java")
        return []
    small, large = (data.make(rows) for rows in SIZES)
    used: dict[str, list[Usage]] = {"here small": [], "here large": [], "spark small": [], "spark large": []}
    for file, size in [(small, "small")] * RUNS + [(large, "large")]:
        out = data.BUILD / "spark-scored"
        used[f"here {size}"].append(
            run([sys.executable, str(data.ROOT / "cli.py"), "score", str(file), "-o", str(out.with_name("here"))])
        )
        shutil.rmtree(out, ignore_errors=True)
        used[f"spark {size}"].append(_run_tree([str(churn), "spark", str(file), str(out), "--master", "local[2]"]))
    shutil.rmtree(out)
    for name, found in used.items():
        print(name, *(f"CPU {each.cpu_s:.1f} s, wall {each.wall_s:.1f} s;" for each in found))
    cpu = {name: min(each.cpu_s for each in found) for name, found in used.items()}
    rows = (SIZES[1] - SIZES[0]) / 1e6
    further = {door: (cpu[f"{door} large"] - cpu[f"{door} small"]) / rows for door in ("here", "spark")}
    start = cpu["spark small"] - further["spark"] * SIZES[0] / 1e6
    ratio = further["spark"] / further["here"]
    rate = SIZES[1] / used["spark large"][0].wall_s / 1e6
    return [
        Result("Spark, CPU before the first row", start, (start, start), must=45, aim=25, unit=" s"),
        Result("Spark, a further 1M rows", further["spark"], (further["spark"],) * 2, must=5, aim=3, unit=" s"),
        Result("the same / churn score", ratio, (ratio, ratio), must=4, aim=2.5),
        Result("Spark, s a million rows", 1 / rate, (1 / rate, 1 / rate), must=10, aim=4, unit=" s"),
    ]


def _run_tree(command: Sequence[str]) -> Usage:
    """Run a command and return what it and all its descendants used: the JVM and its Python workers among them."""
    # Whoever outlives its parent becomes ours, so that it can be waited for, and its time counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(cpu, wall, after.ru_maxrss / 1024)
