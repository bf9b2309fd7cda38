"""The page around its views: tabs, what every view must keep, and what it weighs. In a real Chromium."""

import re

import pytest
from browser import overflow, violations
from playwright.sync_api import expect

VIEWS = {"Single customer": "#customer", "Customer list": "#list", "Model": "#model"}


def test_the_page_opens_with_one_customer(page):
    expect(page.get_by_role("heading", level=1)).to_have_text("Single customer")
    expect(page.get_by_role("link", name="Single customer")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("name", VIEWS)
def test_a_tab_shows_its_view_and_names_the_page(page, name):
    page.get_by_role("navigation").get_by_role("link", name=name).click()

    expect(page).to_have_url(re.compile(f"{VIEWS[name]}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page).to_have_title(f"{name} · Churn")


def test_an_address_leads_to_a_view_and_back_leads_back(open_page):
    page = open_page("#model")
    expect(page.get_by_role("heading", level=1)).to_have_text("Model")

    page.get_by_role("link", name="Customer list", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer list")
    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Model")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", VIEWS.values())
def test_a_view_has_no_fault_of_accessibility_and_fits_every_window(open_page, view, dark):
    page = open_page(view, dark=dark)
    page.wait_for_load_state("networkidle")

    assert violations(page) == []
    for width in (320, 390, 768, 1280, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        assert (width, overflow(page)) == (width, 0)


def test_the_first_view_weighs_less_than_100_kb_and_draws_no_chart(chromium, served):
    page = chromium.new_page()
    sizes = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()}))
    page.goto(served)
    expect(page.locator("#risk-probability")).not_to_be_empty()
    page.wait_for_load_state("networkidle")
    page.close()

    assert len(sizes) > 10
    assert not [url for url in sizes if "/vendor/" in url]
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values()) < 100_000


def test_a_link_skips_the_navigation_and_the_view_stays(open_page):
    page = open_page("#model")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Model")
    expect(page.locator("main")).to_be_focused()


def test_a_view_that_does_not_load_shows_an_error_in_its_place(open_page):
    page = open_page()
    page.route("**/page/model.js", lambda route: route.abort())
    page.get_by_role("link", name="Model").click()

    expect(page.get_by_role("alert")).to_contain_text("This part of the page did not load")


@pytest.mark.parametrize(("wish", "seconds"), [("reduce", 0.0), ("no-preference", 0.2)])
def test_nothing_moves_for_those_who_prefer_reduced_motion(open_page, wish, seconds):
    page = open_page(reduced_motion=wish)
    expect(page.locator("#reasons li")).not_to_have_count(0)

    longest = page.evaluate(
        """() => Math.max(...[...document.querySelectorAll('*')].flatMap(element =>
            ['', '::after'].map(part => parseFloat(getComputedStyle(element, part).transitionDuration))))"""
    )

    assert longest == seconds
