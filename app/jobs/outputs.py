"""From a run to its three outputs: the loop that all bulk doors share. Knows neither folders nor buckets."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.population import largest_drift
from model.bulk.rereading import position_of, reread
from model.bulk.run import Run
from model.bulk.source import Readable
from model.errors import InputError
from model.outputs import OutputOptions
from model.scorecard import Scorer

Progress = Callable[[int, int], object]
"""Told the bytes and the rows read so far, after each block."""


class Writable(Protocol):
    """Where an output's bytes go."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


class Hashed:
    """A source that hashes what is read from it."""

    def __init__(self, source: Readable) -> None:
        self._source, self._start = source, position_of(source)
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes of the source."""
        content = self._source.read(size)
        self._hash.update(content)
        return content

    def again(self) -> AbstractContextManager[Readable | None]:
        """Give the bytes of the source from its start, which are not hashed a second time; None if that cannot be."""
        return reread(self._source, self._start)

    @property
    def sha256(self) -> str:
        """Of what was read so far, in hex."""
        return self._hash.hexdigest()


def write(
    run: Run,
    scorer: Scorer,
    options: OutputOptions,
    predictions: Writable,
    rejects: Writable,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score all of `run` into two outputs and return its summary, whose counts were checked.

    Raises
    ------
    InputError
        If the file cannot be read to its end; what was written until then is to be thrown away.
    """
    good, bad = Predictions(scorer, options, run.header), Rejects(run.header, run.delimiter, options.spreadsheet_safe)
    predictions.write(good.header)
    rejects.write(bad.header)
    for block in run:
        predictions.write(good.lines(block))
        rejects.write(bad.lines(block))
        if progress:
            progress(run.bytes_read, run.rows_in)
    return run.summary()


def facts_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the log line of a finished job says of its summary."""
    counts = {name: summary[name] for name in ("rows_in", "rows_scored", "rows_rejected", "model_version")}
    return {**counts, **largest_drift(summary)}


def to_json(document: Mapping[str, object]) -> bytes:
    """Return a document as its file has it: UTF-8, indented, with a last newline."""
    # The name of a file may hold bytes that are not UTF-8; \udcXX is also how JSON escapes what they are read as.
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def failure(name: str, job: str, error: InputError) -> dict[str, object]:
    """Return what failure.json says of a file that cannot be scored: which, why, and what to send."""
    return {"name": name, "job": job, **error.problem.to_dict()}
