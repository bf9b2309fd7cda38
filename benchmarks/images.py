"""The two images compared with the same ones with scikit-learn: size, and the CPU from the start to a first answer."""

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from benchmarks.example_request import BODY
from benchmarks.measure import Result
from benchmarks.recorded import RECORD
from deploy.images import ENGINES, IMAGES, BuildError, build_command, find_builder

RUNS = 7

# The CPU of all that the process did, its start included; boto3 and the like are loaded by neither.
SPENT = "import os; t = os.times(); print(t.user + t.system)"
STARTS = {
    "lambda": f"import handler; handler.handler({BODY}); {SPENT}",
    "spaces": f"from app import wiring; assert wiring.build().test_client().get('/health').status_code == 200; {SPENT}",
}


def measure() -> list[Result]:
    """Return sizes and starts, of each image and as a ratio of the one with the pipeline."""
    try:
        builder = find_builder()
    except BuildError as error:
        print(f"left out: {error}")
        return []
    results: list[Result] = []
    for name in IMAGES:
        tags = {engine: f"churn-{name}:bench-{engine}" for engine in ENGINES}
        for engine, tag in tags.items():
            subprocess.run(build_command(builder, name, tag=tag, engine=engine), check=True, stdout=subprocess.DEVNULL)
        ours, other = (_megabytes(builder, tags[engine]) for engine in ENGINES)
        ratio = ours / other
        started: dict[str, list[float]] = {engine: [] for engine in ENGINES}
        for _ in range(RUNS):
            for engine, tag in tags.items():
                started[engine].append(_start(builder, tag, name))
        pairs = [a / b for a, b in zip(started[ENGINES[0]], started[ENGINES[1]], strict=True)]
        results += [
            Result(f"{name} image", ours, (ours, ours), must=320, aim=300, unit=" MB"),
            Result(f"{name} image / with sklearn", ratio, (ratio, ratio), must=0.6, aim=0.45),
            Result(
                f"{name} start / with sklearn",
                statistics.median(pairs),
                (min(pairs), max(pairs)),
                must=1 / 4,
                aim=1 / 6,
            ),
        ]
    RECORD.write_text(
        json.dumps(
            {"date": f"{datetime.now(UTC):%Y-%m-%d}", "results": [_kept(result) for result in results]}, indent=2
        )
        + "\n"
    )
    return results


def _kept(result: Result) -> dict[str, object]:
    return {name: value for name, value in asdict(result).items() if value not in (None, "", False)}


def _megabytes(builder: str, tag: str) -> float:
    return int(_output([builder, "image", "inspect", "--format", "{{.Size}}", tag])) / 1e6


def _start(builder: str, tag: str, name: str) -> float:
    words = [
        builder,
        "run",
        "--rm",
        "--read-only",
        "--network",
        "none",
        "--entrypoint",
        "python",
        tag,
        "-c",
        STARTS[name],
    ]
    return float(_output(words).splitlines()[-1])


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
