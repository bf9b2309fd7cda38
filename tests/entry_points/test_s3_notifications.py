"""Notifications of a running S3 by every path: directly, through SQS, SNS and EventBridge."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from buckets import no_deadline
from s3_handling import GOOD, MIXED, RESULTS, entries_of, statuses

from app.jobs import s3

ROOT = Path(__file__).parents[2]


def eventbridge(event, key):
    details = event["Records"][0]["s3"]["object"]
    eventbridge_object = {"key": key, "size": details["size"], "etag": details["eTag"]}
    detail = {"bucket": {"name": event["Records"][0]["s3"]["bucket"]["name"]}, "object": eventbridge_object}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def test_the_key_of_eventbridge_is_used_unchanged_if_it_exists(bucket, store):
    events = [bucket.put(name, GOOD) for name in ("a b.csv", "a+b.csv")]

    (line,) = entries_of(eventbridge(events[1], "incoming/a+b.csv"), store)

    assert (line["status"], line["key"]) == ("done", "incoming/a+b.csv")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a b.csv", "incoming/a+b.csv"),
        ("a+b.csv", "incoming/a+b.csv"),
        ("a+b.csv", "incoming/a%2Bb.csv"),
        ("ü/100%.csv", "incoming/%C3%BC/100%25.csv"),
        ("ü/100%.csv", "incoming%2F%C3%BC%2F100%25.csv"),
    ],
)
def test_the_key_of_eventbridge_is_decoded_if_only_that_exists(bucket, store, name, key):
    event = bucket.put(name, GOOD)

    assert statuses(eventbridge(event, key), store) == ["done"]
    assert statuses(event, store) == ["skipped"]


def test_an_object_of_eventbridge_that_does_not_exist_is_superseded(bucket, store):
    event = bucket.put("a.csv", GOOD)

    assert statuses(eventbridge(event, "incoming/b+c.csv"), store) == ["superseded"]


def test_only_failed_messages_of_a_queue_are_delivered_again(bucket, store):
    good, gone, wrong = (bucket.put(f"{name}.csv", GOOD) for name in "abc")
    bucket.client.delete_object(Bucket=bucket.inbox, Key="incoming/b.csv")
    wrong["Records"][0]["s3"]["bucket"]["name"] = "another"
    bodies = [json.dumps(good), json.dumps(gone), json.dumps(wrong), "hello"]
    event = {
        "Records": [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": body} for number, body in enumerate(bodies)
        ]
    }
    lines = []

    answer = s3.handle(event, store, no_deadline, lines.append)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}
    assert [line["status"] for line in lines] == ["done", "superseded", "refused", "error"]


def test_an_unknown_event_is_an_error(store):
    lines = []

    with pytest.raises(s3.EventError):
        s3.handle({"hello": "world"}, store, no_deadline, lines.append)

    assert [line["status"] for line in lines] == ["error"]


@pytest.fixture
def aws(moto_server):
    return lambda service: boto3.client(service)


def received(sqs, url):
    """Return the messages of a queue as Lambda hands them to a function."""
    records = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        records += [
            {"messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"]}
            for message in messages
        ]
    return {"Records": records}


@pytest.fixture
def queue(aws, bucket):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=bucket.inbox)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return sqs, url, arn


def notify(bucket, **configuration):
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.inbox, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )


ONLY_INCOMING = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "incoming/"}]}}


def test_a_real_notification_through_a_queue_is_scored(bucket, store, queue):
    sqs, url, arn = queue
    notify(bucket, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}])
    bucket.put("a b+c/ü.CSV", MIXED)
    bucket.put("notes.txt", b"hello")
    bucket.client.put_object(Bucket=bucket.inbox, Key="elsewhere/a.csv", Body=GOOD)

    lines = entries_of(received(sqs, url), store)

    assert sorted(line["status"] for line in lines if line["status"] != "ignored") == ["done", "failed"]
    assert {line["reason"] for line in lines if line["status"] == "ignored"} <= {"s3:TestEvent"}
    assert sorted(bucket.results_of("a b+c/ü.CSV")) == RESULTS
    assert sorted(bucket.results_of("notes.txt")) == ["failure.json"]


def test_a_real_notification_through_a_queue_is_scored_by_the_handler(bucket, queue):
    sqs, url, arn = queue
    notify(bucket, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}])
    bucket.put("a b.csv", MIXED)
    code = "import json, sys, handler; print(json.dumps(handler.handler(json.load(sys.stdin))))"
    buckets = {"CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results}

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **buckets},
        input=json.dumps(received(sqs, url)),
        capture_output=True,
        text=True,
    )

    *lines, answer = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer == {"batchItemFailures": []}, done.stderr
    assert [line["key"] for line in lines if line["status"] == "done"] == ["incoming/a b.csv"]
    assert sorted(bucket.results_of("a b.csv")) == RESULTS


def test_a_real_notification_through_a_topic_and_a_queue_is_scored(bucket, store, queue, aws):
    sqs, url, arn = queue
    sns = aws("sns")
    topic = sns.create_topic(Name=bucket.inbox)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    notify(bucket, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}])
    bucket.put("a.csv", MIXED)

    assert "done" in [line["status"] for line in entries_of(received(sqs, url), store)]
    assert sorted(bucket.results_of("a.csv")) == RESULTS


def test_a_real_notification_through_eventbridge_and_a_queue_is_scored(bucket, store, queue, aws):
    sqs, url, arn = queue
    rules = aws("events")
    rules.put_rule(Name=bucket.inbox, EventPattern=json.dumps({"source": ["aws.s3"]}))
    rules.put_targets(Rule=bucket.inbox, Targets=[{"Id": "queue", "Arn": arn}])
    notify(bucket, EventBridgeConfiguration={})
    bucket.put("a b.csv", MIXED)

    lines = entries_of(received(sqs, url), store)
    rules.remove_targets(Rule=bucket.inbox, Ids=["queue"])
    rules.delete_rule(Name=bucket.inbox)

    assert "done" in [line["status"] for line in lines]
    assert sorted(bucket.results_of("a b.csv")) == RESULTS
