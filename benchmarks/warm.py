"""One customer in a warm process: through Lambda's handler, and the scorer alone, compared with the naive design."""

import contextlib
import gc
import os
import statistics
from collections.abc import Callable

import pandas as pd

import handler
from benchmarks import example_request, naive
from benchmarks.measure import Result, Usage, compared, cpu_of
from model import artifact
from model.validate import validate

ROUNDS = 7


def measure() -> list[Result]:
    """Return ratios of CPU seconds, and the microseconds of the scorer."""
    # As handler.py does for itself: the collector must not scan the other imports at its expense.
    gc.freeze()
    event, scorecard = example_request.event(), artifact.load()
    schema = scorecard.schema
    customer, frame = validate(schema.example, schema.features), pd.DataFrame([dict(schema.example)])
    # The log line of each request is written, and discarded.
    with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):  # noqa: PTH123
        ours, theirs = _in_turn(lambda: handler.handler(event), lambda: naive.handler(event))
    alone, pipeline = _in_turn(lambda: scorecard.score(customer), lambda: naive.pipeline.predict_proba(frame))
    micros = [usage.cpu_s * 1e6 for usage in alone]
    return [
        compared("warm handler / naive", ours, theirs, must=1 / 20, aim=1 / 40),
        Result("scorer, one customer", statistics.median(micros), (min(micros), max(micros)), 10, 3, " us"),
        compared("scorer / pipeline", alone, pipeline, must=1 / 20, aim=1 / 1000),
    ]


def _in_turn(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[Usage], list[Usage]]:
    pairs = [(cpu_of(ours), cpu_of(theirs)) for _ in range(ROUNDS)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
