"""Objects of an inbox on a running S3: which are scored, which are ignored, and the results."""

import csv
import gzip
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from bad_input import BAD_FILES
from buckets import event_of, no_deadline
from files import REFUSED
from s3_handling import GOOD, HEADER, LINE, MIXED, RESULTS, entries_of, statuses

from app.jobs import s3
from app.jobs.layout import BucketLayout
from model.errors import ChurnError
from model.outputs import OutputOptions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["customers.csv", "Customers.CSV", "small.csv.gz", "SMALL.CSV.GZ", "march/a b+c;ü%41&=?#.csv"]
)
def test_a_csv_object_is_scored_under_its_name(bucket, store, name):
    event = bucket.put(name, gzip.compress(MIXED) if name.lower().endswith("gz") else MIXED)

    (line,) = entries_of(event, store)

    results = bucket.contents()
    assert list(results) == [f"results/{name}/{line['job']}/{result}" for result in RESULTS]
    summary = json.loads(results[f"results/{name}/{line['job']}/summary.json"])
    assert summary["job"] == line["job"]
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (2, 1, 1)
    assert (line["status"], line["key"], line["rows_in"]) == ("done", f"incoming/{name}", 2)
    assert bucket.unfinished() == []


def test_the_same_object_is_scored_once_and_nothing_is_written_again(versioned_bucket, scoring):
    store = versioned_bucket.store(scoring)
    event = versioned_bucket.put("a.csv", MIXED)

    assert [statuses(event, store) for _ in range(3)] == [["done"], ["skipped"], ["skipped"]]

    listed = versioned_bucket.client.list_object_versions(Bucket=versioned_bucket.results)
    assert len(listed["Versions"]) == 3
    assert "DeleteMarkers" not in listed


def test_results_have_their_content_type(bucket, store):
    (line,) = entries_of(bucket.put("a.csv", GOOD), store)

    kinds = {
        name: bucket.client.head_object(Bucket=bucket.results, Key=f"results/a.csv/{line['job']}/{name}")["ContentType"]
        for name in RESULTS
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
def test_an_unreadable_file_gets_a_failure_with_advice(bucket, store, name, content, code, sentence):
    event = bucket.put(name, content)

    (line,) = entries_of(event, store)

    assert (line["status"], line["code"]) == ("failed", code)
    ((key, content),) = bucket.contents().items()
    assert key == f"results/{name}/{line['job']}/failure.json"
    failure = json.loads(content)
    assert (failure["name"], failure["job"], failure["code"]) == (name, line["job"], code)
    assert sentence in failure["message"]
    assert bucket.unfinished() == []
    assert statuses(event, store) == ["skipped"]


def test_every_bad_file_gives_a_result_that_adds_up_or_a_failure_with_the_reason(bucket, store):
    codes = {f"{name}.csv": code for name, (_, code) in REFUSED.items()}
    nasty = {f"{name}.csv": content for name, (content, _) in REFUSED.items()}
    nasty |= {f"{name}!.csv": bad[0] for name, bad in BAD_FILES.items() if bad[2] not in codes.values()}
    records = [bucket.put(name, content)["Records"][0] for name, content in nasty.items()]

    lines = entries_of({"Records": records}, store)

    for name, line in zip(nasty, lines, strict=True):
        results = bucket.results_of(name)
        if line["status"] == "done":
            summary = json.loads(results["summary.json"])
            rows = list(csv.reader(io.StringIO(results["predictions.csv"].decode(), newline="")))[1:]
            assert len(rows) == summary["rows_in"] == summary["rows_scored"] + summary["rows_rejected"], name
            assert len([row for row in rows if row[-1]]) == summary["rows_rejected"], name
        else:
            failure = json.loads(results["failure.json"])
            assert (list(results), failure["code"]) == (["failure.json"], codes.get(name, line["code"])), name
            assert re.fullmatch(r"[A-Z\d].{20,}\.", failure["message"], re.DOTALL), failure["message"]
    assert {line["status"] for line in lines} == {"done", "failed"}
    assert bucket.unfinished() == []


def test_a_file_with_a_late_error_leaves_only_its_failure(bucket, store):
    (line,) = entries_of(bucket.put("a.csv", (HEADER + LINE * 30_000 + '1,"open\n').encode()), store)

    assert (line["status"], line["code"]) == ("failed", "open_quote")
    assert [key.rsplit("/")[-1] for key in bucket.contents()] == ["failure.json"]
    assert bucket.unfinished() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("", b""), ("march/", b""), (".hidden.csv", GOOD), (".git/a.csv", GOOD), ("a.csv.part", GOOD), ("a.csv~", GOOD)],
)
def test_folders_and_unfinished_names_are_ignored(bucket, store, name, content):
    assert statuses(bucket.put(name, content), store) == ["ignored"]
    assert bucket.contents() == {}


@pytest.mark.parametrize("key", ["a.csv", "other/a.csv", "incoming.csv", "Incoming/a.csv", "results/incoming/a.csv"])
def test_a_key_outside_the_prefix_is_ignored(bucket, store, key):
    assert statuses(event_of(bucket.inbox, key, 10, "0" * 32), store) == ["ignored"]
    assert bucket.contents() == {}


