"""The output of a Spark job, and that of `churn score` for the same files."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.jobs import local
from app.jobs.scoring import Scoring
from model import artifact
from model.bulk.records import Records
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

KINDS = ("predictions", "rejects")


def need_java() -> None:
    """Skip the tests of a fixture where there is no java."""
    if not shutil.which("java"):
        pytest.skip("there is no java: apt-get install default-jre-headless")


@contextmanager
def local_session() -> Iterator[Any]:
    """A Spark on two cores of this machine."""
    from pyspark.sql import SparkSession

    from app import spark

    need_java()
    (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "768m")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    with spark.session() as session:
        session.sparkContext.setLogLevel("OFF")
        yield session


def lines_here(folder: Path, *files: Path) -> dict[str, list[bytes]]:
    """Score files into a folder, and return the lines of both outputs, sorted, without headers and row numbers."""
    lines: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for file in files:
        with file.open("rb") as source:
            local.score_file(
                source, file.name, folder / file.name, Scoring(artifact.load(), OutputOptions(), FileLimits())
            )
        for kind, kept in lines.items():
            delimiter, records = _read(folder / file.name / f"{kind}.csv")
            kept += [record.split(delimiter, 1)[1] for record in records]
    return {kind: sorted(kept) for kind, kept in lines.items()}


def lines_of(out: Path, kind: str) -> list[bytes]:
    """Return all lines of an output of Spark, sorted, without the header that each part has."""
    return sorted(record for part in (out / kind).glob("part-*.csv") for record in _read(part)[1])


def summary_of(out: Path) -> dict:
    """Return the summary of a job, whose counts must agree."""
    summary = json.loads((out / "summary.json").read_bytes())
    assert summary["rows_in"] == summary["rows_scored"] + summary["rows_rejected"]
    return summary


def left_in(folder: Path) -> list[str]:
    """Return what a job that failed left where its results would have been, hidden or not."""
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name or path.name == "out")


def _read(file: Path) -> tuple[bytes, list[bytes]]:
    content = file.read_bytes()
    head = content.split(b"\n", 1)[0]
    delimiter = next((mark for mark in (";", "\t") if mark.encode() in head), ",")
    records = Records(content, delimiter)
    return delimiter.encode(), [records[index] for index in range(1, records.count)]
