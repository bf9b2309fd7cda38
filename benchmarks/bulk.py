"""A million rows by `churn score`, clean and with 5 % bad ones, compared with a read and write and the naive design."""

import subprocess
import sys

from benchmarks import data
from benchmarks.measure import Result, Usage, compared, interleaved, run

ROWS = 1_000_000
TIMES = 10
RUNS = 7
NAIVE_RUNS = 3

SCORE = [data.SERVING_PYTHON, str(data.ROOT / "app/cli"), "score"]


def measure() -> list[Result]:
    """Return the ratios of CPU seconds, and the peak memory."""
    clean, spoilt = data.make(ROWS), data.make(ROWS, bad_share=0.05)
    out = data.BUILD
    scored = [*SCORE, str(clean), "-o", str(out / "clean-scored")]
    used = interleaved(
        {
            "floor": [sys.executable, "-m", "benchmarks.floor_csv", str(clean), str(out / "floor.csv")],
            "clean": scored,
            "spoilt": [*SCORE, str(spoilt), "-o", str(out / "spoilt-scored")],
        },
        RUNS,
    )
    naive = interleaved(
        {"naive": [sys.executable, "-m", "benchmarks.naive", str(clean), str(out / "naive.csv")], "clean": scored},
        NAIVE_RUNS,
    )
    long = score_repeated(ROWS, TIMES)
    peaks = [usage.peak_mb for usage in (*used["clean"], *used["spoilt"], long)]
    growth = [long.peak_mb / usage.peak_mb for usage in used["clean"]]
    return [
        compared("1M rows, clean / floor", used["clean"], used["floor"], must=2.5, aim=1.7),
        compared("1M rows, 5 % bad / floor", used["spoilt"], used["floor"], must=4.0, aim=2.5),
        compared("1M rows, clean / naive", naive["clean"], naive["naive"], must=1 / 5, aim=1 / 8),
        Result("peak memory", max(peaks), (min(peaks), max(peaks)), must=250, aim=180, unit=" MB"),
        Result("memory, 10M rows / 1M", max(growth), (min(growth), max(growth)), must=1.1, aim=1.05, cpu_s=long.cpu_s),
    ]


def score_repeated(rows: int, times: int) -> Usage:
    """Score a file of `rows` rows repeated, through standard input, so that ten million rows need no file."""
    words = [sys.executable, "-m", "benchmarks.data", str(rows), str(times)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=data.ROOT) as source:
        return run([*SCORE, "-", "-o", str(data.BUILD / "repeated-scored")], source.stdout)
