"""Uploads by a form that S3 takes, and the state of their jobs, over HTTP against a running S3.

moto takes any form: it looks neither at the policy nor at the signature nor at the clock. So the policy is read here,
condition by condition, and the signature computed anew, by the four lines of AWS's own description.
"""

import base64
import gzip
import hashlib
import hmac
import html
import io
import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from buckets import event_of, no_deadline
from faulty_proxy import Fault
from http_events import event
from openapi_checks import check_described

from app.aws.gateway import Gateway, Invocation
from app.aws.http_events import API_GATEWAY, LOAD_BALANCER
from app.jobs import progress, s3
from app.jobs.scoring import Scoring
from app.jobs.uploads import Uploads, connect
from app.settings import Settings
from app.web import create_app
from model import describe
from model.bulk.source import FileLimits
from model.errors import ChurnError
from model.outputs import OutputOptions

HEADER, LINE = describe.template().splitlines(keepends=True)
MIXED = (HEADER + LINE + LINE.replace(",12,", ",-1,")).encode()
KEYS = ("k1", "k2")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def app(scorer, bucket):
    store = Uploads(bucket.layout, connect(), max_bytes=1_000_000, link_s=900)
    return create_app(scorer, Settings(), uploads=lambda: store)


@pytest.fixture
def scored(bucket, toy_scorecard):
    """Score what was uploaded, as the function does, and return the line of the log."""
    store = bucket.store(Scoring(toy_scorecard, OutputOptions(), FileLimits()))

    def score(key: str, remaining_ms=no_deadline, store=store):
        head = bucket.client.head_object(Bucket=bucket.inbox, Key=key)
        event = event_of(bucket.inbox, key, head["ContentLength"], head["ETag"], head.get("VersionId"))
        lines = []
        try:
            s3.handle(event, store, remaining_ms, lines.append)
        except s3.RetryableError:
            assert lines[0]["status"] in s3.DELIVER_AGAIN
        return lines[0]

    return score


def send(form, content: bytes):
    return requests.post(form["url"], data=form["fields"], files={"file": ("list.csv", content)}, timeout=30)


