"""Which files the view "Customer list" accepts, and what it shows and downloads of unusual ones. In a real Chromium."""

import json
import re

import pytest
from browser import overflow, violations
from list_page import (
    DATA,
    DROP_FILES,
    HEADER,
    ROW,
    choose_file,
    csv_of,
    detail_of_error,
    download,
    listed_ids,
    post_batch,
    score_list,
    tile,
)
from playwright.sync_api import expect

SAFE = "Safe to open in a spreadsheet"


@pytest.fixture
def lists(open_page):
    return open_page("#list")


NASTY = ["=cmd|' /C calc'!A0", "+49 171", "-1", "@sum", 'a ""quoted"" one', "<img src=x onerror=alert(1)>", "Müller, 7"]


@pytest.mark.parametrize("is_safe", [True, False], ids=["safe", "plain"])
def test_a_downloaded_call_list_has_the_bytes_of_the_api(lists, served, is_safe):
    ids = [f'"{item}"' if re.search("[,\"']", item) else item for item in NASTY]
    content = csv_of(*(f"{item},{ROW.replace(',12,', f',{position},')}" for position, item in enumerate(ids, start=1)))
    score_list(lists, content)
    lists.get_by_label(SAFE).set_checked(is_safe)
    lists.get_by_label("Sort by").select_option("row:up")
    lists.get_by_role("slider").press("Home")
    expect(lists.locator("#list-status")).to_have_text("7 customers")

    name, mine = download(lists, "Download call list")
    scored_name, whole = download(lists, "Download all rows")

    query = f"value_at_risk=true&reasons=3&spreadsheet_safe={str(is_safe).lower()}"
    assert (name, scored_name) == ("customers-list.csv", "customers-scored.csv")
    assert whole == post_batch(served, content, query)[1]
    assert mine == whole
    assert ("'=cmd" in mine) is is_safe


def test_script_in_an_id_is_shown_as_text(lists):
    score_list(lists, csv_of(f"<script>alert(1)</script>,{ROW}", f"<b>bold</b>,{ROW.replace(',12,', ',x,')}"))

    assert listed_ids(lists) == ["<script>alert(1)</script>"]
    expect(lists.get_by_role("table", name="Rejected rows")).to_contain_text("<b>bold</b>")
    assert lists.locator("#list-result script, #list-result b:not(.histogram b)").count() == 0


def test_an_id_of_any_length_and_script_has_its_row_without_marks_of_direction(open_page):
    page = open_page("#list", width=320)
    strange = ["x" * 5000, "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "\N{GRINNING FACE}", '"two\nlines"', ""]
    score_list(page, csv_of(*(f"{item},{ROW}" for item in strange)))

    assert overflow(page) == 0
    shown = page.locator("#list-table tbody th button")
    expect(shown).to_have_count(5)
    assert shown.first.bounding_box()["height"] < 100
    assert shown.all_text_contents() == ["x" * 5000, "gnp.exe", strange[2], "two\nlines", "Row 5"]


@pytest.mark.parametrize(
    "name",
    [
        *("workbook.csv", "image.csv", "json.csv", "empty.csv", "missing_columns.csv", "duplicate_columns.csv"),
        *("no_header.csv", "mixed_decimals.csv", "truncated_gzip.csv.gz", "open_quote.csv", "damaged_letters.csv"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_with_the_error_of_the_api(lists, served, name):
    content = (DATA / name).read_bytes()

    choose_file(lists, content, name)

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text(detail_of_error(served, content))
    expect(lists.get_by_role("button", name="Choose a file")).to_be_visible()
    assert violations(lists) == []


@pytest.mark.parametrize(
    ("name", "customers"),
    [
        *(("semicolons_decimal_commas.csv", 2), ("without_customer_id.csv", 2), ("duplicate_ids.csv", 3)),
        *(("gzip.csv.gz", 2), ("utf16.csv", 2), ("latin1.csv", 1)),
        *(("ids_under_another_name.csv", 2), ("stray_latin1_byte.csv", 2)),
    ],
)
def test_unusual_files_that_the_api_accepts_are_accepted(lists, served, name, customers):
    content = (DATA / name).read_bytes()
    actual = json.loads(post_batch(served, content, accept="application/json")[1])

    score_list(lists, content, name)

    assert tile(lists, "Scored") == f"{actual['rows_scored']}"
    for note in actual["notes"]:
        expect(lists.locator("#list-notes")).to_contain_text(note)
    assert violations(lists) == []


def test_a_file_with_a_header_and_no_customers_shows_no_result_of_zeros(lists):
    choose_file(lists, (DATA / "header_only.csv").read_bytes(), "header_only.csv")

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text("The file has no customers")
    expect(alert).to_contain_text(
        "header_only.csv has a header and no rows below it. Add one row for each customer, and choose it again."
    )
    expect(lists.locator("#list-result")).to_be_hidden()
    expect(lists.get_by_role("button", name="Try again")).to_have_count(0)
    assert violations(lists) == []

    score_list(lists, csv_of(f"a,{ROW}"))
    assert tile(lists, "Scored") == "1"


def test_a_list_in_which_every_row_is_rejected_shows_that(lists):
    score_list(lists, csv_of(*(f"c{position},{ROW.replace(',12,', ',soon,')}" for position in range(1500))))

    assert (tile(lists, "Scored"), tile(lists, "Rejected")) == ("0", "1,500")
    shown = lists.locator("#list-tiles dt").all_inner_texts()
    assert shown == ["Rows in the file", "Scored", "Rejected"], "zeros of risk and money would look like a result"
    expect(lists.get_by_role("heading", name="Risk threshold")).to_be_hidden()
    expect(lists.locator("#list-segments")).to_be_hidden()
    expect(lists.locator("#list-status")).to_have_text("No customer in this file could be scored.")
    expect(lists.get_by_role("heading", name="1,500 of 1,500 rows rejected")).to_be_visible()
    lists.get_by_role("navigation", name="Pages of rejected rows").get_by_role("button", name="Last page").click()
    expect(lists.get_by_role("table", name="Rejected rows")).to_contain_text("c1499")
    assert violations(lists) == []


def test_the_same_file_may_be_chosen_again(lists):
    content = csv_of(f"a,{ROW}")
    score_list(lists, content)

    lists.get_by_role("button", name="Score another list").click()
    expect(lists.get_by_role("button", name="Choose a file")).to_be_focused()
    score_list(lists, content)

    assert tile(lists, "Scored") == "1"


@pytest.mark.parametrize("target", ["#list-drop-zone", "[data-view=list] .lead"], ids=["its place", "next to it"])
def test_a_file_may_be_dropped(lists, target):
    expect(lists.locator("#list-choose-file")).to_be_enabled()
    lists.evaluate(DROP_FILES, [target, csv_of(f"a,{ROW}").decode(), ["dropped.csv"]])

    expect(lists.get_by_role("heading", name="dropped.csv", exact=True)).to_be_visible()


def test_several_files_at_once_are_refused(lists):
    expect(lists.locator("#list-choose-file")).to_be_enabled()
    lists.evaluate(DROP_FILES, ["#list-drop-zone", "x", ["a.csv", "b.csv"]])

    expect(lists.get_by_role("alert")).to_contain_text("One file at a time")


def test_a_template_is_downloaded(lists, served):
    name, text = download(lists, "Download a template")

    assert (name, text.splitlines()[0]) == ("customers.csv", HEADER)
