"""Where things stand in the two buckets: what is dropped, and the folders of results."""

from dataclasses import dataclass
from typing import Final

from app.jobs import jobs
from model.errors import ChurnError

LONGEST_KEY_BYTES: Final = 1024

UPLOADS: Final = "uploads/"
"""Below both prefixes: what came through the API, which alone has its progress told."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where is dropped, and where results go.

    Raises
    ------
    ChurnError
        If a bucket is not named, or results could be taken for drops.
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

    def dropped(self, name: str) -> str:
        """Return the key of what is dropped as `name`."""
        return f"{self.inbox_prefix}{name}"

    def results_of(self, name: str) -> str:
        """Return the prefix of all jobs of `name`; of one that leaves no room for the rest, its beginning."""
        room = LONGEST_KEY_BYTES - len(f"{self.results_prefix}/{'0' * jobs.JOB_DIGITS}/{jobs.PREDICTIONS}".encode())
        return f"{self.results_prefix}{name.encode()[:room].decode(errors='ignore')}/"

    def folder(self, name: str, job: str) -> str:
        """Return the prefix of a job's results."""
        return f"{self.results_of(name)}{job}/"