def job_of(client, form, **headers):
    answer = client.get(form["job"], headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


# ---- The form


def test_an_upload_begins_with_all_that_a_browser_needs(client, bucket):
    answer = client.post("/v2/uploads")

    form = answer.json
    assert answer.status_code == 201
    assert re.fullmatch(r"[0-9a-f]{32}", form["id"])
    assert form["job"] == answer.headers["Location"] == f"/v2/jobs/{form['id']}"
    assert form["fields"]["key"] == f"incoming/uploads/anyone/{form['id']}.csv"
    assert form["max_bytes"] == 1_000_000
    left = datetime.fromisoformat(form["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=880) < left <= timedelta(seconds=900)


def test_the_policy_bounds_key_size_type_and_time(client, bucket):
    form = client.post("/v2/uploads").json

    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    exact = {name: value for each in policy["conditions"] if isinstance(each, dict) for name, value in each.items()}
    assert [each for each in policy["conditions"] if isinstance(each, list)] == [["content-length-range", 0, 1_000_000]]
    assert exact["bucket"] == bucket.inbox
    # Every field of the form stands in the policy with its value, but for those that sign it.
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


def test_on_aws_links_lead_to_the_bucket_in_its_region(monkeypatch, bucket):
    # By default boto3 names the host that redirects, which breaks a form sent by a browser.
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    store = Uploads(s3.BucketLayout("churn-in", "churn.out"), connect(), 1, 900)

    assert store.origins == ["https://churn-in.s3.eu-central-1.amazonaws.com", "https://s3.eu-central-1.amazonaws.com"]


def test_no_two_ids_are_alike(client):
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
def test_a_file_sent_to_the_wrong_address_is_told_the_right_one(client, sent):
    answer = client.post("/v2/uploads", **sent)

    assert (answer.status_code, answer.json["code"]) == (422, "file_elsewhere")


# ---- The states


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


def test_a_file_that_cannot_be_scored_fails_with_why(client, scored):
    form = client.post("/v2/uploads").json
    send(form, b"PK\x03\x04 a workbook")
    scored(form["fields"]["key"])

    failed = job_of(client, form)

    assert failed["status"] == "failed"
    assert failed["failure"]["code"] == "not_csv"
    assert "Save it as CSV (UTF-8) and send that." in failed["failure"]["message"]
    assert set(failed["failure"]) & {"name", "job"} == set()


def test_an_empty_file_is_told_so_by_us_rather_than_by_s3(client, scored):
    form = client.post("/v2/uploads").json
    send(form, b"")
    scored(form["fields"]["key"])

    assert job_of(client, form)["failure"]["code"] == "empty_file"


def test_an_upload_that_never_came_expires(client, bucket, monkeypatch):
    form = client.post("/v2/uploads").json
    late = datetime.now(UTC) + timedelta(seconds=901)
    monkeypatch.setattr("app.jobs.uploads._now", lambda: late)

    assert job_of(client, form) == {"id": form["id"], "status": "expired", "expires": form["expires"]}

    send(form, MIXED)
    assert job_of(client, form)["uploaded"] is True, "moto takes it; what has come counts"


def test_the_later_file_counts_where_a_form_was_used_twice(scorer, versioned_bucket, toy_scorecard):
    store = Uploads(versioned_bucket.layout, connect(), 1_000_000, 900)
    form = store.create_upload("anyone")
    scoring = versioned_bucket.store(Scoring(toy_scorecard, OutputOptions(), FileLimits()))
    for content in (MIXED, MIXED + LINE.encode()):
        send(form, content)
        head = versioned_bucket.client.head_object(Bucket=versioned_bucket.inbox, Key=form["fields"]["key"])
        event = event_of(
            versioned_bucket.inbox, form["fields"]["key"], head["ContentLength"], head["ETag"], head["VersionId"]
        )
        s3.handle(event, scoring, no_deadline, lambda line: None)
        time.sleep(1.01)  # a list of S3 tells times in whole seconds

    assert store.get_job("anyone", form["id"])["summary"]["rows_in"] == 3


# ---- Who sees a job


@pytest.mark.parametrize(
    "wanted",
    [
        *("0" * 32, "0" * 31, "0" * 33, "A" * 32, "x", "*", "anyone", ".", "upload.json", "%00", "%0a", "é"),
        *("..%2f..", "%2e%2e", "a%2fb", "٣" * 32, "0" * 5000),
    ],
)
def test_an_unknown_id_and_one_that_can_be_none_are_not_found_alike(client, wanted):
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


def test_a_job_below_a_base_path_is_told_there(app):
    answer = app.test_client().post("/v2/uploads", environ_overrides={"SCRIPT_NAME": "/prod"})

    assert answer.json["job"] == f"/prod/v2/jobs/{answer.json['id']}"


# ---- What fails


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


def test_missing_credentials_are_our_fault_and_said_in_the_log(scorer, bucket, monkeypatch, capsys):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    answer = unavailable(scorer, lambda: Uploads(bucket.layout, connect(), 1_000_000, 900))

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "NoCredentialsError" in line["reason"]
    assert bucket.inbox not in answer.text


@pytest.mark.parametrize("missing", ["inbox", "results"])
def test_a_bucket_that_is_not_there_is_seen_before_a_form_goes_out(scorer, bucket, missing, capsys):
    names = {"inbox": bucket.inbox, "results": bucket.results, missing: "no-such-bucket-here"}

    unavailable(scorer, lambda: Uploads(s3.BucketLayout(names["inbox"], names["results"]), connect(), 1_000_000, 900))

    assert "NoSuchBucket" in json.loads(capsys.readouterr().out.splitlines()[-1])["reason"]


@pytest.mark.parametrize("status", [503, 500, 403])
def test_an_s3_that_refuses_is_a_reason_to_ask_again(scorer, bucket, proxy, faulty_s3, status):
    proxy.faults = [Fault("PUT", r"/upload\.json", status=status)]

    unavailable(scorer, lambda: Uploads(bucket.layout, faulty_s3, 1_000_000, 900))

    assert bucket.found() == {}


def test_a_throttled_look_at_a_job_is_a_reason_to_ask_again(scorer, bucket, proxy, faulty_s3):
    client = create_app(
        scorer, Settings(), uploads=lambda: Uploads(bucket.layout, faulty_s3, 1_000_000, 900)
    ).test_client()
    form = client.post("/v2/uploads").json
    proxy.faults = [Fault("GET", "list-type", status=503)]

    answer = client.get(form["job"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


# ---- Progress


@pytest.fixture
def told_at_once(monkeypatch):
    monkeypatch.setattr(progress, "FIRST_S", 0.0)
    monkeypatch.setattr(progress, "INTERVAL_S", 0.0)


MANY = (HEADER + LINE * 40_000).encode()


@pytest.fixture
def uploaded(client):
    """The form of a file of some blocks that was uploaded."""
    form = client.post("/v2/uploads").json
    assert len(MANY) > 3_000_000
    send(form, MANY)
    return form


def test_a_running_job_tells_its_rows_so_far_and_takes_that_back_when_it_is_done(
    client, uploaded, scored, bucket, told_at_once
):
    seen = []

    def look() -> float:
        seen.append(job_of(client, uploaded))
        return no_deadline()

    assert scored(uploaded["fields"]["key"], look)["status"] == "done"

    running = [each for each in seen if each["status"] == "running"]
    rows = [each["rows_in"] for each in running]
    assert rows == sorted(rows)
    assert 0 < rows[0] < rows[-1] <= 40_000
    assert {each["bytes"] for each in running} == {len(MANY)}
    assert 0 < running[0]["bytes_read"] <= len(MANY)
    assert datetime.now(UTC) - datetime.fromisoformat(running[0]["updated"]) < timedelta(minutes=1)
    assert [key.rsplit("/")[-1] for key in bucket.found()] == [
        "predictions.csv",
        "rejects.csv",
        "summary.json",
        "upload.json",
    ]


def test_a_short_job_tells_nothing(client, bucket, scored):
    form = client.post("/v2/uploads").json
    send(form, MIXED)
    scored(form["fields"]["key"])

    listed = bucket.client.list_object_versions(Bucket=bucket.results)
    assert not [each for each in listed["Versions"] if each["Key"].endswith("progress.json")]
    assert "DeleteMarkers" not in listed


def test_what_was_dropped_without_the_api_is_never_told_of(bucket, toy_scorecard, told_at_once):
    store = bucket.store(Scoring(toy_scorecard, OutputOptions(), FileLimits()))
    seen = []

    def look() -> float:
        seen.extend(bucket.found())
        return no_deadline()

    s3.handle(bucket.drop("a.csv", MANY), store, look, lambda line: None)

    assert not [key for key in seen if key.endswith("progress.json")]


def test_a_try_that_is_given_up_says_why_and_the_next_takes_that_back(client, uploaded, scored, bucket, told_at_once):
    times = iter([900_000] * 3)

    line = scored(uploaded["fields"]["key"], lambda: next(times, 10_000))

    assert line["status"] == "retry"
    stopped = job_of(client, uploaded)
    assert (stopped["status"], stopped["uploaded"]) == ("waiting", True)
    assert "Stopped 10.0 s before the deadline" in stopped["stopped"]
    assert stopped["rows_in"] > 0

    assert scored(uploaded["fields"]["key"])["status"] == "done"
    assert job_of(client, uploaded)["status"] == "done"
    assert not [key for key in bucket.found() if key.endswith("progress.json")]


def test_a_delivery_that_comes_too_late_takes_back_what_a_killed_one_told(client, uploaded, scored, bucket):
    job = scored(uploaded["fields"]["key"])["job"]
    place = f"results/uploads/anyone/{uploaded['id']}.csv/{job}"
    before = bucket.digests()
    bucket.client.put_object(Bucket=bucket.results, Key=f"{place}/progress.json", Body=b'{"rows_in": 1}')

    assert job_of(client, uploaded)["status"] == "done", "the mark counts, whatever stands beside it"
    assert scored(uploaded["fields"]["key"])["status"] == "skipped"
    assert bucket.digests() == before


def test_two_deliveries_side_by_side_make_one_result(client, uploaded, scored, bucket, told_at_once):
    inner = []

    def look() -> float:
        # In the middle of the first, the second runs from beginning to end.
        if len(inner) == 3:
            inner.append(scored(uploaded["fields"]["key"])["status"])
        else:
            inner.append(None)
        return no_deadline()

    assert scored(uploaded["fields"]["key"], look)["status"] == "skipped"

    assert "done" in inner
    assert job_of(client, uploaded)["status"] == "done"
    assert not [key for key in bucket.found() if key.endswith("progress.json")]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_job_whose_progress_cannot_be_told_goes_on(
    client, uploaded, scored, bucket, proxy, faulty_s3, toy_scorecard, told_at_once, method
):
    proxy.faults = [Fault(method, r"/progress\.json", status=503)]
    store = bucket.store(Scoring(toy_scorecard, OutputOptions(), FileLimits()), faulty_s3)

    assert scored(uploaded["fields"]["key"], store=store)["status"] == "done"
    assert job_of(client, uploaded)["status"] == "done"


# ---- What is said of it


def test_every_state_is_described(client, uploaded, scored, told_at_once):
    document = client.get("/openapi.json").json
    begun = client.post("/v2/uploads")
    check_described(document, "POST /v2/uploads", begun)

    def look() -> float:
        check_described(document, "GET /v2/jobs/{id}", client.get(uploaded["job"]))
        return no_deadline()

    look()
    scored(uploaded["fields"]["key"], look)
    look()
    send(begun.json, b"a,b\n")
    scored(begun.json["fields"]["key"])
    check_described(document, "GET /v2/jobs/{id}", client.get(begun.json["job"]))


def test_the_page_may_ask_the_buckets_and_nothing_else(client, moto_server):
    page = client.get("/", headers={"Accept": "text/html"})

    assert f"connect-src 'self' {moto_server};" in page.headers["Content-Security-Policy"]
    assert "connect-src 'self';" in client.get("/docs").headers["Content-Security-Policy"]


def test_the_page_is_shown_where_the_buckets_cannot_be_asked(scorer):
    def broken():
        raise ChurnError("No region is set.")

    page = create_app(scorer, Settings(), uploads=broken).test_client().get("/", headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert "connect-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("edge", "most"), [("http_api_v2", 4_694_091), ("http_alb", 761_856)])
def test_the_page_knows_what_comes_through_in_one_request(app, edge, most):
    page = Gateway(app, "1.0.0").answer(event(edge, "/", "GET", headers={"accept": "text/html"}), Invocation())

    assert f'data-max-request-bytes="{most}"' in page["body"]
    # With the rest of the event it is within what Lambda takes.
    limit = API_GATEWAY if edge == "http_api_v2" else LOAD_BALANCER
    assert len(base64.b64encode(bytes(most))) + 32_768 <= limit.max_body_bytes


def test_without_its_edge_the_page_keeps_to_the_setting(client, scorer):
    page = client.get("/", headers={"Accept": "text/html"})
    assert f'data-max-request-bytes="{Settings().max_upload_bytes}"' in page.text
    assert "data-too-large-problem" not in page.text


def test_without_a_bucket_the_page_knows_what_is_said_of_a_file_that_is_too_long(scorer):
    small = create_app(
        scorer, Settings(max_upload_bytes=2000), large_file_advice="drop it into the inbox"
    ).test_client()

    page = small.get("/", headers={"Accept": "text/html"}).text

    answer = small.post("/v2/batches", data=bytes(2001), content_type="application/gzip").json
    known = json.loads(html.unescape(re.search(r'data-too-large-problem="([^"]*)"', page)[1]))
    # It is compressed already.
    assert known["detail"] == answer["detail"].replace(", or compressed with gzip", "")
    assert [known[name] for name in ("code", "title", "status")] == ["too_large", answer["title"], 413]
    assert 'data-max-request-bytes="2000"' in page
