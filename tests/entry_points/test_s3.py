"""The bucket's door over HTTP against a running S3: what is scored, what is left alone, and what stands there after."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from bad_input import BAD_FILES
from buckets import event_of, no_deadline
from files import REFUSED

from app.jobs import s3
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.errors import ChurnError
from model.outputs import OutputOptions

ROOT = Path(__file__).parents[2]
HEADER, LINE = describe.template().splitlines(keepends=True)
GOOD = (HEADER + LINE).encode()
MIXED = (HEADER + LINE + LINE.replace(",12,", ",-1,")).encode()
THREE = ["predictions.csv", "rejects.csv", "summary.json"]


@pytest.fixture
def scoring(toy_scorecard):
    return Scoring(toy_scorecard, OutputOptions(), FileLimits())


@pytest.fixture
def store(bucket, scoring):
    return bucket.store(scoring)


def handle(event, store):
    """Return the lines that tell of an event that needs no other delivery."""
    lines = []
    assert s3.handle(event, store, no_deadline, lines.append) in (None, {"batchItemFailures": []})
    return lines


def statuses(event, store):
    return [line["status"] for line in handle(event, store)]


@pytest.mark.parametrize(
    "name", ["customers.csv", "Customers.CSV", "packed.csv.gz", "PACKED.CSV.GZ", "march/a b+c;ü%41&=?#.csv"]
)
def test_a_dropped_csv_is_scored_under_its_name(bucket, store, name):
    event = bucket.drop(name, gzip.compress(MIXED) if name.lower().endswith("gz") else MIXED)

    (line,) = handle(event, store)

    results = bucket.found()
    assert list(results) == [f"results/{name}/{line['job']}/{result}" for result in THREE]
    summary = json.loads(results[f"results/{name}/{line['job']}/summary.json"])
    assert summary["job"] == line["job"]
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (2, 1, 1)
    assert (line["status"], line["key"], line["rows_in"]) == ("done", f"incoming/{name}", 2)
    assert bucket.unfinished() == []


def test_the_same_drop_is_scored_once_and_nothing_is_written_again(versioned_bucket, scoring):
    store = versioned_bucket.store(scoring)
    event = versioned_bucket.drop("a.csv", MIXED)

    assert [statuses(event, store) for _ in range(3)] == [["done"], ["skipped"], ["skipped"]]

    listed = versioned_bucket.client.list_object_versions(Bucket=versioned_bucket.results)
    assert len(listed["Versions"]) == 3
    assert "DeleteMarkers" not in listed


def test_the_results_say_what_they_are(bucket, store):
    (line,) = handle(bucket.drop("a.csv", GOOD), store)

    kinds = {
        name: bucket.client.head_object(Bucket=bucket.results, Key=f"results/a.csv/{line['job']}/{name}")["ContentType"]
        for name in THREE
    }

    assert kinds == {
        "predictions.csv": "text/csv; charset=utf-8",
        "rejects.csv": "text/csv; charset=utf-8",
        "summary.json": "application/json",
    }


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        ("notes.txt", GOOD, "not_csv", "Send a CSV under a name that ends in .csv or .csv.gz."),
        ("customers.xlsx", b"PK\x03\x04", "not_csv", "Send a CSV under a name that ends in .csv or .csv.gz."),
        ("a/folder/", b"x", "not_csv", "Send a CSV under a name that ends in .csv or .csv.gz."),
        ("workbook.csv", b"PK\x03\x04", "not_csv", "Save it as CSV (UTF-8) and send that."),
        ("empty.csv", b"", "empty_file", "Expected a CSV with a header and one row per customer."),
        ("other.csv", b"a,b\n1,2\n", "no_header", "Put the column names first"),
        ("cut.csv.gz", gzip.compress(GOOD)[:-9], "truncated_gzip", "Send it again."),
    ],
)
def test_what_cannot_be_scored_gets_a_failure_that_says_what_to_send(bucket, store, name, content, code, sentence):
    event = bucket.drop(name, content)

    (line,) = handle(event, store)

    assert (line["status"], line["code"]) == ("failed", code)
    ((key, found),) = bucket.found().items()
    assert key == f"results/{name}/{line['job']}/failure.json"
    failure = json.loads(found)
    assert (failure["name"], failure["job"], failure["code"]) == (name, line["job"], code)
    assert sentence in failure["message"]
    assert bucket.unfinished() == []
    assert statuses(event, store) == ["skipped"]


def test_every_nasty_file_ends_in_a_result_that_adds_up_or_a_failure_that_says_why(bucket, store):
    codes = {f"{name}.csv": code for name, (_, code) in REFUSED.items()}
    nasty = {f"{name}.csv": content for name, (content, _) in REFUSED.items()}
    nasty |= {f"{name}!.csv": each[0] for name, each in BAD_FILES.items() if each[2] not in codes.values()}
    records = [bucket.drop(name, content)["Records"][0] for name, content in nasty.items()]

    lines = handle({"Records": records}, store)

    for name, line in zip(nasty, lines, strict=True):
        found = bucket.results_of(name)
        if line["status"] == "done":
            summary = json.loads(found["summary.json"])
            rows = list(csv.reader(io.StringIO(found["predictions.csv"].decode(), newline="")))[1:]
            assert len(rows) == summary["rows_in"] == summary["rows_scored"] + summary["rows_rejected"], name
            assert len([row for row in rows if row[-1]]) == summary["rows_rejected"], name
        else:
            failure = json.loads(found["failure.json"])
            assert (list(found), failure["code"]) == (["failure.json"], codes.get(name, line["code"])), name
            assert re.fullmatch(r"[A-Z\d].{20,}\.", failure["message"], re.DOTALL), failure["message"]
    assert {line["status"] for line in lines} == {"done", "failed"}
    assert bucket.unfinished() == []


def test_a_file_that_goes_wrong_late_leaves_its_failure_only(bucket, store):
    (line,) = handle(bucket.drop("a.csv", (HEADER + LINE * 30_000 + '1,"open\n').encode()), store)

    assert (line["status"], line["code"]) == ("failed", "open_quote")
    assert [key.rsplit("/")[-1] for key in bucket.found()] == ["failure.json"]
    assert bucket.unfinished() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("", b""), ("march/", b""), (".hidden.csv", GOOD), (".git/a.csv", GOOD), ("a.csv.part", GOOD), ("a.csv~", GOOD)],
)
def test_folders_and_unfinished_names_are_left_alone(bucket, store, name, content):
    assert statuses(bucket.drop(name, content), store) == ["ignored"]
    assert bucket.found() == {}


@pytest.mark.parametrize("key", ["a.csv", "other/a.csv", "incoming.csv", "Incoming/a.csv", "results/incoming/a.csv"])
def test_a_key_outside_the_prefix_is_left_alone(bucket, store, key):
    assert statuses(event_of(bucket.inbox, key, 10, "0" * 32), store) == ["ignored"]
    assert bucket.found() == {}


def test_a_removal_is_left_alone(bucket, store):
    event = bucket.drop("a.csv", GOOD)
    event["Records"][0]["eventName"] = "ObjectRemoved:Delete"

    assert statuses(event, store) == ["ignored"]
    assert bucket.found() == {}


def test_another_bucket_is_refused_aloud(bucket, store):
    event = bucket.drop("a.csv", GOOD)
    event["Records"][0]["s3"]["bucket"]["name"] = bucket.results
    lines = []

    with pytest.raises(s3.RetryableError) as caught:
        s3.handle(event, store, no_deadline, lines.append)

    assert str(caught.value) == (
        f"s3://{bucket.results}/incoming/a.csv: Only {bucket.inbox} is scored. "
        "Remove this bucket's notification, or set CHURN_INBOX_BUCKET."
    )
    assert [line["status"] for line in lines] == ["refused"]
    assert bucket.found() == {}


def test_in_one_bucket_our_own_results_are_left_alone(bucket, scoring):
    store = s3.Store(s3.BucketLayout(bucket.inbox, bucket.inbox), scoring, bucket.client)

    (line,) = handle(bucket.drop("a.csv", GOOD), store)
    ours = [event_of(bucket.inbox, f"results/a.csv/{line['job']}/{name}", 10, "0" * 32) for name in THREE]

    assert line["status"] == "done"
    assert [statuses(event, store) for event in ours] == [["ignored"]] * 3


@pytest.mark.parametrize(
    ("inbox_prefix", "results_prefix"), [("in/", "in/"), ("in/", "in/results/"), ("out/in/", "out/")]
)
def test_prefixes_in_one_bucket_must_lie_apart(inbox_prefix, results_prefix):
    with pytest.raises(ChurnError, match="in the bucket churn must lie apart, or results would be scored as input"):
        s3.BucketLayout("churn", "churn", inbox_prefix, results_prefix)
    s3.BucketLayout("churn", "churn-results", inbox_prefix, results_prefix)


@pytest.mark.parametrize(("inbox", "results"), [(None, "results"), ("inbox", None)])
def test_both_buckets_must_be_named(inbox, results):
    with pytest.raises(ChurnError, match=r"^CHURN_(INBOX|RESULTS)_BUCKET is not set\."):
        s3.BucketLayout(inbox, results)


def test_a_name_that_leaves_no_room_for_ours_is_cut(bucket, store):
    name = "ü" * 500 + ".csv"

    (line,) = handle(bucket.drop(name, GOOD), store)

    assert line["status"] == "done"
    assert [key.rsplit("/")[-1] for key in bucket.found()] == THREE
    assert max(len(key.encode()) for key in bucket.found()) == 1023


def test_a_job_is_named_for_all_that_shapes_its_result(bucket, scoring):
    event = bucket.drop("a.csv", GOOD)
    stores = [
        bucket.store(scoring),
        bucket.store(replace(scoring, options=OutputOptions(value_at_risk=True))),
        bucket.store(replace(scoring, scorer=replace(scoring.scorer, threshold=0.5))),
        bucket.store(replace(scoring, scorer=replace(scoring.scorer, sha256="1" * 64))),
    ]

    found = [handle(event, store)[0] for store in stores]

    assert [line["status"] for line in found] == ["done"] * 4
    assert len({line["job"] for line in found}) == 4


def eventbridge(event, key):
    thing = event["Records"][0]["s3"]["object"]
    told = {"key": key, "size": thing["size"], "etag": thing["eTag"]}
    detail = {"bucket": {"name": event["Records"][0]["s3"]["bucket"]["name"]}, "object": told}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def test_the_key_of_eventbridge_is_taken_as_it_is_where_that_is_there(bucket, store):
    events = [bucket.drop(name, GOOD) for name in ("a b.csv", "a+b.csv")]

    (line,) = handle(eventbridge(events[1], "incoming/a+b.csv"), store)

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
def test_the_key_of_eventbridge_is_decoded_where_only_that_is_there(bucket, store, name, key):
    event = bucket.drop(name, GOOD)

    assert statuses(eventbridge(event, key), store) == ["done"]
    assert statuses(event, store) == ["skipped"]


def test_the_key_of_eventbridge_may_be_nowhere(bucket, store):
    event = bucket.drop("a.csv", GOOD)

    assert statuses(eventbridge(event, "incoming/b+c.csv"), store) == ["superseded"]


@pytest.mark.parametrize("kept", ["bucket", "versioned_bucket"])
def test_an_event_that_pins_nothing_is_pinned_to_what_is_there(request, kept, scoring):
    bucket = request.getfixturevalue(kept)
    event = bucket.drop("a.csv", GOOD)
    full = json.loads(json.dumps(event))
    for name in ("eTag", "size", "versionId"):
        event["Records"][0]["s3"]["object"].pop(name, None)

    assert statuses(event, bucket.store(scoring)) == ["done"]
    assert statuses(full, bucket.store(scoring)) == ["skipped"]


def test_no_line_holds_a_customers_data(bucket, store):
    content = (
        HEADER + LINE.replace("0001-EXMPL", "SECRET-1") + LINE.replace("0001-EXMPL,0", "SECRET-2,SECRET")
    ).encode()
    events = [bucket.drop("a.csv", content), bucket.drop("b.csv", content.replace(b"\n", b'\n"SECRET', 1))]

    lines = [line for event in events for line in handle(event, store)]

    assert [line["status"] for line in lines] == ["done", "failed"]
    assert "SECRET" not in json.dumps(lines)
    assert set(lines[0]) == {
        *("event", "bucket", "key", "job", "status", "rows_in", "rows_scored", "rows_rejected", "model_version"),
        *("bytes_in", "seconds", "rows_per_s"),
    }


def test_of_several_messages_of_a_queue_only_the_failed_are_delivered_again(bucket, store):
    good, gone, wrong = (bucket.drop(f"{name}.csv", GOOD) for name in "abc")
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


def test_an_event_that_is_none_of_ours_is_an_error(store):
    lines = []

    with pytest.raises(s3.EventError):
        s3.handle({"hello": "world"}, store, no_deadline, lines.append)

    assert [line["status"] for line in lines] == ["error"]


@pytest.fixture
def aws(moto_server):
    return lambda service: boto3.client(service)


def received(sqs, url):
    """Return the messages of a queue as Lambda hands them to a function."""
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += [{"messageId": each["MessageId"], "eventSource": "aws:sqs", "body": each["Body"]} for each in messages]
    return {"Records": found}


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
    bucket.drop("a b+c/ü.CSV", MIXED)
    bucket.drop("notes.txt", b"hello")
    bucket.client.put_object(Bucket=bucket.inbox, Key="elsewhere/a.csv", Body=GOOD)

    lines = handle(received(sqs, url), store)

    assert sorted(line["status"] for line in lines if line["status"] != "ignored") == ["done", "failed"]
    assert {line["reason"] for line in lines if line["status"] == "ignored"} <= {"s3:TestEvent"}
    assert sorted(bucket.results_of("a b+c/ü.CSV")) == THREE
    assert sorted(bucket.results_of("notes.txt")) == ["failure.json"]


def test_a_real_notification_through_a_queue_is_scored_by_the_handler(bucket, queue):
    sqs, url, arn = queue
    notify(bucket, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}])
    bucket.drop("a b.csv", MIXED)
    code = "import json, sys, handler; print(json.dumps(handler.handler(json.load(sys.stdin))))"
    places = {"CHURN_INBOX_BUCKET": bucket.inbox, "CHURN_RESULTS_BUCKET": bucket.results}

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **places},
        input=json.dumps(received(sqs, url)),
        capture_output=True,
        text=True,
    )

    *lines, answer = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer == {"batchItemFailures": []}, done.stderr
    assert [line["key"] for line in lines if line["status"] == "done"] == ["incoming/a b.csv"]
    assert sorted(bucket.results_of("a b.csv")) == THREE


def test_a_real_notification_through_a_topic_and_a_queue_is_scored(bucket, store, queue, aws):
    sqs, url, arn = queue
    sns = aws("sns")
    topic = sns.create_topic(Name=bucket.inbox)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    notify(bucket, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}])
    bucket.drop("a.csv", MIXED)

    assert "done" in [line["status"] for line in handle(received(sqs, url), store)]
    assert sorted(bucket.results_of("a.csv")) == THREE


def test_a_real_notification_through_eventbridge_and_a_queue_is_scored(bucket, store, queue, aws):
    sqs, url, arn = queue
    rules = aws("events")
    rules.put_rule(Name=bucket.inbox, EventPattern=json.dumps({"source": ["aws.s3"]}))
    rules.put_targets(Rule=bucket.inbox, Targets=[{"Id": "queue", "Arn": arn}])
    notify(bucket, EventBridgeConfiguration={})
    bucket.drop("a b.csv", MIXED)

    lines = handle(received(sqs, url), store)
    rules.remove_targets(Rule=bucket.inbox, Ids=["queue"])
    rules.delete_rule(Name=bucket.inbox)

    assert "done" in [line["status"] for line in lines]
    assert sorted(bucket.results_of("a b.csv")) == THREE


def test_requests_are_signed_so_that_conditions_hold(moto_server):
    # The older signature drops If-None-Match from a presigned request without a word.
    client = s3.connect()

    assert "X-Amz-Signature=" in client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})


def test_every_member_and_status_of_a_line_is_described(bucket, store):
    events = [bucket.drop("a.csv", GOOD), bucket.drop("b.txt", GOOD), bucket.drop(".c.csv", GOOD)]
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("operations.md", "aws.md")]

    members = {member for event in events for line in handle(event, store) for member in line}

    described = set(re.findall(r"`(\w+)`", "".join(pages)))
    assert members - described == set()
    assert {"done", "failed", "skipped", "superseded", "ignored", "retry", "refused", "error"} <= described
