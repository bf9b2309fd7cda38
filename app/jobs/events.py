"""What Lambda is handed, to drops: which objects were put where, in every wrapping that S3's events come in.

S3 direct, through SQS, SNS, SNS in SQS, and EventBridge. Knows no bucket's content; the standard library only.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from model.errors import ChurnError, show

DEEPEST: Final = 4
"""Wrappings around what happened: S3's records in SNS in SQS are two, each in a list of records."""

PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}", re.ASCII)


class EventError(ChurnError):
    """An event that is none of the known shapes. Never a success: whatever it stood for would be lost."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One object that was put into a bucket.

    Attributes
    ----------
    key : str
        As it stands in the bucket.
    version : str, optional
        Where the bucket keeps versions.
    etag : str, optional
        Without its quotes.
    other_key : str, optional
        What the key is if the event had it form-encoded: EventBridge does not say. To be tried where `key` is absent.
    """

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    size: int | None = None
    other_key: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that asks for nothing: a test event, a removal."""

    reason: str
    bucket: str | None = None
    key: str | None = None


Thing = Drop | Ignored | EventError
"""What a record of an event stands for; the error where it is unreadable, so that it keeps no other from its turn."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What succeeds or fails together: one message of a queue, or a whole event that came without one.

    Attributes
    ----------
    things : list of Drop, Ignored or EventError
        In the order of the event, at least one.
    message_id : str, optional
        Of the queue's message.
    """

    things: list[Thing]
    message_id: str | None = None


def read(event: object) -> list[Parcel]:
    """Return the parcels of an event, in its order: each message of a queue is one, any other event one as a whole."""
    records = event.get("Records") if isinstance(event, dict) else None
    if isinstance(records, list) and records and all(_source(record) == "aws:sqs" for record in records):
        return [Parcel(list(_things(record.get("body"))), _text(record, "messageId")) for record in records]
    return [Parcel(list(_things(event)))]


def _source(record: object) -> object:
    return record.get("eventSource") if isinstance(record, dict) else None


def _things(event: object, depth: int = 0) -> Iterator[Thing]:
    try:
        yield from _unwrapped(_json(event), depth)
    except EventError as error:
        yield error


def _unwrapped(event: object, depth: int) -> Iterator[Thing]:
    if not isinstance(event, dict) or depth > DEEPEST:
        raise _unknown(event)
    records = event.get("Records")
    if isinstance(records, list) and records:
        for record in records:
            yield from _things(record, depth + 1)
    elif event.get("Event") == "s3:TestEvent":
        yield Ignored("s3:TestEvent", _text(event, "Bucket", required=False))
    elif isinstance(event.get("s3"), dict):
        yield _from_s3(event)
    elif event.get("source") == "aws.s3" and isinstance(event.get("detail"), dict):
        yield _from_eventbridge(event)
    elif isinstance(event.get("Sns"), dict):
        yield from _things(event["Sns"].get("Message"), depth + 1)
    elif event.get("Type") == "Notification":
        yield from _things(event.get("Message"), depth + 1)
    elif _source(event) == "aws:sqs":
        yield from _things(event.get("body"), depth + 1)
    else:
        raise _unknown(event)


def _from_s3(record: Mapping[str, Any]) -> Drop | Ignored:
    # Any 2.x: 2.1, 2.4 and 2.6 were seen, and the minor number only ever adds members.
    version = str(record.get("eventVersion", "2"))
    if version.split(".")[0] != "2":
        raise EventError(f"S3 sent an event of version {show(version)}; this code reads 2.x.")
    bucket, thing = _text(_member(record["s3"], "bucket"), "name"), _member(record["s3"], "object")
    try:
        # Form-encoded, once: a space came as "+", a plus as "%2B".
        key = unquote_plus(_text(thing, "key"), errors="strict")
    except UnicodeDecodeError:
        raise EventError(f"The key {show(thing['key'])} is not UTF-8 once it is decoded.") from None
    name = _text(record, "eventName").removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        return Ignored(name, bucket, key)
    return Drop(bucket, key, _version(thing, "versionId"), _etag(thing, "eTag"), _size(thing))


def _from_eventbridge(event: Mapping[str, Any]) -> Drop | Ignored:
    detail, kind = event["detail"], _text(event, "detail-type")
    bucket, thing = _text(_member(detail, "bucket"), "name"), _member(detail, "object")
    key = _text(thing, "key")
    if kind != "Object Created":
        return Ignored(kind, bucket, key)
    decoded = unquote_plus(key)
    other = decoded if decoded != key else None
    return Drop(
        bucket, key, _version(thing, "version-id"), _etag(thing, "etag") or _etag(thing, "eTag"), _size(thing), other
    )


def _version(thing: Mapping[str, Any], name: str) -> str | None:
    """Return the version, but for "null": that one is overwritten where versioning is suspended, so it pins nothing."""
    version = _text(thing, name, required=False)
    return None if version == "null" else version


def _etag(thing: Mapping[str, Any], name: str) -> str | None:
    etag = _text(thing, name, required=False)
    return etag.strip('"') if etag else None


def _size(thing: Mapping[str, Any]) -> int | None:
    size = thing.get("size")
    return size if isinstance(size, int) else None


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        raise EventError("The message is not JSON, so it is no event of S3.") from None


def _member(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    if not isinstance(found, dict):
        raise EventError(f"The event has no {name}: {_said(event)}.")
    return found


def _text(event: Mapping[str, Any], name: str, required: bool = True) -> Any:
    found = event.get(name)
    if isinstance(found, str) and found:
        return found
    if required:
        raise EventError(f"The event has no {name}: {_said(event)}.")
    return None


def _unknown(event: object) -> EventError:
    return EventError(
        f"This is no event of S3, direct or through SQS, SNS or EventBridge: {_said(event)}. "
        "Send the function the notifications of the inbox only."
    )


def _said(event: object) -> str:
    """Return what an event is, by those names of its members that are plain words; others may be a customer's data."""
    if not isinstance(event, dict):
        return "it is null" if event is None else f"it is of type {type(event).__name__}"
    names = [show(name) for name in event if isinstance(name, str) and PLAIN_NAME.fullmatch(name)]
    return f"it has {', '.join(names[:10]) or 'no members that are known'}"