def test_a_removal_is_ignored(bucket, store):
    event = bucket.put("a.csv", GOOD)
    event["Records"][0]["eventName"] = "ObjectRemoved:Delete"

    assert statuses(event, store) == ["ignored"]
    assert bucket.contents() == {}


def test_another_bucket_is_refused_with_the_reason(bucket, store):
    event = bucket.put("a.csv", GOOD)
    event["Records"][0]["s3"]["bucket"]["name"] = bucket.results
    lines = []

    with pytest.raises(s3.RetryableError) as caught:
        s3.handle(event, store, no_deadline, lines.append)

    assert str(caught.value) == (
        f"s3://{bucket.results}/incoming/a.csv: Only {bucket.inbox} is scored. "
        "Remove this bucket's notification, or set CHURN_INBOX_BUCKET."
    )
    assert [line["status"] for line in lines] == ["refused"]
    assert bucket.contents() == {}


def test_results_in_the_same_bucket_are_not_scored(bucket, scoring):
    store = s3.Store(BucketLayout(bucket.inbox, bucket.inbox), scoring, bucket.client)

    (line,) = entries_of(bucket.put("a.csv", GOOD), store)
    ours = [event_of(bucket.inbox, f"results/a.csv/{line['job']}/{name}", 10, "0" * 32) for name in RESULTS]

    assert line["status"] == "done"
    assert [statuses(event, store) for event in ours] == [["ignored"]] * 3


@pytest.mark.parametrize(
    ("inbox_prefix", "results_prefix"), [("in/", "in/"), ("in/", "in/results/"), ("out/in/", "out/")]
)
def test_prefixes_in_one_bucket_must_not_overlap(inbox_prefix, results_prefix):
    with pytest.raises(ChurnError, match="in the bucket churn must lie apart, or results would be scored as input"):
        BucketLayout("churn", "churn", inbox_prefix, results_prefix)
    BucketLayout("churn", "churn-results", inbox_prefix, results_prefix)


@pytest.mark.parametrize(("inbox", "results"), [(None, "results"), ("inbox", None)])
def test_both_buckets_must_be_named(inbox, results):
    with pytest.raises(ChurnError, match=r"^CHURN_(INBOX|RESULTS)_BUCKET is not set\."):
        BucketLayout(inbox, results)


def test_a_name_that_is_too_long_for_the_results_is_cut(bucket, store):
    name = "ü" * 500 + ".csv"

    (line,) = entries_of(bucket.put(name, GOOD), store)

    assert line["status"] == "done"
    assert [key.rsplit("/")[-1] for key in bucket.contents()] == RESULTS
    assert max(len(key.encode()) for key in bucket.contents()) == 1023


def test_a_job_id_depends_on_everything_that_changes_the_result(bucket, scoring):
    event = bucket.put("a.csv", GOOD)
    stores = [
        bucket.store(scoring),
        bucket.store(replace(scoring, options=OutputOptions(value_at_risk=True))),
        bucket.store(replace(scoring, scorer=replace(scoring.scorer, threshold=0.5))),
        bucket.store(replace(scoring, scorer=replace(scoring.scorer, sha256="1" * 64))),
    ]

    entries = [entries_of(event, store)[0] for store in stores]

    assert [line["status"] for line in entries] == ["done"] * 4
    assert len({line["job"] for line in entries}) == 4


@pytest.mark.parametrize("kept", ["bucket", "versioned_bucket"])
def test_an_event_without_version_or_etag_is_pinned_to_the_current_object(request, kept, scoring):
    bucket = request.getfixturevalue(kept)
    event = bucket.put("a.csv", GOOD)
    full = json.loads(json.dumps(event))
    for name in ("eTag", "size", "versionId"):
        event["Records"][0]["s3"]["object"].pop(name, None)

    assert statuses(event, bucket.store(scoring)) == ["done"]
    assert statuses(full, bucket.store(scoring)) == ["skipped"]


def test_no_log_entry_holds_a_customers_data(bucket, store):
    content = (
        HEADER + LINE.replace("0001-EXMPL", "SECRET-1") + LINE.replace("0001-EXMPL,0", "SECRET-2,SECRET")
    ).encode()
    events = [bucket.put("a.csv", content), bucket.put("b.csv", content.replace(b"\n", b'\n"SECRET', 1))]

    lines = [line for event in events for line in entries_of(event, store)]

    assert [line["status"] for line in lines] == ["done", "failed"]
    assert "SECRET" not in json.dumps(lines)
    assert set(lines[0]) == {
        *("event", "bucket", "key", "job", "status", "rows_in", "rows_scored", "rows_rejected", "model_version"),
        *("bytes_in", "seconds", "rows_per_s"),
    }


def test_requests_are_signed_so_that_conditions_apply(moto_server):
    # The older signature drops If-None-Match from a presigned request without a word.
    client = s3.connect()

    assert "X-Amz-Signature=" in client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})


def test_every_member_and_status_of_a_log_entry_is_documented(bucket, store):
    events = [bucket.put("a.csv", GOOD), bucket.put("b.txt", GOOD), bucket.put(".c.csv", GOOD)]
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("operations.md", "aws.md")]

    members = {member for event in events for line in entries_of(event, store) for member in line}

    described = set(re.findall(r"`(\w+)`", "".join(pages)))
    assert members - described == set()
    assert {"done", "failed", "skipped", "superseded", "ignored", "retry", "refused", "error"} <= described
