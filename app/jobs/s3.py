"""From an S3 event to results: score each object it reports, write a log entry for each, report what to deliver again.

`<inbox>/incoming/<name>` gives `<results>/results/<name>/<job>/` with predictions.csv, rejects.csv and last the
summary.json, which marks the job as done; or a failure.json with the error and what to send instead.
The inbox is only read.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from app.jobs import s3_events
from app.jobs.bucket import connect
from app.jobs.layout import BucketLayout, is_draft
from app.jobs.s3_errors import GoneError, RetryableError
from app.jobs.s3_events import EventError, IgnoredEvent, Message, Record, S3Object
from app.jobs.s3_job import AlreadyDoneError, Job, RemainingMs, Store
from app.jobs.scoring import LogEntry, where_raised
from model.errors import ChurnError

__all__ = ["BucketLayout", "EventError", "RetryableError", "Store", "connect", "handle"]

WriteLog = Callable[[LogEntry], object]

DELIVER_AGAIN: Final = ("retry", "refused", "error")
"""Statuses that keep the event: it must be delivered again, or a person must act."""


def handle(event: object, store: Store, remaining_ms: RemainingMs, write_log: WriteLog) -> dict[str, Any] | None:
    """Score the objects that an event reports, each on its own.

    Returns the messages of a queue to deliver again, in the form that Lambda expects (the event source must be set to
    ReportBatchItemFailures), None if there was no queue. Without a queue it raises a RetryableError if an object must
    be tried again, the others are done; an EventError if the whole event is unreadable.
    """
    messages = s3_events.read(event)
    failures = [(message.message_id, _failures(message, store, remaining_ms, write_log)) for message in messages]
    if all(message.message_id for message in messages):
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id, errors in failures if errors]}
    all_errors = [error for _, errors in failures for error in errors]
    if all_errors:
        kind = EventError if all(isinstance(error, EventError) for error in all_errors) else RetryableError
        raise kind(" ".join(map(str, all_errors)))
    return None


def _failures(message: Message, store: Store, remaining_ms: RemainingMs, write_log: WriteLog) -> list[ChurnError]:
    """Process the records of a message, and return an error for each one that must be delivered again."""
    errors: list[ChurnError] = []
    for record in message.records:
        entry = _process(record, store, remaining_ms)
        write_log(entry)
        if isinstance(record, EventError):
            errors.append(record)
        elif entry["status"] in DELIVER_AGAIN:
            errors.append(RetryableError(f"s3://{entry['bucket']}/{entry['key']}: {entry['reason']}"))
    return errors


def _process(record: Record, store: Store, remaining_ms: RemainingMs) -> LogEntry:
    if isinstance(record, EventError):
        return {"event": "job", "status": "error", "reason": str(record)}
    if isinstance(record, IgnoredEvent):
        names = {"bucket": record.bucket, "key": record.key}
        return {"event": "job", **names, "status": "ignored", "reason": record.reason}
    started = time.monotonic()
    entry = score_object(record, store, remaining_ms)
    seconds = time.monotonic() - started
    entry["seconds"] = round(seconds, 3)
    if entry["status"] == "done":
        entry["rows_per_s"] = round(entry["rows_in"] / max(seconds, 1e-3))
    return entry


def score_object(s3_object: S3Object, store: Store, remaining_ms: RemainingMs) -> LogEntry:
    """Score an object, and return the log entry with its outcome; no failure of one object is raised."""
    entry: LogEntry = {"event": "job", "bucket": s3_object.bucket, "key": s3_object.key}
    try:
        _score(s3_object, store, remaining_ms, entry)
    except GoneError as error:
        entry.update(status="superseded", code=str(error))
    except AlreadyDoneError:
        entry.update(status="skipped")
    except ChurnError as error:
        entry.update(status="retry" if isinstance(error, RetryableError) else "error", reason=str(error))
    except Exception as error:  # noqa: BLE001 - a bug that one object meets must not keep the others waiting
        entry.update(status="error", reason=where_raised(error))
    return entry


def _score(s3_object: S3Object, store: Store, remaining_ms: RemainingMs, entry: LogEntry) -> None:
    layout = store.layout
    if s3_object.bucket != layout.inbox_bucket:
        reason = f"Only {layout.inbox_bucket} is scored. Remove this bucket's notification, or set CHURN_INBOX_BUCKET."
        entry.update(status="refused", reason=reason)
        return
    keys = [key for key in (s3_object.key, s3_object.other_key) if key and key.startswith(layout.inbox_prefix)]
    if not keys:
        entry.update(status="ignored", reason=f"not below {layout.inbox_prefix}")
        return
    pinned = _pin(s3_object, keys, store)
    entry["key"] = pinned.key
    name = pinned.key.removeprefix(layout.inbox_prefix)
    if not name or (name.endswith("/") and not pinned.size):
        entry.update(status="ignored", reason="a folder")
    elif is_draft(name):
        entry.update(status="ignored", reason="hidden or unfinished, by its name")
    else:
        Job(store, pinned, name, remaining_ms, entry).run()


def _pin(s3_object: S3Object, keys: list[str], store: Store) -> S3Object:
    """Return the object with the key that exists and with what pins its content: a version, or ETag and size."""
    if len(keys) == 1 and (s3_object.version or (s3_object.etag and s3_object.size is not None)):
        return replace(s3_object, key=keys[0])
    for key in keys:
        head = store.inbox.find(key, s3_object.version, s3_object.etag)
        if head:
            version = s3_object.version or (None if s3_object.etag else head.version)
            return S3Object(s3_object.bucket, key, version, head.etag, head.size)
    raise GoneError("NoSuchKey")
