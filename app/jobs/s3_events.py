"""From a Lambda event to the S3 objects it reports: direct, or through SQS, SNS, SNS in SQS, or EventBridge.

Does not read the objects. Standard library only.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from model.errors import ChurnError, show

MAX_DEPTH: Final = 4
"""Levels around an S3 record. S3 in SNS in SQS has two, each with a list of records."""

PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}", re.ASCII)


class EventError(ChurnError):
    """An event of an unknown kind. Never counted as a success, or the file it reported would be lost."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object that was put into a bucket.

    The version is set if the bucket keeps versions; the ETag has no quotes. EventBridge does not state whether its key
    is form-encoded: `other_key` is the decoded one, to be tried if `key` does not exist.
    """

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    size: int | None = None
    other_key: str | None = None


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """A record that needs no work: a test event, a removal."""

    reason: str
    bucket: str | None = None
    key: str | None = None


Record = S3Object | IgnoredEvent | EventError
"""What one record of an event means. An unreadable record is an error among the others, which are still scored."""


@dataclass(frozen=True, slots=True)
class Message:
    """The records that succeed or fail together: one message of a queue, or a whole event without a queue.

    At least one record, in the order of the event. The id is that of the queue's message.
    """

    records: list[Record]
    message_id: str | None = None


def read(event: object) -> list[Message]:
    """Return the messages of an event in its order. An event without a queue is one message."""
    records = event.get("Records") if isinstance(event, dict) else None
    if isinstance(records, list) and records and all(_source(record) == "aws:sqs" for record in records):
        return [Message(list(_records(record.get("body"))), _text(record, "messageId")) for record in records]
    return [Message(list(_records(event)))]


def _source(record: object) -> object:
    return record.get("eventSource") if isinstance(record, dict) else None


def _records(event: object, depth: int = 0) -> Iterator[Record]:
    try:
        yield from _unwrap(_parse(event), depth)
    except EventError as error:
        yield error


def _unwrap(event: object, depth: int) -> Iterator[Record]:
    if not isinstance(event, dict) or depth > MAX_DEPTH:
        raise _unknown_event(event)
    records = event.get("Records")
    if isinstance(records, list) and records:
        for record in records:
            yield from _records(record, depth + 1)
    elif event.get("Event") == "s3:TestEvent":
        yield IgnoredEvent("s3:TestEvent", _text(event, "Bucket", required=False))
    elif isinstance(event.get("s3"), dict):
        yield _from_s3(event)
    elif event.get("source") == "aws.s3" and isinstance(event.get("detail"), dict):
        yield _from_eventbridge(event)
    elif isinstance(event.get("Sns"), dict):
        yield from _records(event["Sns"].get("Message"), depth + 1)
    elif event.get("Type") == "Notification":
        yield from _records(event.get("Message"), depth + 1)
    elif _source(event) == "aws:sqs":
        yield from _records(event.get("body"), depth + 1)
    else:
        raise _unknown_event(event)


def _from_s3(record: Mapping[str, Any]) -> S3Object | IgnoredEvent:
    # Any 2.x: 2.1, 2.4 and 2.6 were seen, and a minor version only adds members.
    version = str(record.get("eventVersion", "2"))
    if version.split(".")[0] != "2":
        raise EventError(f"S3 sent an event of version {show(version)}; this code reads 2.x.")
    bucket, details = _text(_member(record["s3"], "bucket"), "name"), _member(record["s3"], "object")
    try:
        # Form-encoded once: a space is "+", a plus "%2B".
        key = unquote_plus(_text(details, "key"), errors="strict")
    except UnicodeDecodeError:
        raise EventError(f"The key {show(details['key'])} is not UTF-8 once it is decoded.") from None
    name = _text(record, "eventName").removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        return IgnoredEvent(name, bucket, key)
    return S3Object(bucket, key, _version(details, "versionId"), _etag(details, "eTag"), _size(details))


def _from_eventbridge(event: Mapping[str, Any]) -> S3Object | IgnoredEvent:
    detail, kind = event["detail"], _text(event, "detail-type")
    bucket, details = _text(_member(detail, "bucket"), "name"), _member(detail, "object")
    key = _text(details, "key")
    if kind != "Object Created":
        return IgnoredEvent(kind, bucket, key)
    decoded = unquote_plus(key)
    etag = _etag(details, "etag") or _etag(details, "eTag")
    other_key = decoded if decoded != key else None
    return S3Object(bucket, key, _version(details, "version-id"), etag, _size(details), other_key)


def _version(details: Mapping[str, Any], name: str) -> str | None:
    """Return the version, except "null": where versioning is suspended that one is overwritten, so it pins nothing."""
    version = _text(details, name, required=False)
    return None if version == "null" else version


def _etag(details: Mapping[str, Any], name: str) -> str | None:
    etag = _text(details, name, required=False)
    return etag.strip('"') if etag else None


def _size(details: Mapping[str, Any]) -> int | None:
    size = details.get("size")
    return size if isinstance(size, int) else None


def _parse(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        raise EventError("The message is not JSON, so it is no event of S3.") from None


def _member(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name)
    if not isinstance(value, dict):
        raise EventError(f"The event has no {name}: {_describe(event)}.")
    return value


def _text(event: Mapping[str, Any], name: str, required: bool = True) -> Any:
    value = event.get(name)
    if isinstance(value, str) and value:
        return value
    if required:
        raise EventError(f"The event has no {name}: {_describe(event)}.")
    return None


def _unknown_event(event: object) -> EventError:
    return EventError(
        f"This is no event of S3, direct or through SQS, SNS or EventBridge: {_describe(event)}. "
        "Send the function the notifications of the inbox only."
    )


def _describe(event: object) -> str:
    """Return the names of an event's members that are plain words; other names may be customers' data."""
    if not isinstance(event, dict):
        return "it is null" if event is None else f"it is of type {type(event).__name__}"
    names = [show(name) for name in event if isinstance(name, str) and PLAIN_NAME.fullmatch(name)]
    return f"it has {', '.join(names[:10]) or 'no members that are known'}"
