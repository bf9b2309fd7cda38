"""The job that scores one object of the inbox into the results bucket.

Nothing is locked: the job's id is a hash of what is scored, so an event that is delivered twice, or twice at
once, writes the same bytes to the same keys.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from app.jobs.bucket import JSON, PART_BYTES, Bucket, ObjectReader
from app.jobs.layout import FAILURE, PREDICTIONS, PROGRESS, REJECTS, SUMMARY, UPLOADS, BucketLayout, check_name
from app.jobs.progress import progress_of
from app.jobs.s3_errors import RetryableError
from app.jobs.s3_events import S3Object
from app.jobs.scoring import LogEntry, Scoring, log_facts, to_failure, to_json
from model.bulk.source import Readable
from model.errors import ChurnError, InputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RemainingMs = Callable[[], float]

CSV: Final = "text/csv; charset=utf-8"


class AlreadyDoneError(Exception):
    """Another delivery of the same event finished the job first."""


class Store:
    """Both buckets, and how the files of the inbox are scored.

    A job stops `margin_s` before the deadline.
    """

    def __init__(
        self,
        layout: BucketLayout,
        scoring: Scoring,
        client: "S3Client",
        margin_s: float = 20,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.layout = layout
        self.scoring = scoring
        self.margin_ms = margin_s * 1000
        self.inbox = Bucket(client, str(layout.inbox_bucket))
        self.results = Bucket(client, str(layout.results_bucket), part_bytes)


class _TimedSource:
    """The bytes of an object. A second read of them, to detect the encoding, keeps the deadline too."""

    def __init__(self, source: ObjectReader, check_time: Callable[[int], None]) -> None:
        self._source, self._check_time = source, check_time

    def read(self, size: int, /) -> bytes:
        return self._source.read(size)

    @contextmanager
    def again(self) -> Iterator[Readable]:
        with self._source.again() as second:
            yield _TimedReader(second, self._check_time)


class _TimedReader:
    def __init__(self, source: ObjectReader, check_time: Callable[[int], None]) -> None:
        self._source, self._check_time = source, check_time

    def read(self, size: int, /) -> bytes:
        self._check_time(self._source.bytes_read)
        return self._source.read(size)


class Job:
    """The scoring of one object. Adds what it finds out to the log entry."""

    def __init__(self, store: Store, source: S3Object, name: str, remaining_ms: RemainingMs, entry: LogEntry) -> None:
        content = f"version {source.version}" if source.version else f"etag {source.etag}, {source.size} bytes"
        self._store = store
        self._source = source
        self._name = name
        self._remaining_ms = remaining_ms
        self._entry = entry
        self._id = entry["job"] = store.scoring.job_id(f"s3://{source.bucket}/{source.key}", content)
        self._prefix = store.layout.job_prefix(name, self._id)

    def run(self) -> None:
        """Score the object."""
        key = self._prefix + PROGRESS if self._name.startswith(UPLOADS) else None
        with progress_of(self._store.results, key, self._source.size) as self._progress:
            self._check_not_done()
            self._check_time(0, 0)
            try:
                check_name(self._name)
                self._score()
            except InputError as error:
                self._finish(FAILURE, to_failure(self._name, self._id, error))
                self._entry.update(status="failed", code=error.problem.code)

    def _score(self) -> None:
        scoring, results, source = self._store.scoring, self._store.results, self._source
        with closing(self._store.inbox.open(source.key, source.version, source.etag)) as reader:
            # Before the uploads are created: this fails if the beginning of the file cannot be read.
            run = scoring.open(_TimedSource(reader, lambda bytes_read: self._check_time(bytes_read, 0)))
            with (
                results.upload(self._prefix + PREDICTIONS, CSV) as predictions,
                results.upload(self._prefix + REJECTS, CSV) as rejects,
            ):
                summary = scoring.write(run, predictions, rejects, self._report)
                if reader.bytes_read != reader.size:
                    raise RetryableError(f"Of {reader.size:,} bytes only {reader.bytes_read:,} were read.")
                # If deliveries overlap, the slower ones abort their uploads rather than write the results again.
                self._check_not_done()
        self._entry.update(log_facts(summary), bytes_in=reader.bytes_read)
        self._finish(SUMMARY, {**summary, "job": self._id})
        self._entry.update(status="done")

    def _check_not_done(self) -> None:
        keys = self._store.results.list(self._prefix).keys()
        self._progress.exists |= self._progress.key in keys
        if {self._prefix + SUMMARY, self._prefix + FAILURE} & keys:
            raise AlreadyDoneError

    def _check_time(self, bytes_read: int, rows: int) -> None:
        left_ms = self._remaining_ms()
        if left_ms <= self._store.margin_ms:
            total = f" of {self._source.size:,}" if self._source.size else ""
            raise RetryableError(
                f"Stopped {max(left_ms, 0) / 1000:.1f} s before the deadline, after {rows:,} rows "
                f"({bytes_read:,}{total} bytes); nothing of it was kept. Should it stop again: send the file in parts."
            )

    def _report(self, bytes_read: int, rows: int) -> None:
        self._check_time(bytes_read, rows)
        self._progress.report(bytes_read, rows)

    def _finish(self, name: str, document: dict[str, object]) -> None:
        """Put the summary or the failure, which marks the job as finished.

        Raises an AlreadyDoneError if another delivery of the same event put it first, with the same bytes.
        """
        key, content = self._prefix + name, to_json(document)
        if self._store.results.put_once(key, content, JSON):
            return
        if self._store.results.read(key) != content:
            raise ChurnError(f"{key} is there with other content; the same drop must make the same bytes. Report this.")
        raise AlreadyDoneError
