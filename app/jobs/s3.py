"""The bucket's door: an event of S3 to settled drops, a log line for each, and what has to be delivered again."""

import time
from collections.abc import Callable
from typing import Any

from app.jobs import drops, events
from app.jobs.bucket import RetryableError, connect
from app.jobs.drops import Line, RemainingMs, Store
from app.jobs.events import Drop, EventError, Ignored, Parcel
from app.jobs.places import Places
from model.errors import ChurnError

__all__ = ["EventError", "Line", "Places", "RetryableError", "Store", "connect", "handle"]

WriteLine = Callable[[Line], object]


def handle(event: object, store: Store, remaining_ms: RemainingMs, write_line: WriteLine) -> dict[str, Any] | None:
    """Score what an event tells of, each object on its own, and write a line for each.

    Parameters
    ----------
    remaining_ms : callable
        How long this may still take; asked after each block.
    write_line : callable
        Takes the members of a line of the log.

    Returns
    -------
    dict or None
        Of the messages of a queue those to deliver again, as Lambda wants them told: the queue's event source must be
        set to ReportBatchItemFailures. None where there was no queue.

    Raises
    ------
    EventError
        If the event is of no known shape.
    RetryableError
        If an object of an event that came without a queue is to be tried again; the others are settled.
    """
    parcels = events.read(event)
    failures = [(parcel.message_id, _failures(parcel, store, remaining_ms, write_line)) for parcel in parcels]
    if all(parcel.message_id for parcel in parcels):
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id, found in failures if found]}
    errors = [error for _, found in failures for error in found]
    if errors:
        # Where all of an event is unreadable, the event is the reason.
        kind = EventError if all(isinstance(error, EventError) for error in errors) else RetryableError
        raise kind(" ".join(map(str, errors)))
    return None


def _failures(parcel: Parcel, store: Store, remaining_ms: RemainingMs, write_line: WriteLine) -> list[ChurnError]:
    """Settle what a parcel tells of, and return why which of it has to be delivered again."""
    failures: list[ChurnError] = []
    for thing in parcel.things:
        if isinstance(thing, EventError):
            write_line({"event": "job", "status": "error", "reason": str(thing)})
            failures.append(thing)
            continue
        line = _line(thing, store, remaining_ms)
        write_line(line)
        if line["status"] in drops.AGAIN:
            failures.append(RetryableError(f"s3://{line['bucket']}/{line['key']}: {line['reason']}"))
    return failures


def _line(thing: Drop | Ignored, store: Store, remaining_ms: RemainingMs) -> Line:
    if isinstance(thing, Ignored):
        about = {"bucket": thing.bucket, "key": thing.key}
        return {"event": "job", **about, "status": "ignored", "reason": thing.reason}
    started = time.monotonic()
    line = drops.settle(thing, store, remaining_ms)
    seconds = time.monotonic() - started
    line["seconds"] = round(seconds, 3)
    if line["status"] == "done":
        line["rows_per_s"] = round(line["rows_in"] / max(seconds, 1e-3))
    return line
