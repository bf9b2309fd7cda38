"""How far the job of an upload is: a small object beside its results, there while the job is under way.

It decides nothing. Who reads it looks for summary.json and failure.json first, so it does no harm where one delivery
writes over another's, or a killed one leaves it behind; and where it cannot be written, the job goes on untold.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from app.jobs.bucket import JSON, Bucket, RetryableError
from app.jobs.outputs import to_json

FIRST_S: Final = 1.0
"""Before it is told first: most uploads are settled by then."""

INTERVAL_S: Final = 5.0
"""Between two tellings."""


class Progress:
    """What is told of one job.

    Parameters
    ----------
    key : str, optional
        None where nothing is to be told.
    size : int, optional
        Bytes of the whole file.
    """

    def __init__(self, bucket: Bucket, key: str | None, size: int | None) -> None:
        self._bucket, self.key, self._size = bucket, key, size
        self._due = time.monotonic() + FIRST_S
        self._so_far: dict[str, object] = {}
        self.is_there = False

    def tell(self, bytes_read: int, rows: int) -> None:
        """Say how many rows and bytes were read, if it is time to."""
        if self.key is None:
            return
        self._so_far = {"rows_in": rows, "bytes_read": bytes_read, "bytes": self._size}
        if time.monotonic() >= self._due:
            self._put(self._so_far)
            self._due = time.monotonic() + INTERVAL_S

    def stop(self, reason: str) -> None:
        """Say why a try was given up."""
        if self.key is not None:
            self._put({**self._so_far, "stopped": reason})

    def end(self) -> None:
        """Take back what was told."""
        if self.key is not None and self.is_there:
            with suppress(RetryableError):
                self._bucket.remove(self.key)

    def _put(self, document: dict[str, object]) -> None:
        assert self.key is not None
        with suppress(RetryableError):
            self._bucket.put(self.key, to_json(document), JSON)
            self.is_there = True


@contextmanager
def telling(bucket: Bucket, key: str | None, size: int | None) -> Iterator[Progress]:
    """Give the progress of a job: taken back when the block ends, but for the reason why it is to be tried again."""
    progress = Progress(bucket, key, size)
    try:
        yield progress
    except RetryableError as error:
        progress.stop(str(error))
        raise
    except BaseException:
        progress.end()
        raise
    progress.end()
