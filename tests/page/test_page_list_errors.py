"""The view "Customer list" after an error: cancelled, disconnected, restarted, limited, locked, offline, new model."""

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from browser import serving, start_server, stop_server, violations
from list_page import ROW, choose_file, csv_of, download, post_batch, score_list, tile, varied_list
from playwright.sync_api import expect
from ports import free_port
from wire import Wire


@pytest.fixture
def wire(served) -> Iterator[Wire]:
    wire = Wire(urlsplit(served).port)
    yield wire
    wire.close()


def test_a_running_list_shows_its_progress_and_can_be_cancelled(open_page, wire):
    page = open_page("#list", address=wire.address)
    wire.hold(down=1_000_000)
    choose_file(page, varied_list(20_000))

    score = page.locator("[data-step=score]")
    expect(score).to_contain_text("rows of about 20,000")
    expect(page.locator("[data-step=send]")).to_have_class("done")
    assert violations(page) == []
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("button", name="Choose a file")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("Cancelled. Nothing was stored.")
    wire.let_go()
    score_list(page, csv_of(f"a,{ROW}"), "next.csv")


def test_an_upload_shows_its_progress(open_page, wire):
    page = open_page("#list", address=wire.address)
    wire.hold(up=50_000)
    choose_file(page, varied_list(100_000))

    expect(page.locator("[data-step=send]")).to_contain_text("MB of")
    expect(page.locator("[data-step=read]")).to_have_class("done")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Choose a file")).to_be_visible()


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_connection_that_is_cut_can_be_tried_again(open_page, wire, way):
    page = open_page("#list", address=wire.address)
    if way == "up":
        wire.up = 20_000
    else:
        wire.down = 300_000
    choose_file(page, varied_list(10_000))

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The connection was lost", timeout=20_000)
    expect(alert).to_contain_text("Nothing was stored, and the file is still here")
    assert violations(page) == []
    wire.up = wire.down = None
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible()
    assert tile(page, "Scored") == "10,000"


def test_a_server_that_was_restarted_is_asked_again(open_page):
    port = free_port()
    first = start_server(port)
    page = open_page("#list", address=f"http://127.0.0.1:{port}")
    page.wait_for_load_state("networkidle")
    stop_server(first)
    choose_file(page, csv_of(f"a,{ROW}"))
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost")

    process = start_server(port)
    try:
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible()
    finally:
        stop_server(process)


def test_an_error_far_down_the_file_is_shown_with_the_error_of_the_api(open_page, served):
    content = varied_list(40_000) + f'"open,{ROW}\n'.encode()
    page = open_page("#list")

    choose_file(page, content)

    refusal = json.loads(post_batch(served, content, accept="application/json")[1])
    expect(page.get_by_role("alert")).to_contain_text(refusal["detail"], timeout=30_000)


def test_offline_it_shows_that_and_retries_automatically(open_page):
    page = open_page("#list")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    choose_file(page, csv_of(f"a,{ROW}"))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This device is offline")
    expect(alert).to_contain_text("it is sent again as soon as there is a connection")
    assert violations(page) == []

    page.context.set_offline(False)

    expect(page.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible()


def test_of_two_lists_chosen_offline_the_later_is_scored(open_page):
    page = open_page("#list")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    for name in ("first.csv", "second.csv"):
        choose_file(page, csv_of(*[f"a,{ROW}"] * len(name)), name)
        expect(page.locator("#list-running-title")).to_have_text(f"Scoring {name}")
        expect(page.get_by_role("alert")).to_contain_text("offline")

    page.context.set_offline(False)

    expect(page.get_by_role("heading", name="second.csv", exact=True)).to_be_visible()
    assert tile(page, "Scored") == f"{len('second.csv')}"


def test_a_limit_that_was_lowered_later_is_shown_with_the_error_of_the_api(open_page):
    with serving(CHURN_MAX_UPLOAD_BYTES="100000") as address:
        page = open_page("#list", address=address)
        page.evaluate("document.getElementById('list-start').dataset.maxRequestBytes = 1e9")
        choose_file(page, varied_list(25_000))

        # It is sent compressed, and the limit is one of what is sent.
        expect(page.get_by_role("alert")).to_contain_text("The body is longer than 100,000 bytes", timeout=20_000)


def test_a_list_scored_by_one_model_is_not_completed_by_another(open_page, boosted_models):
    port = free_port()
    first = start_server(port)
    page = open_page("#list", address=f"http://127.0.0.1:{port}")
    try:
        score_list(page, csv_of(f"a,{ROW}"))
    finally:
        stop_server(first)
    newer = {"CHURN_MODELS": str(boosted_models), "CHURN_MODEL_VERSION": "2.0.0", "CHURN_ENGINE": "pipeline"}
    second = start_server(port, **newer)
    try:
        page.get_by_role("button", name="Download all rows").click()

        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("now uses model 2.0.0, and this list was scored by 1.0.0")
        expect(page.locator("#model-notice")).to_contain_text("The service now uses model 2.0.0")
        assert violations(page) == []
        alert.get_by_role("button", name="Try again").click()
        expect(page.locator("#list-subtitle")).to_have_text("1 customer scored · model 2.0.0")
        name, text = download(page, "Download all rows")
        assert (name, text.count("\n")) == ("customers-scored.csv", 2)
    finally:
        stop_server(second)


def test_a_key_is_asked_for_and_used(open_page):
    key = "the key of this test"
    with serving(CHURN_API_KEYS=hashlib.sha256(key.encode()).hexdigest()) as address:
        page = open_page("#list", address=address)
        choose_file(page, csv_of(f"a,{ROW}"))
        page.locator("#key-field").fill(key)
        page.get_by_role("button", name="Use this key").click()

        expect(page.get_by_role("heading", name="customers.csv", exact=True)).to_be_visible()
        with page.expect_download() as actual:
            page.get_by_role("button", name="Download all rows").click()
        assert actual.value.suggested_filename == "customers-scored.csv"
