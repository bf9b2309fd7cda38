"""The scorer alone: one customer that is valid already, by the scorecard and by the scikit-learn pipeline."""

import statistics

import pandas as pd

from benchmarks.measure import Result, cpu_of
from benchmarks.naive import load_pipeline
from model import artifact
from model.schema import EXAMPLE
from model.validate import validate

ROUNDS = 5


def measure() -> list[Result]:
    """Return microseconds of CPU a customer, and the ratio to the pipeline."""
    scorecard, pipeline = artifact.load(), load_pipeline()
    customer = validate(EXAMPLE)
    frame = pd.DataFrame([dict(EXAMPLE)])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(cpu_of(lambda: scorecard.score(customer)) * 1e6)
        theirs.append(cpu_of(lambda: pipeline.predict_proba(frame)) * 1e6)
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return [
        Result("scorer, one customer", statistics.median(ours), (min(ours), max(ours)), must=10, aim=3, unit=" us"),
        Result("scorer / pipeline", statistics.median(each), (min(each), max(each)), must=1 / 20, aim=1 / 1000),
    ]
