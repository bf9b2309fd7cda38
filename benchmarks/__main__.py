"""Runs the benchmarks, prints a table and writes it as JSON under build/bench/.

usage: python -m benchmarks [--check] [--all] [NAME ...]
"""

import argparse
import importlib
import json
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime

from benchmarks import cost
from benchmarks.data import BUILD, ROOT, source
from benchmarks.measure import Result, machine

SCRIPTS = ("start", "warm", "server", "bulk", "recorded")
UNBOUNDED = ("start", "warm", "server", "bulk", "s3", "spark", "images", "growth")


def main() -> int:
    """Run every script; with --check, return 1 if a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="end with 1 if a budget is missed")
    options.add_argument("--all", action="store_true", help="also the longer ones: S3, Spark, images, growth")
    options.add_argument("names", nargs="*", metavar="NAME", help="only these: " + ", ".join({*SCRIPTS, *UNBOUNDED}))
    options.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.one:
        print(json.dumps([asdict(result) for result in importlib.import_module(f"benchmarks.{asked.one}").measure()]))
        return 0
    started = time.monotonic()
    results: list[Result] = []
    for name in asked.names or (UNBOUNDED if asked.all else SCRIPTS):
        results += _run(name)
    _print(results)
    BUILD.mkdir(parents=True, exist_ok=True)
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "data": source().name,
        "seconds": round(time.monotonic() - started, 1),
        "results": [{**asdict(result), "verdict": result.verdict} for result in results],
    }
    (BUILD / "results.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    missed = [result.name for result in results if result.verdict == "MISSED"]
    print(f"\n{record['seconds']} s; machine: {record['machine']}")
    print(f"missed: {', '.join(missed)}" if missed else "every budget kept")
    print(cost.table({result.name: result for result in results}), end="")
    return int(asked.check and bool(missed))


def _run(name: str) -> list[Result]:
    # In a process of its own: Linux counts the peak of a parent among those of its children, so what runs commands must
    # not have pandas in its memory. The results are the last line.
    text = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    print(f"{name}: {text.splitlines()[0].strip(chr(34))}", flush=True)
    words = [sys.executable, "-m", "benchmarks", "--one", name]
    printed = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.splitlines()
    for line in printed[:-1]:
        print(f"  {line}")
    return [Result(**{**fields, "spread": tuple(fields["spread"])}) for fields in json.loads(printed[-1])]


def _print(results: list[Result]) -> None:
    heads = f"{'median':>11}{'min to max':>19}{'must':>9}{'aim':>9}  {'verdict':8}{'CPU':>9}{'wall':>9}{'other':>9}"
    print(f"\n{'what':<33}{heads}  note")
    for result in results:
        low, high = result.spread
        seconds = [_seconds(figure) for figure in (result.cpu_s, result.wall_s, result.other_cpu_s)]
        print(
            f"{result.name:<33}{_figure(result.value, result.unit):>11}{f'{low:.3g} to {high:.3g}':>19}"
            f"{_bound(result, result.must):>9}{_bound(result, result.aim):>9}  {result.verdict:8}"
            f"{''.join(f'{figure:>9}' for figure in seconds)}  {result.note}".rstrip()
        )
    print(
        "\nratios are of CPU seconds (user and system), pair by pair, medians; CPU and wall are ours, other is the CPU"
    )
    print("of what ours is compared with, of one run, one start or one request")


def _figure(value: float, unit: str) -> str:
    return f"{value:.3g}{unit}"


def _bound(result: Result, bound: float) -> str:
    return f"{'>=' if result.at_least else '<='}{bound:.3g}"


def _seconds(figure: float | None) -> str:
    if figure is None:
        return ""
    return (
        f"{figure:.2f} s" if figure >= 1 else f"{figure * 1e3:.3g} ms" if figure >= 1e-3 else f"{figure * 1e6:.3g} us"
    )


if __name__ == "__main__":
    sys.exit(main())
