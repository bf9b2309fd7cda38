"""What the measured CPU seconds cost on Lambda, at several memory sizes, compared with the naive design.

Prices are list prices for x86 in dollars, without free tiers, as listed on public pages on the date below; Lambda's are
assumed to be the same in us-east-1 and eu-central-1. Check them before you plan with them. Lambda gives a function a
share of a core by its memory, and bills the time; waiting (for S3, the network) is additional and the same for both.
"""

from collections.abc import Mapping
from math import ceil

from benchmarks.measure import Result

PRICES_OF = "2026-11-24"
SOURCE = "https://aws.amazon.com/lambda/pricing/, x86, first tier"
DOLLARS_A_GB_SECOND = 0.0000166667
DOLLARS_A_REQUEST = 0.20 / 1e6

CORE_MB = 1769
"""Memory at which a function has one core; scoring runs in one thread, so more memory is not faster."""

SIZES_MB = (256, 512, 1024, 1769, 3008)
NAIVE_LEAST_MB = 512
"""The process with pandas and scikit-learn in it takes 190 MB at rest and 1.1 GB for a million rows at once."""

REQUESTS = 1_000_000
ROWS = 100_000_000
COLD_SHARE = 1 / 1000
"""Of requests that meet a cold start. Since August 2025 its time is billed like any other."""


def seconds_at(cpu_s: float, memory_mb: int) -> float:
    """Return how long some CPU seconds take with the share of a core that `memory_mb` brings."""
    return cpu_s / min(1.0, memory_mb / CORE_MB)


def requests_cost(warm_s: float, cold_s: float, memory_mb: int) -> float:
    """Return dollars for a million single predictions: billed by the whole millisecond."""
    warm, cold = (ceil(seconds_at(cpu_s, memory_mb) * 1000) / 1000 for cpu_s in (warm_s, cold_s))
    gb_seconds = REQUESTS * (warm + COLD_SHARE * cold) * memory_mb / 1024
    return gb_seconds * DOLLARS_A_GB_SECOND + REQUESTS * DOLLARS_A_REQUEST


def rows_cost(million_rows_s: float, memory_mb: int) -> float:
    """Return dollars for a hundred million rows in files."""
    return seconds_at(million_rows_s, memory_mb) * ROWS / 1e6 * memory_mb / 1024 * DOLLARS_A_GB_SECOND


def table(results: Mapping[str, Result]) -> str:
    """Return the costs as a Markdown table, or "" where a figure is missing."""
    names = ("warm handler / naive", "cold start / naive", "1M rows, clean / naive", "1M rows, 5 % bad / floor")
    if not all(name in results for name in names):
        return ""
    warm, cold, clean, spoilt = (results[name] for name in names)
    lines = [
        f"\nLambda, dollars; prices of {PRICES_OF}, {SOURCE}",
        "| memory | 1M predictions | naive | 100M rows, clean | 5 % bad | naive |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size in SIZES_MB:
        ours = [
            requests_cost(warm.cpu_s or 0, cold.cpu_s or 0, size),
            rows_cost(clean.cpu_s or 0, size),
            rows_cost(spoilt.cpu_s or 0, size),
        ]
        naive_request = requests_cost(warm.other_cpu_s or 0, cold.other_cpu_s or 0, size)
        fits = size >= NAIVE_LEAST_MB
        naive_rows = f"{rows_cost(clean.other_cpu_s or 0, size):.4f}" if size >= CORE_MB else "too little memory"
        lines.append(
            f"| {size} MB | {ours[0]:.2f} | {f'{naive_request:.2f}' if fits else 'too little memory'} "
            f"| {ours[1]:.4f} | {ours[2]:.4f} | {naive_rows} |"
        )
    return "\n".join(lines) + "\n"
