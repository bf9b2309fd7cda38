"""Files for the inbox, and an event handled as Lambda does it."""

from collections.abc import Callable
from typing import Any

from buckets import no_deadline
from shipped import SCHEMA

from app.jobs import s3
from app.jobs.s3_job import Store
from model import describe

HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
GOOD = (HEADER + LINE).encode()
MIXED = (HEADER + LINE + LINE.replace(",12,", ",-1,")).encode()
SMALL = (HEADER + LINE + LINE.replace(",12,", ",-1,") + LINE * 40).encode()
OTHER = (HEADER + LINE * 3).encode()
LARGE = (HEADER + LINE * 180_000).encode()
"""15 MB; its predictions take two parts of the smallest size."""

RESULTS = ["predictions.csv", "rejects.csv", "summary.json"]


def handle(event: object, store: Store, remaining_ms: Callable[[], float] = no_deadline) -> tuple[list[Any], str]:
    """Return the statuses, and why the event must be delivered again, if it must."""
    entries: list[dict[str, Any]] = []
    try:
        s3.handle(event, store, remaining_ms, entries.append)
    except s3.RetryableError as error:
        return [entry["status"] for entry in entries], str(error)
    return [entry["status"] for entry in entries], ""


def entries_of(event: object, store: Store) -> list[dict[str, Any]]:
    """Return the log entries of an event that needs no other delivery."""
    entries: list[dict[str, Any]] = []
    assert s3.handle(event, store, no_deadline, entries.append) in (None, {"batchItemFailures": []})
    return entries


def statuses(event: object, store: Store) -> list[str]:
    """Return the statuses of an event that needs no other delivery."""
    return [entry["status"] for entry in entries_of(event, store)]
