"""A million rows by `churn score`, clean and with 5 % bad rows, beside the floor and the naive design."""

import sys

from benchmarks import data
from benchmarks.measure import Result, interleaved, ratios

ROWS = 1_000_000
RUNS = 3


def measure() -> list[Result]:
    """Return the ratios of CPU seconds, and the peak memory."""
    clean, spoilt = data.make(ROWS), data.make(ROWS, bad_share=0.05)
    out = data.BUILD
    score = [sys.executable, str(data.ROOT / "cli.py"), "score"]
    used = interleaved(
        {
            "floor": [sys.executable, "-m", "benchmarks.floor_csv", str(clean), str(out / "floor.csv")],
            "clean": [*score, str(clean), "-o", str(out / "clean-scored")],
            "spoilt": [*score, str(spoilt), "-o", str(out / "spoilt-scored")],
        },
        RUNS,
    )
    naive = interleaved(
        {
            "naive": [sys.executable, "-m", "benchmarks.naive", str(clean), str(out / "naive.csv")],
            "clean": [*score, str(clean), "-o", str(out / "clean-scored")],
        },
        RUNS - 1,
    )
    peaks = [each.peak_mb for each in (*used["clean"], *used["spoilt"])]
    return [
        Result("1M rows, clean / floor", *ratios(used["clean"], used["floor"]), must=2.5, aim=1.7),
        Result("1M rows, 5 % bad / floor", *ratios(used["spoilt"], used["floor"]), must=4.0, aim=2.5),
        Result("1M rows, clean / naive", *ratios(naive["clean"], naive["naive"]), must=1 / 5, aim=1 / 8),
        Result("1M rows, peak memory", max(peaks), (min(peaks), max(peaks)), must=250, aim=180, unit=" MB"),
    ]
