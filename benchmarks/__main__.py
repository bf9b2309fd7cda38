"""Runs the benchmarks, prints a table and writes it as JSON under build/bench/.

usage: python -m benchmarks [--check] [--all]
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime

from benchmarks import bulk, s3, scorer
from benchmarks.data import BUILD, source
from benchmarks.measure import Result, machine

SCRIPTS = (scorer, bulk)
UNBOUNDED = (s3,)


def main() -> int:
    """Run every script; with --check, return 1 if a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="end with 1 if a budget is missed")
    options.add_argument("--all", action="store_true", help="also what takes longer: S3")
    asked = options.parse_args()
    started = time.monotonic()
    results: list[Result] = []
    for script in (*SCRIPTS, *(UNBOUNDED if asked.all else ())):
        print(f"{script.__name__.rsplit('.', 1)[-1]}: {(script.__doc__ or '').splitlines()[0]}", flush=True)
        results += script.measure()
    _print(results)
    BUILD.mkdir(parents=True, exist_ok=True)
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "data": source().name,
        "seconds": round(time.monotonic() - started, 1),
        "results": [{**asdict(each), "verdict": each.verdict} for each in results],
    }
    (BUILD / "results.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return int(asked.check and any(each.verdict == "MISSED" for each in results))


def _print(results: list[Result]) -> None:
    print(f"\n{'what':<28}{'median':>12}{'min to max':>22}{'must':>10}{'aim':>10}  verdict")
    for each in results:
        low, high = each.spread
        print(
            f"{each.name:<28}{_figure(each.value, each.unit):>12}{f'{low:.3g} to {high:.3g}':>22}"
            f"{_figure(each.must, each.unit):>10}{_figure(each.aim, each.unit):>10}  {each.verdict}"
        )
    print("\nratios are of CPU seconds (user and system), pair by pair, medians; less is better")


def _figure(value: float, unit: str) -> str:
    return f"{value:.3g}{unit}"


if __name__ == "__main__":
    sys.exit(main())
