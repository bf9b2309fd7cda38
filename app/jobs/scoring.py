"""Score one file into predictions, rejects and a summary: the part that folder, bucket and command line share.

Knows neither folders nor buckets.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.jobs.layout import JOB_ID_DIGITS
from model.bulk.csv_writer import FORMAT, Predictions, Rejects
from model.bulk.population import largest_drift
from model.bulk.run import FileLimits, Run
from model.bulk.source import Readable, position_of, reread
from model.errors import InputError
from model.outputs import OutputOptions
from model.scorecard import Scorer

ReportProgress = Callable[[int, int], object]
"""Called after each block with the bytes and the rows read so far."""

LogEntry = dict[str, Any]
"""What the log holds about one file: names, codes, counts and times, never a customer's data."""


class Writable(Protocol):
    """Where an output's bytes go."""

    def write(self, content: bytes, /) -> object:
        """Write the next bytes."""


class HashingReader:
    """A source whose bytes are hashed as they are read."""

    def __init__(self, source: Readable) -> None:
        self._source, self._start = source, position_of(source)
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes of the source."""
        content = self._source.read(size)
        self._hash.update(content)
        return content

    def again(self) -> AbstractContextManager[Readable | None]:
        """Give the bytes of the source from its start, not hashed a second time; None if it cannot be read twice."""
        return reread(self._source, self._start)

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, in hex."""
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class Scoring:
    """How files are scored: the model, the columns of the output, the limits, the encoding."""

    scorer: Scorer
    options: OutputOptions
    limits: FileLimits
    charset: str | None = None

    def job_id(self, name: str, content: str) -> str:
        """Return the id of the job that scores a file.

        It is a hash of everything that decides the results, so the same file gives the same job with the same bytes,
        in any order and any overlap, without a lock. Options that have their default are left out, so that a new option
        changes no id.

        The name is that below the inbox. `content` identifies the bytes: their sha256, or a bucket's version id.
        """
        parts = [
            *(FORMAT, name, content, self.scorer.sha256, self.scorer.threshold),
            *(self.options.identity(), self.charset),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:JOB_ID_DIGITS]

    def open(self, source: Readable) -> Run:
        """Read the header of a file, and return its rows as scored blocks."""
        return Run(source, self.scorer, charset=self.charset, limits=self.limits)

    def write(
        self, run: Run, predictions: Writable, rejects: Writable, report: ReportProgress | None = None
    ) -> dict[str, Any]:
        """Write all rows of `run` to the two outputs, and return its summary, whose counts were checked.

        If the file cannot be read to its end, the outputs must be discarded.
        """
        good, bad = (
            Predictions(self.scorer, self.options, run.header),
            Rejects(run.header, run.delimiter, self.options.spreadsheet_safe),
        )
        predictions.write(good.header)
        rejects.write(bad.header)
        for block in run:
            predictions.write(good.lines(block))
            rejects.write(bad.lines(block))
            if report:
                report(run.bytes_read, run.rows_in)
        return run.summary()


def log_facts(summary: Mapping[str, Any]) -> LogEntry:
    """Return what the log entry of a finished job holds of its summary."""
    counts = {name: summary[name] for name in ("rows_in", "rows_scored", "rows_rejected", "model_version")}
    return {**counts, **largest_drift(summary)}


def to_json(document: Mapping[str, object]) -> bytes:
    """Return a document as its file has it: UTF-8, indented, with a final newline."""
    # A file name may hold bytes that are not UTF-8. Python reads them as \udcXX, which is how JSON escapes them too.
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def to_failure(name: str, job_id: str, error: InputError) -> dict[str, object]:
    """Return the content of failure.json: which file cannot be scored, why, and what to send."""
    return {"name": name, "job": job_id, **error.problem.to_dict()}


def where_raised(error: Exception) -> str:
    """Return the type of an exception and the line that raised it, without its text, which may hold customers' data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
