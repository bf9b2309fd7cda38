"""The events in which S3 reports an object to Lambda: recorded in tests/events, and what is read from them."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.jobs.s3_events import EventError, IgnoredEvent, Message, S3Object, read

EVENTS = Path(__file__).parents[1] / "events"

VERSION = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
MARCH = S3Object("churn-inbox", "incoming/march.csv", None, ETAG, 1024)
MARCH_VERSION = S3Object("churn-inbox", "incoming/march.csv", VERSION, ETAG, 1024)
APRIL = S3Object("churn-inbox", "incoming/sub folder/April.CSV", VERSION, "b21b84d653bb07b05b1e6b33684dc11b", 2048)
TEST = IgnoredEvent("s3:TestEvent", "churn-inbox")
ONE, TWO, THREE = (f"059f36b4-87a3-44ab-83d2-66197591000{number}" for number in (1, 2, 3))


def recorded(name: str):
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("s3_put_2_1", [Message([MARCH])]),
        ("s3_put_2_1_versioned", [Message([MARCH_VERSION])]),
        (
            "s3_multipart_2_4",
            [
                Message(
                    [
                        S3Object(
                            "churn-inbox",
                            "incoming/café & bar+grill 100%.csv.gz",
                            etag="9b2cf535f27731c974343645a3985328-9",
                            size=73_400_320,
                        )
                    ]
                )
            ],
        ),
        ("s3_put_2_6_versioned", [Message([APRIL])]),
        ("s3_copy_2_6_null_version", [Message([MARCH])]),
        ("s3_post_without_etag_and_size", [Message([S3Object("churn-inbox", "incoming/march.csv")])]),
        (
            "s3_several_records",
            [Message([MARCH, APRIL, IgnoredEvent("ObjectRemoved:Delete", "churn-inbox", "incoming/old.csv")])],
        ),
        (
            "s3_removed_2_1",
            [Message([IgnoredEvent("ObjectRemoved:DeleteMarkerCreated", "churn-inbox", "incoming/march.csv")])],
        ),
        ("s3_restore_2_6", [Message([IgnoredEvent("ObjectRestore:Completed", "churn-inbox", "incoming/march.csv")])]),
        ("s3_test_event", [Message([TEST])]),
        ("sqs_s3", [Message([MARCH], ONE), Message([APRIL], TWO)]),
        ("sqs_test_event", [Message([TEST], ONE)]),
        ("sqs_sns_s3", [Message([APRIL], ONE)]),
        ("sqs_sns_test_event", [Message([TEST], ONE)]),
        ("sqs_eventbridge", [Message([MARCH_VERSION], ONE)]),
        ("sns_s3", [Message([MARCH])]),
        ("sns_test_event", [Message([TEST])]),
        ("eventbridge_created", [Message([MARCH_VERSION])]),
        (
            "eventbridge_created_with_plus",
            [Message([S3Object("churn-inbox", "incoming/a+b%20c.csv", None, ETAG, 1024, "incoming/a b c.csv")])],
        ),
        ("eventbridge_deleted", [Message([IgnoredEvent("Object Deleted", "churn-inbox", "incoming/march.csv")])]),
    ],
)
def test_a_recorded_event_is_read(name, messages):
    assert read(recorded(name)) == messages


def test_every_recorded_event_of_the_bucket_is_read_by_a_test():
    table = {case[0] for case in test_a_recorded_event_is_read.pytestmark[0].args[1]}
    folder = {
        file.stem for file in EVENTS.glob("*.json") if file.stem.split("_")[0] in ("s3", "sqs", "sns", "eventbridge")
    }

    assert table | {"s3_put_3_0", "sqs_one_unreadable_message"} == folder


@pytest.mark.parametrize("version", ["2.0", "2.2", "2.11", "2.99", None])
def test_any_minor_version_is_read(version):
    event = recorded("s3_put_2_1")
    event["Records"][0]["eventVersion"] = version
    if version is None:
        del event["Records"][0]["eventVersion"]

    assert read(event) == [Message([MARCH])]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("incoming/a+b.csv", "incoming/a b.csv"),
        ("incoming/a%2Bb.csv", "incoming/a+b.csv"),
        ("incoming/a%252Bb.csv", "incoming/a%2Bb.csv"),
        ("incoming/100%25.csv", "incoming/100%.csv"),
        ("incoming%2F%C3%BC.csv", "incoming/ü.csv"),
        ("incoming/%F0%9F%93%88.csv", "incoming/📈.csv"),
    ],
)
def test_a_key_is_decoded_exactly_once(encoded, key):
    event = recorded("s3_put_2_1")
    event["Records"][0]["s3"]["object"]["key"] = encoded

    (message,) = read(event)

    assert message.records[0].key == key


def one_error(event) -> str:
    (message,) = read(event)
    (error,) = message.records
    assert isinstance(error, EventError)
    return str(error)


def test_another_major_version_is_an_error():
    assert one_error(recorded("s3_put_3_0")) == 'S3 sent an event of version "3.0"; this code reads 2.x.'


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({}, "it has no members that are known. "),
        (None, "it is null. "),
        ([], "it is of type list. "),
        ("text", "The message is not JSON, so it is no event of S3."),
        ({"Records": []}, 'it has "Records". '),
        ({"Records": {}}, 'it has "Records". '),
        ({"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]}, 'it has "eventSource", "kinesis". '),
        ({"Records": [None]}, "it is null. "),
        ({"Records": [{"s3": {}}]}, "The event has no bucket: it has no members that are known."),
        ({"Records": [{"s3": {"bucket": {"name": "b"}}}]}, 'The event has no object: it has "bucket".'),
        (
            {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": ""}}}]},
            'The event has no key: it has "key".',
        ),
        (
            {
                "Records": [
                    {"s3": {"bucket": {"name": "b"}, "object": {"key": "%ff"}}, "eventName": "ObjectCreated:Put"}
                ]
            },
            'The key "%ff" is not UTF-8 once it is decoded.',
        ),
        ({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, 'it has "source", "detail-type"'),
        ({"source": "aws.s3", "detail": {}, "detail-type": "Object Created"}, "The event has no bucket: it has no"),
        ({"Type": "Notification", "Message": "hello"}, "The message is not JSON, so it is no event of S3."),
        ({"0001-EXMPL": "churn", "note": "x"}, 'it has "note". '),
        ({"version": "2.0", "routeKey": "GET /", "rawPath": "/"}, 'it has "version", "routeKey", "rawPath". '),
    ],
)
def test_an_unreadable_event_is_an_error_that_names_its_members(event, sentence):
    assert sentence in one_error(event)


def test_wrappings_without_end_are_an_error():
    event = recorded("s3_put_2_1")
    for _ in range(50):
        event = {"Type": "Notification", "Message": json.dumps(event) if len(str(event)) < 10_000 else event}

    assert "This is no event of S3" in one_error(event)


def test_one_unreadable_record_keeps_no_other_from_its_turn():
    event = recorded("s3_several_records")
    broken = copy.deepcopy(event["Records"][0])
    del broken["s3"]["object"]
    event["Records"].insert(1, broken)

    (message,) = read(event)

    assert [type(record) for record in message.records] == [S3Object, EventError, S3Object, IgnoredEvent]


def test_one_unreadable_message_of_a_queue_is_an_error_of_its_own():
    first, second, third = read(recorded("sqs_one_unreadable_message"))

    assert first == Message([MARCH], ONE)
    assert [second.message_id, third.message_id] == [TWO, THREE]
    assert str(second.records[0]) == "The message is not JSON, so it is no event of S3."
    assert 'it has "order". ' in str(third.records[0])


def test_reading_an_event_needs_the_standard_library_only():
    code = "import sys, app.jobs.s3_events; print({'boto3', 'numpy', 'pyarrow'} & set(sys.modules))"
    words = [sys.executable, "-c", code]

    assert subprocess.run(words, cwd=EVENTS.parent.parent, capture_output=True, text=True).stdout == "set()\n"
