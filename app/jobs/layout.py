"""Names that folders, the bucket and the API agree on: which files are scored, and where results are.

Imports no pyarrow and no boto3, so that the API can ask for names cheaply.
"""

from dataclasses import dataclass
from typing import Final

from model.errors import ChurnError, InputError

PREDICTIONS: Final = "predictions.csv"
REJECTS: Final = "rejects.csv"
SUMMARY: Final = "summary.json"
FAILURE: Final = "failure.json"
PROGRESS: Final = "progress.json"
"""How far an unfinished job is. Not a result; removed when there is one."""

SCORED_ENDINGS: Final = (".csv", ".csv.gz")
DRAFT_ENDINGS: Final = (".part", ".partial", ".filepart", ".crdownload", ".tmp", "~")
"""Names under which programs write a file that they rename once it is complete."""

JOB_ID_DIGITS: Final = 32
"""Hex digits of the hash: 128 bits."""

MAX_KEY_BYTES: Final = 1024

UPLOADS: Final = "uploads/"
"""Below both prefixes: files uploaded through the API. Only these have a progress.json."""


def is_draft(name: str) -> bool:
    """Return whether `name` is hidden, or a file that another program is still writing."""
    return any(part.startswith(".") for part in name.split("/")) or name.lower().endswith(DRAFT_ENDINGS)


def check_name(name: str) -> None:
    """Refuse a name that does not end in .csv or .csv.gz (in any case)."""
    if not name.lower().endswith(SCORED_ENDINGS):
        last = name.rsplit("/", 1)[-1]
        raise InputError(
            "not_csv", kind=f'called "{last}"', advice="Send a CSV under a name that ends in .csv or .csv.gz."
        )


@dataclass(frozen=True, slots=True)
class BucketLayout:
    """The two buckets, and the prefixes below which files arrive and results are written.

    Raises a ChurnError if one is not named, or results would be scored as input.
    """

    inbox_bucket: str | None
    results_bucket: str | None
    inbox_prefix: str = "incoming/"
    results_prefix: str = "results/"

    def __post_init__(self) -> None:
        for variable, bucket in (
            ("CHURN_INBOX_BUCKET", self.inbox_bucket),
            ("CHURN_RESULTS_BUCKET", self.results_bucket),
        ):
            if not bucket:
                raise ChurnError(f"{variable} is not set. Name the bucket; without it no dropped file can be scored.")
        ours, theirs = self.results_prefix, self.inbox_prefix
        if self.inbox_bucket == self.results_bucket and (ours.startswith(theirs) or theirs.startswith(ours)):
            raise ChurnError(
                f"{theirs} and {ours} in the bucket {self.inbox_bucket} must lie apart, or results would be scored as "
                "input. Set CHURN_RESULTS_BUCKET to another bucket, or CHURN_RESULTS_PREFIX."
            )

    def inbox_key(self, name: str) -> str:
        """Return the key of the file `name` in the inbox."""
        return f"{self.inbox_prefix}{name}"

    def jobs_prefix(self, name: str) -> str:
        """Return the prefix of all jobs of the file `name`, which is cut where the key would be too long."""
        room = MAX_KEY_BYTES - len(f"{self.results_prefix}/{'0' * JOB_ID_DIGITS}/{PREDICTIONS}".encode())
        return f"{self.results_prefix}{name.encode()[:room].decode(errors='ignore')}/"

    def job_prefix(self, name: str, job_id: str) -> str:
        """Return the prefix of the results of one job."""
        return f"{self.jobs_prefix(name)}{job_id}/"
