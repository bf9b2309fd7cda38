"""How cost grows: with the rows of a file (10^3 to 10^7), and with requests at once (1 to 64); a picture of both."""

import math
import statistics
from collections.abc import Sequence

import matplotlib as mpl

from benchmarks import data, server
from benchmarks.bulk import SCORE, score_repeated
from benchmarks.measure import Result, Usage, run

mpl.use("svg")
# The same figures give the same file, with text as text.
mpl.rcParams.update({"svg.hashsalt": "churn", "svg.fonttype": "none", "font.size": 9})

from matplotlib import pyplot as plt  # noqa: E402 - after the choice of the backend

ROWS = (1_000, 10_000, 100_000, 1_000_000)
MOST = 10_000_000
RUNS = 3
CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
SECONDS = 3.0
PICTURE = data.ROOT / "docs" / "images" / "growth.svg"


def measure() -> list[Result]:
    """Return the slopes, and draw the picture."""
    scored = {rows: _median([_score(rows) for _ in range(RUNS)]) for rows in ROWS}
    scored[MOST] = score_repeated(ROWS[-1], MOST // ROWS[-1])
    with server.serving(server.OURS) as ours:
        server.ask(ours, CONNECTIONS[0])
        asked = {connections: server.ask(ours, connections, SECONDS) for connections in CONNECTIONS}
    start_s = scored[ROWS[0]].cpu_s
    large = [rows for rows in scored if rows >= 100_000]
    beyond = slope(large, [scored[rows].cpu_s - start_s for rows in large])
    memory = slope(large, [scored[rows].peak_mb for rows in large])
    per_request = slope(CONNECTIONS, [load.cpu_s / load.answers for load in asked.values()])
    _draw(scored, asked)
    for rows, used in scored.items():
        print(f"{rows:>10,} rows: {used.cpu_s:.3f} s of CPU, {used.peak_mb:.0f} MB")
    for connections, load in asked.items():
        print(
            f"{connections:>3} at once: {load.rate:,.0f} a second, p50 {load.p50_ms:.1f} ms, p99 {load.p99_ms:.1f} ms, "
            f"{load.cpu_s / load.answers * 1e6:.0f} us of CPU each"
        )
    return [
        Result("slope of CPU by rows, start off", beyond, (beyond, beyond), must=1.1, aim=1.03, unit=""),
        Result("slope of memory by rows", memory, (memory, memory), must=0.1, aim=0.02, unit=""),
        Result("slope of CPU a request by number", per_request, (per_request, per_request), 0.15, 0.05, unit=""),
    ]


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent k of cost ~ size^k: the slope of a line through the logarithms of both, by least squares."""
    fit = statistics.linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs])
    return fit.slope


def _score(rows: int) -> Usage:
    return run([*SCORE, str(data.make(rows)), "-o", str(data.BUILD / "growth-scored")])


def _median(used: Sequence[Usage]) -> Usage:
    return sorted(used, key=lambda usage: usage.cpu_s)[len(used) // 2]


def _draw(scored: dict[int, Usage], asked: dict[int, server.Load]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    rows = list(scored)
    left.loglog(rows, [usage.cpu_s for usage in scored.values()], "o-", color="#0072b2", label="CPU, s")
    left.loglog(rows, [usage.peak_mb / 1000 for usage in scored.values()], "s--", color="#d55e00", label="memory, GB")
    left.set(xlabel="rows in a file", title="churn score")
    connections = list(asked)
    right.loglog(connections, [load.rate for load in asked.values()], "o-", color="#0072b2", label="requests a second")
    right.loglog(
        connections, [load.cpu_s / load.answers * 1e6 for load in asked.values()], "s--", color="#d55e00",
        label="CPU a request, us",
    )  # fmt: skip
    right.set(xlabel="connections at once", title="one customer over HTTP, two processes")
    right.set_xticks(connections, [str(number) for number in connections])
    right.minorticks_off()
    for axes in (left, right):
        axes.grid(which="major", alpha=0.3)
        axes.legend(frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
