"""The view "Customer list" where a list is longer than one request may be: through the bucket, as its job, and back."""

import gzip
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from browser import violations
from faulty_proxy import Fault, FaultyProxy
from list_page import DATA, ROW, choose_file, csv_of, download, listed_ids, post_batch, score_list, tile, varied_list
from playwright.sync_api import expect
from round_trip import round_trip
from wire import Wire

DIRECT_BYTES = 30_000
SLOW_MS = 20_000
BAD = [f"x,{ROW.replace(',12,', ',soon,')}", f'"a, ""b""",{ROW.replace(",12,", ",-1,")}']


@pytest.fixture(scope="module")
def service(s3, moto_server, tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A server that takes little in one request, and more by way of its bucket."""
    folder = tmp_path_factory.mktemp("service")
    limits = {"CHURN_MAX_UPLOAD_BYTES": str(DIRECT_BYTES), "CHURN_MAX_JOB_BYTES": "16000000"}
    with (
        closing(FaultyProxy(moto_server)) as bucket,
        closing(Wire(urlsplit(bucket.address).port)) as wire,
        round_trip(s3, moto_server, wire.address, folder, **limits) as result,
    ):
        result.bucket, result.wire = bucket, wire
        yield result


@pytest.fixture
def lists(open_page, service, moto_server):
    service.bucket.reset(moto_server)
    page = open_page("#list", address=service.url, also=[service.wire.address])
    yield page
    page.goto("about:blank")
    service.wire.let_go()


@pytest.fixture(scope="module")
def long() -> bytes:
    return varied_list(6000) + "".join(f"{row}\n" for row in BAD).encode()


@pytest.fixture
def compressed(tmp_path, lists):
    """Makes a file of so many bytes that begins as a compressed one, for a page that is ready for it."""
    expect(lists.locator("#list-choose-file")).to_be_enabled()

    def write(size: int) -> Path:
        path = tmp_path / "list.csv.gz"
        path.write_bytes(gzip.compress(b""))
        os.truncate(path, size)
        return path

    return write


@contextmanager
def held(service) -> Iterator[None]:
    """Let no job begin meanwhile."""
    service.worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.worker.send_signal(signal.SIGCONT)


def stage(page, name: str):
    return page.locator(f"[data-step={name}]")


def posts(service, path: str) -> int:
    return sum(bool(re.match(f"POST {path}", item)) for item in service.bucket.seen)


def key_of(s3, bucket: str, job: str, name: str = "") -> str:
    """Return the key of the object of a job that ends in so."""
    result = s3.list_objects_v2(Bucket=bucket)["Contents"]
    [key] = [item["Key"] for item in result if job in item["Key"] and item["Key"].endswith(name)]
    return key


def test_a_long_list_goes_through_the_bucket_and_its_result_is_shown(lists, service, served, long):
    with held(service):
        choose_file(lists, long)
        expect(stage(lists, "score")).to_contain_text("waiting to start", timeout=SLOW_MS)
        expect(stage(lists, "send")).to_have_class("done")
        expect(lists.locator("#list-job")).to_contain_text(re.compile("as job [0-9a-f]{32}"))
        assert violations(lists) == []
    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)

    summary = json.loads(post_batch(served, long, accept="application/json")[1])
    assert (tile(lists, "Scored"), tile(lists, "Rejected")) == ("6,000", "2")
    assert tile(lists, "High risk") == f"{summary['tiers']['high']:,}"
    line = summary["by_threshold"][round(summary["threshold"] * 100)]
    expect(lists.locator("#list-status")).to_have_text(f"{line['customers']:,} customers")
    assert violations(lists) == []

    # Ranked, searched and taken away as ever, but for what predictions.csv has not.
    lists.get_by_role("slider").press("Home")
    lists.get_by_label("Sort by").select_option("row:up")
    expect(lists.locator("#list-status")).to_have_text("6,000 customers")
    expect(lists.locator("#list-table tbody th").nth(1)).to_contain_text("customer-0007919row 2")
    assert lists.get_by_role("columnheader").filter(has_text="Why").count() == 0
    _, mine = download(lists, "Download call list")
    _, whole = post_batch(served, long)
    assert mine.splitlines() == [item for item in whole.splitlines() if not item.startswith(("6001,", "6002,"))]
    rejected_rows = lists.get_by_role("table", name="Rejected rows").locator("tbody tr")
    assert [all_inner_text.split("\t") for all_inner_text in rejected_rows.all_inner_texts()] == [
        ["6,001", "x", 'tenure must be a whole number of months from 0 to 1,200, not "soon".'],
        ["6,002", 'a, "b"', 'tenure must be a whole number of months from 0 to 1,200, not "-1".'],
    ]

    # The whole files come from the bucket itself.
    results = {
        "Download all rows": ("predictions.csv", ""),
        "Download rejected rows": ("rejects.csv", "output=rejects"),
    }
    for button, (name, query) in results.items():
        with lists.expect_download() as actual:
            lists.get_by_role("button", name=button).click()
        assert actual.value.suggested_filename == name
        assert actual.value.url.startswith(f"{service.wire.address}/{service.buckets.results}/results/uploads/")
        assert "X-Amz-Signature=" in actual.value.url
        assert actual.value.path().read_text() == post_batch(served, long, query)[1]

    lists.get_by_role("link", name="Model").click()
    expect(lists.get_by_role("heading", name=re.compile("your list|last", re.IGNORECASE)).first).to_be_visible()


def test_a_short_list_goes_in_one_request(lists, service):
    score_list(lists, csv_of(f"a,{ROW}"))

    assert service.bucket.seen == []


def test_a_list_whose_answer_is_too_long_goes_through_the_bucket(lists, service, long):
    # As on Lambda, where an answer is longer than its list.
    lists.evaluate("document.getElementById('list-start').dataset.maxRequestBytes = 1e9")

    score_list(lists, long)

    assert posts(service, "/inbox-") == 1
    assert tile(lists, "Scored") == "6,000"


def test_a_file_that_a_job_cannot_score_shows_why(lists, service):
    lists.evaluate("document.getElementById('list-start').dataset.maxRequestBytes = 1")

    choose_file(lists, (DATA / "workbook.csv").read_bytes(), "workbook.csv")

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text("Save it as CSV (UTF-8) and send that.", timeout=SLOW_MS)
    expect(alert.get_by_role("button")).to_have_count(0)
    assert violations(lists) == []


def test_a_file_beyond_the_limit_of_the_bucket_is_not_sent(lists, service, compressed):
    lists.locator("#list-file").set_input_files(compressed(16_100_000))

    expect(lists.get_by_role("alert")).to_contain_text("Compressed it has 16.1 MB; the limit is 16.0 MB.")
    assert posts(service, "/inbox-") == 0


def test_a_job_continues_when_its_wait_is_cancelled_and_can_be_waited_for_again(lists, service, long):
    with held(service):
        choose_file(lists, long)
        expect(stage(lists, "score")).to_contain_text("waiting", timeout=SLOW_MS)
        job = lists.locator("#list-job-id").inner_text()
        lists.get_by_role("button", name="Cancel").click()

        expect(lists.get_by_role("button", name="Choose a file")).to_be_focused()
        expect(lists.locator("#announcer")).to_have_text(f"customers.csv continues without this page, as job {job}.")
        assert violations(lists) == []
    lists.get_by_role("button", name="Wait for it again").click()

    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)
    assert posts(service, "/inbox-") == 1


def test_a_job_shows_its_rows_and_why_it_is_tried_again(lists, service, long, s3):
    results = {"Bucket": service.buckets.results}
    with held(service):
        choose_file(lists, long)
        expect(stage(lists, "score")).to_contain_text("waiting", timeout=SLOW_MS)
        receipt = key_of(s3, results["Bucket"], lists.locator("#list-job-id").inner_text(), "/upload.json")
        reported = {**results, "Key": receipt.replace("upload.json", "a-try/progress.json")}
        so_far = {"rows_in": 3000, "bytes_read": len(long) // 2, "bytes": len(long)}

        s3.put_object(**reported, Body=json.dumps(so_far))
        expect(stage(lists, "score")).to_contain_text("3,000 rows of about 6,002", timeout=SLOW_MS)
        s3.put_object(**reported, Body=json.dumps({**so_far, "stopped": "The disk was full."}))
        expect(stage(lists, "score")).to_contain_text(
            "It will be tried again after this error: The disk was full.", timeout=SLOW_MS
        )
        s3.delete_object(**reported)
    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)


def test_a_file_that_did_not_arrive_in_time_is_sent_again(lists, service, long, s3):
    with held(service):
        choose_file(lists, long)
        expect(stage(lists, "score")).to_contain_text("waiting", timeout=SLOW_MS)
        positions = service.buckets
        job = lists.locator("#list-job-id").inner_text()
        late = json.dumps({"expires": "2026-01-01T00:00:00Z"})
        s3.put_object(Bucket=positions.results, Key=key_of(s3, positions.results, job, "/upload.json"), Body=late)
        s3.delete_object(Bucket=positions.inbox, Key=key_of(s3, positions.inbox, job))

        alert = lists.get_by_role("alert")
        expect(alert).to_contain_text("The file did not arrive in time", timeout=SLOW_MS)
        assert violations(lists) == []
    alert.get_by_role("button", name="Try again").click()

    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)
    assert posts(service, "/inbox-") == 2


def test_an_upload_to_the_bucket_shows_its_progress_and_can_be_cancelled(lists, service, compressed):
    # More than the buffers of the sockets take.
    service.wire.hold(up=50_000)
    lists.locator("#list-file").set_input_files(compressed(15_000_000))

    expect(stage(lists, "send")).to_contain_text("MB of", timeout=SLOW_MS)
    expect(lists.locator("#list-job")).to_be_hidden()
    lists.get_by_role("button", name="Cancel").click()

    expect(lists.locator("#announcer")).to_have_text("Cancelled. Nothing was stored.")
    expect(lists.locator("#list-left-job")).to_be_hidden()


def test_an_upload_that_is_cut_can_be_tried_again(lists, service, long):
    service.wire.up = 20_000
    choose_file(lists, long)
    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text("It was lost on the way to the bucket.", timeout=SLOW_MS)
    service.wire.up = None
    alert.get_by_role("button", name="Try again").click()

    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)


def test_the_error_of_the_bucket_is_shown(lists, service, long):
    service.bucket.faults = [Fault("POST", "/inbox-", status=403, code="AccessDenied")]
    choose_file(lists, long)

    expect(lists.get_by_role("alert")).to_contain_text("Its answer: AccessDenied: on order", timeout=SLOW_MS)


def test_a_service_that_is_away_is_asked_again_for_a_job(lists, service, long):
    answers = iter([503, 503])
    refusal = {"code": "uploads_unavailable", "title": "The bucket does not answer", "detail": "Later."}
    lists.route(
        "**/v2/jobs/*",
        lambda route: route.fulfill(status=status, json=refusal) if (status := next(answers, 0)) else route.continue_(),
    )
    choose_file(lists, long)

    expect(stage(lists, "score")).to_contain_text("The bucket does not answer. Trying again.", timeout=SLOW_MS)
    expect(lists.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible(timeout=SLOW_MS)


def test_where_the_rows_cannot_be_fetched_the_summary_has_those_with_most_at_stake(lists, service, served, long):
    service.bucket.faults = [Fault("GET", "/predictions.csv", status=403)]
    score_list(lists, long)

    expect(lists.locator("#list-notes")).to_contain_text("so the table has only the 10 customers with the most money")
    expect(lists.locator("#list-status")).to_have_text("10 customers with the most money at risk")
    summary = json.loads(post_batch(served, long, accept="application/json")[1])
    assert listed_ids(lists) == [item["customerID"] for item in summary["top"]]
    lists.get_by_role("slider").press("Home")
    expect(lists.locator("#list-status")).to_have_text("10 customers with the most money at risk")
    expect(lists.get_by_role("heading", name="2 of 6,002 rows rejected")).to_be_visible()
    assert violations(lists) == []

    lists.get_by_role("button", name="Download all rows").click()
    expect(lists.get_by_role("alert")).to_contain_text("The bucket did not return the file")
    service.bucket.faults = []
    with lists.expect_download() as actual:
        lists.get_by_role("button", name="Download all rows").click()
    assert actual.value.suggested_filename == "predictions.csv"


def test_a_service_that_lost_its_bucket_shows_its_limit(lists, long):
    refusal = {"code": "uploads_not_configured", "title": "No uploads", "detail": "There is no bucket for uploads."}
    lists.route("**/v2/uploads", lambda route: route.fulfill(status=404, json=refusal))
    choose_file(lists, long)

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text(f"The body is longer than {DIRECT_BYTES:,} bytes")
    assert "bucket for uploads" not in alert.inner_text()
