"""From bucket to bucket on a local moto_server: CPU and memory of the process that scores a dropped file."""

import os
import secrets
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import data
from benchmarks.measure import Result, Usage, ratios, run
from benchmarks.ports import free_port, wait_for

SIZES = (1_000_000, 5_000_000)
RUNS = 3


def measure() -> list[Result]:
    """Return the CPU with S3 compared with the command on the same file, and how memory grows with the file."""
    small, large = (data.make(rows) for rows in SIZES)
    with _server():
        used: dict[str, list[Usage]] = {"small": [], "large": [], "command": []}
        for _ in range(RUNS):
            out = str(data.BUILD / "clean-scored")
            used["command"].append(run([sys.executable, str(data.ROOT / "app/cli"), "score", str(small), "-o", out]))
            used["small"].append(_scored(small))
        used["large"].append(_scored(large))
    megabytes = {name: [usage.peak_mb for usage in usages] for name, usages in used.items()}
    growth = megabytes["large"][0] / statistics.median(megabytes["small"])
    per_row = used["large"][0].cpu_s / statistics.median(usage.cpu_s for usage in used["small"])
    peaks = [*megabytes["small"], *megabytes["large"]]
    return [
        Result("S3, 1M rows / churn score", *ratios(used["small"], used["command"]), must=2.0, aim=1.5),
        Result("S3, CPU of 5M / 1M rows", per_row, (per_row, per_row), must=5.5, aim=5.0),
        Result("S3, memory of 5M / 1M rows", growth, (growth, growth), must=1.1, aim=1.05),
        Result("S3, peak memory", max(peaks), (min(peaks), max(peaks)), must=250, aim=180, unit=" MB"),
    ]


def _scored(file: os.PathLike[str]) -> Usage:
    """Drop a file into fresh buckets, score it in a process of its own, and delete everything again."""
    name = secrets.token_hex(4)
    command = [sys.executable, "-m", "benchmarks.s3_object"]
    # Not in this process: Linux counts the peak of a parent among those of its children.
    run([*command, "put", name, os.fspath(file)])
    used = run([*command, "score", name])
    run([*command, "remove", name])
    return used


@contextmanager
def _server() -> Iterator[None]:
    """Run a moto_server, and point the environment to it."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    before = dict(os.environ)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            os.environ.update(settings)
            wait_for(port)
            yield
        finally:
            process.kill()
            os.environ.clear()
            os.environ.update(before)
