"""The progress of an upload's job, while it runs, stops and ends, over HTTP against a running S3."""

from datetime import UTC, datetime, timedelta

import pytest
from buckets import no_deadline
from faulty_proxy import Fault
from openapi_checks import check_described
from s3_handling import HEADER, LINE, MIXED
from upload_jobs import job_of, send

from app.jobs import progress, s3


@pytest.fixture
def app(upload_app):
    return upload_app


@pytest.fixture
def reports_at_once(monkeypatch):
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


def test_a_running_job_reports_its_rows_and_removes_the_report_when_it_is_done(
    client, uploaded, scored, bucket, reports_at_once
):
    seen = []

    def look() -> float:
        seen.append(job_of(client, uploaded))
        return no_deadline()

    assert scored(uploaded["fields"]["key"], look)["status"] == "done"

    running = [item for item in seen if item["status"] == "running"]
    rows = [item["rows_in"] for item in running]
    assert rows == sorted(rows)
    assert 0 < rows[0] < rows[-1] <= 40_000
    assert {item["bytes"] for item in running} == {len(MANY)}
    assert 0 < running[0]["bytes_read"] <= len(MANY)
    assert datetime.now(UTC) - datetime.fromisoformat(running[0]["updated"]) < timedelta(minutes=1)
    assert [key.rsplit("/")[-1] for key in bucket.contents()] == [
        "predictions.csv",
        "rejects.csv",
        "summary.json",
        "upload.json",
    ]


def test_a_short_job_reports_no_progress(client, bucket, scored):
    form = client.post("/v2/uploads").json
    send(form, MIXED)
    scored(form["fields"]["key"])

    listed = bucket.client.list_object_versions(Bucket=bucket.results)
    assert not [item for item in listed["Versions"] if item["Key"].endswith("progress.json")]
    assert "DeleteMarkers" not in listed


def test_an_object_that_was_not_uploaded_through_the_api_has_no_progress(bucket, scoring, reports_at_once):
    store = bucket.store(scoring)
    seen = []

    def look() -> float:
        seen.extend(bucket.contents())
        return no_deadline()

    s3.handle(bucket.put("a.csv", MANY), store, look, lambda line: None)

    assert not [key for key in seen if key.endswith("progress.json")]


def test_a_stopped_try_reports_why_and_the_next_removes_that(client, uploaded, scored, bucket, reports_at_once):
    times = iter([900_000] * 3)

    line = scored(uploaded["fields"]["key"], lambda: next(times, 10_000))

    assert line["status"] == "retry"
    stopped = job_of(client, uploaded)
    assert (stopped["status"], stopped["uploaded"]) == ("waiting", True)
    assert "Stopped 10.0 s before the deadline" in stopped["stopped"]
    assert stopped["rows_in"] > 0

    assert scored(uploaded["fields"]["key"])["status"] == "done"
    assert job_of(client, uploaded)["status"] == "done"
    assert not [key for key in bucket.contents() if key.endswith("progress.json")]


def test_a_late_delivery_removes_the_progress_of_a_killed_one(client, uploaded, scored, bucket):
    job = scored(uploaded["fields"]["key"])["job"]
    prefix = f"results/uploads/anyone/{uploaded['id']}.csv/{job}"
    before = bucket.digests()
    bucket.client.put_object(Bucket=bucket.results, Key=f"{prefix}/progress.json", Body=b'{"rows_in": 1}')

    assert job_of(client, uploaded)["status"] == "done", "the summary counts, whatever is next to it"
    assert scored(uploaded["fields"]["key"])["status"] == "skipped"
    assert bucket.digests() == before


def test_two_deliveries_at_once_make_one_result(client, uploaded, scored, bucket, reports_at_once):
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
    assert not [key for key in bucket.contents() if key.endswith("progress.json")]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_job_whose_progress_cannot_be_written_goes_on(
    client, uploaded, scored, bucket, proxy, faulty_s3, scoring, reports_at_once, method
):
    proxy.faults = [Fault(method, r"/progress\.json", status=503)]
    store = bucket.store(scoring, faulty_s3)

    assert scored(uploaded["fields"]["key"], store=store)["status"] == "done"
    assert job_of(client, uploaded)["status"] == "done"


def test_every_state_matches_its_description(client, uploaded, scored, reports_at_once):
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
