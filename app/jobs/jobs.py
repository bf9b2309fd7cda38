"""What every bulk door agrees on: which names are scored, what a job is called, and how its outputs are named.

A job's name comes from what goes in and what shapes the answer, so that the same drop makes the same bytes once, in any
order and any overlap, without a lock.
"""

import hashlib
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model.errors import InputError
from model.scorecard import Scorer

if TYPE_CHECKING:
    from model.outputs import OutputOptions

PREDICTIONS: Final = "predictions.csv"
REJECTS: Final = "rejects.csv"
SUMMARY: Final = "summary.json"
FAILURE: Final = "failure.json"
PROGRESS: Final = "progress.json"
"""How far a job is that is not settled: no result, and gone when there is one."""

SCORED_ENDINGS: Final = (".csv", ".csv.gz")
DRAFT_ENDINGS: Final = (".part", ".partial", ".filepart", ".crdownload", ".tmp", "~")
"""Names under which programs write a file that they rename once it is whole."""

JOB_DIGITS: Final = 32
"""Of the hash, in hex: 128 bits."""


def job_id(name: str, content: str, scorer: Scorer, options: "OutputOptions", charset: str | None = None) -> str:
    """Return the job that scores `content` dropped as `name`.

    Parameters
    ----------
    name : str
        Below the inbox, with "/" between folders.
    content : str
        What pins the bytes: their sha256, or a bucket's version id.
    """
    # Names and places are asked for by the API too, which then does without pyarrow.
    from model.bulk.csv_writer import FORMAT

    shapes = [FORMAT, name, content, scorer.sha256, scorer.threshold, options.identity(), charset]
    return hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()[:JOB_DIGITS]


def is_draft(name: str) -> bool:
    """Return whether `name` is hidden or a file that another program still writes."""
    return any(part.startswith(".") for part in name.split("/")) or name.lower().endswith(DRAFT_ENDINGS)


def check_name(name: str) -> None:
    """Refuse what is not called .csv or .csv.gz, in any case.

    Raises
    ------
    InputError
        not_csv, with what to send.
    """
    if not name.lower().endswith(SCORED_ENDINGS):
        last = name.rsplit("/", 1)[-1]
        raise InputError(
            "not_csv", kind=f'called "{last}"', advice="Send a CSV under a name that ends in .csv or .csv.gz."
        )


def where(error: Exception) -> str:
    """Return which exception came from where, without its text, which may hold a customer's data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
