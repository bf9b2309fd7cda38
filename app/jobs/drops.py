"""One dropped object to its outcome: done, failed, skipped, superseded, ignored; or to be tried again.

`<inbox>/incoming/<name>` gives `<results>/results/<name>/<job>/` with predictions.csv, rejects.csv and last the
summary.json, the mark that the job is done; or a failure.json that says what to send. The inbox is only read.

Nothing is locked: a job is named for what goes in, so the same drop makes the same bytes, however often and in whatever
overlap it is delivered. Of what came through the API a progress.json tells how far the job is, until it is settled.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from app.jobs import jobs, outputs
from app.jobs.bucket import JSON, PART_BYTES, Bucket, GoneError, RetryableError, Source
from app.jobs.events import Drop
from app.jobs.local import Scoring
from app.jobs.places import UPLOADS, Places
from app.jobs.progress import telling
from model.bulk.run import Run
from model.bulk.source import Readable
from model.errors import ChurnError, InputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Line = dict[str, Any]
"""What is said of one object in the log: names, codes, counts and times, nothing of a customer."""

RemainingMs = Callable[[], float]

AGAIN: Final = ("retry", "refused", "error")
"""Statuses after which the event must be kept: another delivery, or a person, is to settle it."""

CSV: Final = "text/csv; charset=utf-8"


class Store:
    """Both buckets, and how what is dropped is scored.

    Parameters
    ----------
    margin_s : float
        How long before the deadline a job stops.
    """

    def __init__(
        self, places: Places, scoring: Scoring, client: "S3Client", margin_s: float = 20, part_bytes: int = PART_BYTES
    ) -> None:
        self.places = places
        self.scoring = scoring
        self.margin_ms = margin_s * 1000
        self.inbox = Bucket(client, str(places.inbox_bucket))
        self.results = Bucket(client, str(places.results_bucket), part_bytes)


class _SettledError(Exception):
    """Another delivery of the same drop was first."""


def settle(drop: Drop, store: Store, remaining_ms: RemainingMs) -> Line:
    """Bring a drop to its outcome and return the line that tells it; no failure of one object is raised."""
    line: Line = {"event": "job", "bucket": drop.bucket, "key": drop.key}
    try:
        _settle(drop, store, remaining_ms, line)
    except GoneError as error:
        line.update(status="superseded", code=str(error))
    except _SettledError:
        line.update(status="skipped")
    except ChurnError as error:
        line.update(status="retry" if isinstance(error, RetryableError) else "error", reason=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours in one object must not keep the others waiting
        line.update(status="error", reason=jobs.where(error))
    return line


def _settle(drop: Drop, store: Store, remaining_ms: RemainingMs, line: Line) -> None:
    places = store.places
    if drop.bucket != places.inbox_bucket:
        reason = f"Only {places.inbox_bucket} is scored. Remove this bucket's notification, or set CHURN_INBOX_BUCKET."
        line.update(status="refused", reason=reason)
        return
    keys = [key for key in (drop.key, drop.other_key) if key and key.startswith(places.inbox_prefix)]
    if not keys:
        line.update(status="ignored", reason=f"not below {places.inbox_prefix}")
        return
    drop = _found(drop, keys, store)
    name = drop.key.removeprefix(places.inbox_prefix)
    line["key"] = drop.key
    if not name or (name.endswith("/") and not drop.size):
        line.update(status="ignored", reason="a folder")
    elif jobs.is_draft(name):
        line.update(status="ignored", reason="hidden or unfinished, by its name")
    else:
        _Job(store, drop, name, remaining_ms, line).settle()


def _found(drop: Drop, keys: list[str], store: Store) -> Drop:
    """Return the drop with the key that is there, and with all that pins its content."""
    if len(keys) == 1 and (drop.version or (drop.etag and drop.size is not None)):
        return replace(drop, key=keys[0])
    for key in keys:
        found = store.inbox.find(key, drop.version, drop.etag)
        if found:
            version = drop.version or (None if drop.etag else found.version)
            return Drop(drop.bucket, key, version, found.etag, found.size)
    raise GoneError("NoSuchKey")


class _Timed:
    """The bytes of an object. Looking through all of it for its encoding keeps the deadline too."""

    def __init__(self, source: Source, check: Callable[[int], None]) -> None:
        self._source, self._check = source, check

    def read(self, size: int, /) -> bytes:
        return self._source.read(size)

    @contextmanager
    def again(self) -> Iterator[Readable]:
        with self._source.again() as second:
            yield _Checked(second, self._check)


class _Checked:
    def __init__(self, source: Source, check: Callable[[int], None]) -> None:
        self._source, self._check = source, check

    def read(self, size: int, /) -> bytes:
        self._check(self._source.bytes_read)
        return self._source.read(size)


class _Job:
    """The scoring of one object; everything it learns goes into `line`."""

    def __init__(self, store: Store, drop: Drop, name: str, remaining_ms: RemainingMs, line: Line) -> None:
        content = f"version {drop.version}" if drop.version else f"etag {drop.etag}, {drop.size} bytes"
        self._store = store
        self._drop = drop
        self._name = name
        self._remaining_ms = remaining_ms
        self._line = line
        self._job = line["job"] = store.scoring.job(f"s3://{drop.bucket}/{drop.key}", content)
        self._folder = store.places.folder(name, self._job)

    def settle(self) -> None:
        told = self._folder + jobs.PROGRESS if self._name.startswith(UPLOADS) else None
        with telling(self._store.results, told, self._drop.size) as self._progress:
            self._settle()

    def _settle(self) -> None:
        self._check_open()
        self._check_time(0, 0)
        try:
            jobs.check_name(self._name)
            self._score()
        except InputError as error:
            self._commit(jobs.FAILURE, outputs.failure(self._name, self._job, error))
            self._line.update(status="failed", code=error.problem.code)

    def _check_open(self) -> None:
        marks = {self._folder + jobs.SUMMARY, self._folder + jobs.FAILURE}
        found = self._store.results.below(self._folder).keys()
        self._progress.is_there |= self._progress.key in found
        if marks & found:
            raise _SettledError

    def _check_time(self, bytes_read: int, rows: int) -> None:
        left = self._remaining_ms()
        if left <= self._store.margin_ms:
            whole = f" of {self._drop.size:,}" if self._drop.size else ""
            share = f"{rows:,} rows ({bytes_read:,}{whole} bytes)"
            raise RetryableError(
                f"Stopped {max(left, 0) / 1000:.1f} s before the deadline, after {share}; nothing of it was kept. "
                "Should it stop again: send the file in parts."
            )

    def _go_on(self, bytes_read: int, rows: int) -> None:
        self._check_time(bytes_read, rows)
        self._progress.tell(bytes_read, rows)

    def _score(self) -> None:
        scoring, results = self._store.scoring, self._store.results
        drop = self._drop
        with closing(self._store.inbox.open(drop.key, drop.version, drop.etag)) as source:
            # What is wrong with the beginning of a file shows here, before any upload is begun.
            timed = _Timed(source, lambda bytes_read: self._check_time(bytes_read, 0))
            run = Run(timed, scoring.scorer, charset=scoring.charset, limits=scoring.limits)
            with (
                results.upload(self._folder + jobs.PREDICTIONS, CSV) as predictions,
                results.upload(self._folder + jobs.REJECTS, CSV) as rejects,
            ):
                summary = outputs.write(run, scoring.scorer, scoring.options, predictions, rejects, self._go_on)
                if source.bytes_read != source.size:
                    raise RetryableError(f"Of {source.size:,} bytes only {source.bytes_read:,} were read.")
                # Where deliveries overlap, the slower ones take back what they made rather than write it again.
                self._check_open()
        self._line.update(outputs.facts_of(summary), bytes_in=source.bytes_read)
        self._commit(jobs.SUMMARY, {**summary, "job": self._job})
        self._line.update(status="done")

    def _commit(self, mark: str, document: dict[str, object]) -> None:
        """Put the mark that settles the job.

        Raises
        ------
        _SettledError
            If another delivery of the same drop was first, with the same bytes.
        """
        key, content = self._folder + mark, outputs.to_json(document)
        if self._store.results.put_once(key, content, JSON):
            return
        if self._store.results.read(key) != content:
            raise ChurnError(f"{key} is there with other content; the same drop must make the same bytes. Report this.")
        raise _SettledError
