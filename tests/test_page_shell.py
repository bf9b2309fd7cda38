"""The page around its views: tabs, what every view must keep, and what it weighs. In a real Chromium."""

import re

import pytest
from browser import overflow, violations
from playwright.sync_api import expect

VIEWS = {"One customer": "#customer", "A list": "#list", "The model": "#model"}


def test_the_page_opens_with_one_customer(page):
    expect(page.get_by_role("heading", level=1)).to_have_text("One customer")
    expect(page.get_by_role("link", name="One customer")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("name", VIEWS)
def test_a_tab_shows_its_view_and_names_the_page(page, name):
    page.get_by_role("navigation").get_by_role("link", name=name).click()

    expect(page).to_have_url(re.compile(f"{VIEWS[name]}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page).to_have_title(f"{name} · Churn")


def test_an_address_leads_to_a_view_and_back_leads_back(open_page):
    page = open_page("#model")
    expect(page.get_by_role("heading", level=1)).to_have_text("The model")

    page.get_by_role("link", name="A list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A list")
    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("The model")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", VIEWS.values())
def test_a_view_has_no_fault_of_accessibility(open_page, view, dark):
    page = open_page(view, dark=dark)
    page.wait_for_load_state("networkidle")

    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 390, 1280, 3840])
@pytest.mark.parametrize("view", VIEWS.values())
def test_a_view_is_no_wider_than_the_window(open_page, view, width):
    page = open_page(view, width=width)
    page.wait_for_load_state("networkidle")

    assert overflow(page) == 0
