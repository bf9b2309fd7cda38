"""The view "Single customer" while the service is away, another one, or needs a key. In a real Chromium."""

import re

from browser import risk_of, serving, start_server, stop_server, violations
from playwright.sync_api import expect

from app.web.api_keys import digest_of

RISK = "#risk-probability"


def test_without_a_connection_it_shows_that_and_retries_automatically(page, served):
    page.context.set_offline(True)
    page.get_by_label("Tenure").fill("60")

    expect(page.get_by_role("alert")).to_contain_text("This device is offline")
    expect(page.get_by_role("alert")).to_contain_text("The page will try again automatically.")
    assert violations(page) == []
    page.context.set_offline(False)

    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=60))
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_server_that_is_started_again_is_found_again(open_page):
    with serving() as address:
        page = open_page(address=address)
        expect(page.locator(RISK)).to_have_text(risk_of(address))
    page.get_by_label("Tenure").fill("60")
    expect(page.get_by_role("alert")).to_contain_text("The service does not respond")

    process = start_server(int(address.rpartition(":")[2]))
    try:
        expect(page.locator(RISK)).to_have_text(risk_of(address, tenure=60))
    finally:
        stop_server(process)


def test_an_error_of_a_proxy_is_distinguished_from_one_of_the_service(page):
    page.route("**/v2/customers*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    page.get_by_label("Tenure").fill("60")

    expect(page.get_by_role("alert")).to_contain_text("The response has status 502 and is not from the service")


def test_another_model_under_an_open_page_is_noticed(page):
    def newer(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "x-model-version": "9.9.9"})

    page.route("**/v2/customers*", newer)
    page.get_by_label("Tenure").fill("60")

    expect(page.locator("#model-notice")).to_contain_text(
        "The service now uses model 9.9.9; this page was opened with 1.0.0."
    )
    assert violations(page) == []
    page.unroute("**/v2/customers*")
    page.get_by_role("button", name="Reload the page").click()
    expect(page.locator("#model-notice")).to_be_hidden()


def test_a_key_is_asked_for_and_kept_in_memory_only(open_page):
    with serving(CHURN_API_KEYS=digest_of("right")) as address:
        page = open_page(address=address)
        field = page.get_by_role("textbox", name="API key", exact=True)
        expect(field).to_be_focused()
        expect(page.locator("#key-form")).to_contain_text("The request has no key.")
        expect(page.locator("#customer-loading")).to_have_text(re.compile("as soon as the service has responded"))
        assert violations(page) == []

        field.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#key-form")).to_contain_text("is not valid here")
        field.fill("right")
        page.keyboard.press("Enter")

        expect(page.locator(RISK)).to_have_text(re.compile(r"^52\.\d%$"))
        expect(page.locator("#key-form")).to_be_hidden()
        expect(page.locator("#customer-loading")).to_be_hidden()
        stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie, location.href]")
        assert stored == [0, 0, "", f"{address}/"]
