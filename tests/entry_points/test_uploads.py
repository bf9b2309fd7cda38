"""Uploads by a form for S3, and the state of their jobs, over HTTP against a running S3.

moto accepts any form: it checks neither the policy nor the signature nor the time. So the policy is read here,
condition by condition, and the signature is computed independently, by the four lines of AWS's own description.
"""

import base64
import gzip
import hashlib
import hmac
import io
import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from buckets import event_of, no_deadline
from faulty_proxy import Fault
from s3_handling import LINE, MIXED
from upload_jobs import job_of, send

from app.jobs import s3
from app.jobs.layout import BucketLayout
from app.jobs.uploads import Uploads, connect
from app.settings import Settings
from app.web import create_app
from model.errors import ChurnError


@pytest.fixture
def app(upload_app):
    return upload_app


KEYS = ("k1", "k2")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_new_upload_has_everything_a_browser_needs(client, bucket):
    answer = client.post("/v2/uploads")

    form = answer.json
    assert answer.status_code == 201
    assert re.fullmatch(r"[0-9a-f]{32}", form["id"])
    assert form["job"] == answer.headers["Location"] == f"/v2/jobs/{form['id']}"
    assert form["fields"]["key"] == f"incoming/uploads/anyone/{form['id']}.csv"
    assert form["max_bytes"] == 1_000_000
    left = datetime.fromisoformat(form["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=880) < left <= timedelta(seconds=900)


def test_the_policy_limits_key_size_type_and_time(client, bucket):
    form = client.post("/v2/uploads").json

    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    exact = {
        name: value
        for condition in policy["conditions"]
        if isinstance(condition, dict)
        for name, value in condition.items()
    }
    assert [condition for condition in policy["conditions"] if isinstance(condition, list)] == [
        ["content-length-range", 0, 1_000_000]
    ]
    assert exact["bucket"] == bucket.inbox
    # Every field of the form is in the policy with its value, except those that sign it.
    signing = {"policy", "x-amz-signature"}
    assert {name: exact.get(name) for name in form["fields"].keys() - signing} == {
        name: value for name, value in form["fields"].items() if name not in signing
    }
    assert form["fields"]["Content-Type"] == "application/octet-stream"
    assert datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC) <= timedelta(seconds=900)


def test_the_form_is_signed_by_version_4_for_the_region(client):
    fields = client.post("/v2/uploads").json["fields"]

    date = fields["x-amz-date"][:8]
    key = b"AWS4testing"
    for part in (date, "eu-central-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert fields["x-amz-credential"] == f"testing/{date}/eu-central-1/s3/aws4_request"
    assert fields["x-amz-signature"] == hmac.new(key, fields["policy"].encode(), "sha256").hexdigest()


def test_links_on_aws_lead_to_the_bucket_in_its_region(monkeypatch, bucket):
    # By default boto3 names the host that redirects, which breaks a form sent by a browser.
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    store = Uploads(BucketLayout("churn-in", "churn.out"), connect(), 1, 900)

    assert store.origins == ["https://churn-in.s3.eu-central-1.amazonaws.com", "https://s3.eu-central-1.amazonaws.com"]


def test_no_two_ids_are_equal(client):
    assert len({client.post("/v2/uploads").json["id"] for _ in range(20)}) == 20


def test_nothing_is_signed_without_a_region(monkeypatch, moto_server):
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(ChurnError, match=r"^No region is set\. Name that of the buckets in AWS_DEFAULT_REGION\.$"):
        connect()


@pytest.mark.parametrize(
    "sent",
    [{"data": MIXED, "content_type": "text/csv"}, {"data": {"file": (io.BytesIO(MIXED), "x")}}, {"json": {}}],
    ids=["csv", "form", "json"],
)
def test_a_file_sent_to_the_wrong_address_gets_the_right_one(client, sent):
    answer = client.post("/v2/uploads", **sent)

    assert (answer.status_code, answer.json["code"]) == (422, "file_elsewhere")


def test_a_job_goes_from_waiting_to_done(client, bucket, scored):
    form = client.post("/v2/uploads").json

    before = job_of(client, form)
    assert before == {"id": form["id"], "status": "waiting", "uploaded": False, "expires": form["expires"]}

    assert send(form, gzip.compress(MIXED)).status_code in {200, 201, 204}
    assert job_of(client, form) == {
        "id": form["id"],
        "status": "waiting",
        "uploaded": True,
        "bytes": len(gzip.compress(MIXED)),
    }

    assert scored(form["fields"]["key"])["status"] == "done"
    done = job_of(client, form)
    assert (done["status"], done["summary"]["rows_in"], done["summary"]["rows_rejected"]) == ("done", 2, 1)
    assert list(done["files"]) == ["predictions.csv", "rejects.csv", "summary.json"]
    for name, file in done["files"].items():
        got = requests.get(file["url"], timeout=30)
        assert got.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert len(got.content) == file["bytes"]
    assert got.json() == done["summary"]
    assert "X-Amz-Signature=" in file["url"]
    assert "X-Amz-Expires=900" in file["url"]


def test_an_unreadable_file_fails_with_the_reason(client, scored):
    form = client.post("/v2/uploads").json
    send(form, b"PK\x03\x04 a workbook")
    scored(form["fields"]["key"])

    failed = job_of(client, form)

    assert failed["status"] == "failed"
    assert failed["failure"]["code"] == "not_csv"
    assert "Save it as CSV (UTF-8) and send that." in failed["failure"]["message"]
    assert set(failed["failure"]) & {"name", "job"} == set()


def test_an_empty_file_fails_in_our_words_rather_than_in_those_of_s3(client, scored):
    form = client.post("/v2/uploads").json
    send(form, b"")
    scored(form["fields"]["key"])

    assert job_of(client, form)["failure"]["code"] == "empty_file"


def test_an_upload_without_a_file_expires(client, bucket, monkeypatch):
    form = client.post("/v2/uploads").json
    late = datetime.now(UTC) + timedelta(seconds=901)
    monkeypatch.setattr("app.jobs.uploads._now", lambda: late)

    assert job_of(client, form) == {"id": form["id"], "status": "expired", "expires": form["expires"]}

    send(form, MIXED)
    assert job_of(client, form)["uploaded"] is True, "moto takes it; what has come counts"


def test_the_later_file_counts_if_a_form_was_used_twice(scorer, versioned_bucket, scoring):
    store = Uploads(versioned_bucket.layout, connect(), 1_000_000, 900)
    form = store.create_upload("anyone")
    scoring = versioned_bucket.store(scoring)
    for content in (MIXED, MIXED + LINE.encode()):
        send(form, content)
        head = versioned_bucket.client.head_object(Bucket=versioned_bucket.inbox, Key=form["fields"]["key"])
        event = event_of(
            versioned_bucket.inbox, form["fields"]["key"], head["ContentLength"], head["ETag"], head["VersionId"]
        )
        s3.handle(event, scoring, no_deadline, lambda line: None)
        time.sleep(1.01)  # a list of S3 has times in whole seconds

    assert store.get_job("anyone", form["id"])["summary"]["rows_in"] == 3


@pytest.mark.parametrize(
    "wanted",
    [
        *("0" * 32, "0" * 31, "0" * 33, "A" * 32, "x", "*", "anyone", ".", "upload.json", "%00", "%0a", "é"),
        *("..%2f..", "%2e%2e", "a%2fb", "٣" * 32, "0" * 5000),
    ],
)
def test_an_unknown_id_and_a_malformed_one_are_not_found_alike(client, wanted):
    answer = client.get(f"/v2/jobs/{wanted}")

    assert answer.status_code == 404
    assert answer.json["code"] in {"unknown_job", "not_found"}


def test_the_job_of_another_key_is_not_found(scorer, bucket):
    store = Uploads(bucket.layout, connect(), 1_000_000, 900)
    settings = Settings(api_keys=tuple(map(sha256, KEYS)))
    client = create_app(scorer, settings, uploads=lambda: store).test_client()
    mine, theirs = ({"X-Api-Key": key} for key in KEYS)
    form = client.post("/v2/uploads", headers=mine).json

    assert re.fullmatch(r"incoming/uploads/[0-9a-f]{12}/[0-9a-f]{32}\.csv", form["fields"]["key"])
    assert client.get(form["job"], headers=mine).status_code == 200
    foreign = client.get(form["job"], headers=theirs)
    unknown = client.get("/v2/jobs/" + "0" * 32, headers=theirs)
    assert (foreign.status_code, foreign.json["code"]) == (unknown.status_code, unknown.json["code"])
    assert client.get(form["job"]).status_code == 401


def test_the_address_of_a_job_has_the_base_path(app):
    answer = app.test_client().post("/v2/uploads", environ_overrides={"SCRIPT_NAME": "/prod"})

    assert answer.json["job"] == f"/prod/v2/jobs/{answer.json['id']}"


def test_without_buckets_there_are_no_uploads(scorer):
    client = create_app(scorer, Settings()).test_client()

    for answer in (client.post("/v2/uploads"), client.get("/v2/jobs/" + "0" * 32)):
        assert (answer.status_code, answer.json["code"]) == (404, "uploads_not_configured")


def unavailable(scorer, store):
    client = create_app(scorer, Settings(), uploads=lambda: store()).test_client()
    answer = client.post("/v2/uploads")
    assert (answer.status_code, answer.json["code"]) == (503, "uploads_unavailable"), answer.text
    assert answer.headers["Retry-After"] == "10"
    return answer


def test_missing_credentials_are_in_the_log_and_not_in_the_answer(scorer, bucket, monkeypatch, capsys):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    answer = unavailable(scorer, lambda: Uploads(bucket.layout, connect(), 1_000_000, 900))

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "NoCredentialsError" in line["reason"]
    assert bucket.inbox not in answer.text


@pytest.mark.parametrize("missing", ["inbox", "results"])
def test_a_missing_bucket_is_noticed_before_a_form_is_sent(scorer, bucket, missing, capsys):
    names = {"inbox": bucket.inbox, "results": bucket.results, missing: "no-such-bucket-here"}

    unavailable(scorer, lambda: Uploads(BucketLayout(names["inbox"], names["results"]), connect(), 1_000_000, 900))

    assert "NoSuchBucket" in json.loads(capsys.readouterr().out.splitlines()[-1])["reason"]


@pytest.mark.parametrize("status", [503, 500, 403])
def test_a_refusal_of_s3_is_a_reason_to_try_again(scorer, bucket, proxy, faulty_s3, status):
    proxy.faults = [Fault("PUT", r"/upload\.json", status=status)]

    unavailable(scorer, lambda: Uploads(bucket.layout, faulty_s3, 1_000_000, 900))

    assert bucket.contents() == {}


def test_a_throttled_request_for_a_job_is_a_reason_to_try_again(scorer, bucket, proxy, faulty_s3):
    client = create_app(
        scorer, Settings(), uploads=lambda: Uploads(bucket.layout, faulty_s3, 1_000_000, 900)
    ).test_client()
    form = client.post("/v2/uploads").json
    proxy.faults = [Fault("GET", "list-type", status=503)]

    answer = client.get(form["job"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
