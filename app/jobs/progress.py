"""How far the job of an upload is: a small object next to its results while the job is running.

Nothing depends on it. Readers look for summary.json and failure.json first, so it does no harm if one delivery
overwrites another's, or a killed one leaves it behind; if it cannot be written, the job goes on without it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from app.jobs.bucket import JSON, Bucket
from app.jobs.s3_errors import RetryableError
from app.jobs.scoring import to_json

FIRST_S: Final = 1.0
"""Before it is first written: most uploads are done by then."""

INTERVAL_S: Final = 5.0
"""Between two writes."""


class JobProgress:
    """The progress.json of one job.

    Without a key no progress is kept.
    """

    def __init__(self, bucket: Bucket, key: str | None, size: int | None) -> None:
        self._bucket, self.key, self._size = bucket, key, size
        self._due = time.monotonic() + FIRST_S
        self._last: dict[str, object] = {}
        self.exists = False

    def report(self, bytes_read: int, rows: int) -> None:
        """Write the rows and bytes read so far, if it is time to."""
        self._last = {"rows_in": rows, "bytes_read": bytes_read, "bytes": self._size}
        if time.monotonic() >= self._due:
            self._put(self._last)
            self._due = time.monotonic() + INTERVAL_S

    def stop(self, reason: str) -> None:
        """Write why this try was given up."""
        self._put({**self._last, "stopped": reason})

    def remove(self) -> None:
        """Remove the object."""
        if self.key is not None and self.exists:
            with suppress(RetryableError):
                self._bucket.remove(self.key)

    def _put(self, document: dict[str, object]) -> None:
        if self.key is not None:
            with suppress(RetryableError):
                self._bucket.put(self.key, to_json(document), JSON)
                self.exists = True


@contextmanager
def progress_of(bucket: Bucket, key: str | None, size: int | None) -> Iterator[JobProgress]:
    """Give the progress of a job. It is removed at the end, unless the job must be tried again: then it holds why."""
    progress = JobProgress(bucket, key, size)
    try:
        yield progress
    except RetryableError as error:
        progress.stop(str(error))
        raise
    except BaseException:
        progress.remove()
        raise
    progress.remove()
