"""The view "Customer list" as a person uses it: from a file to a call list and its downloads. In a real Chromium."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from browser import overflow, violations
from list_page import csv_of, download, listed_ids, post_batch, score_list, tile
from playwright.sync_api import expect

from model import artifact
from model.sample import sample


@pytest.fixture
def lists(open_page):
    return open_page("#list")


@pytest.fixture
def scored(lists):
    """The page with the sample scored."""
    lists.get_by_role("button", name="Try it with sample data").click()
    expect(lists.get_by_role("heading", name="sample.csv", exact=True)).to_be_visible()
    return lists


@pytest.fixture(scope="module")
def summary(served) -> dict:
    return json.loads(post_batch(served, sample(artifact.load()).encode(), accept="application/json")[1])


def test_the_sample_shows_what_the_api_counts(scored, summary):
    assert tile(scored, "Rows in the file") == "1,000"
    assert tile(scored, "Scored") == "997"
    assert tile(scored, "Rejected") == "3"
    assert tile(scored, "High risk") == f"{summary['tiers']['high']:,}"
    assert tile(scored, "Expected to leave").split("\n")[0] == f"{round(summary['expected_churners']):,}"
    line = summary["by_threshold"][round(summary["threshold"] * 100)]
    expect(scored.locator("#list-status")).to_have_text(f"{line['customers']:,} customers")


def test_the_first_customer_has_the_highest_risk_and_its_reasons(scored, served):
    _, text = post_batch(served, sample(artifact.load()).encode(), "reasons=3")
    best = max(csv.DictReader(io.StringIO(text)), key=lambda row: float(row["probability"] or 0))

    first = scored.locator("#list-table tbody tr").first
    expect(first.get_by_role("button")).to_have_text(best["customerID"])
    assert first.get_by_role("listitem").all_inner_texts() == [best[f"reason_{position}"] for position in (1, 2, 3)]


def test_the_slider_shows_the_lines_of_by_threshold(scored, summary):
    slider = scored.get_by_role("slider")
    slider.focus()
    for key in ("End", "Home", "ArrowRight"):
        slider.press(key)
        step = int(slider.input_value())
        line = summary["by_threshold"][step]

        assert tile(scored, "Customers to call").split("\n")[0] == f"{line['customers']:,}"
        assert slider.get_attribute("aria-valuetext").startswith(f"{step}%: {line['customers']:,} customer")
        empty = re.compile("^No customer reaches this threshold")
        status = f"{line['customers']:,} customers" if line["customers"] else empty
        expect(scored.locator("#list-status")).to_have_text(status)


def test_the_list_is_searched_filtered_ranked_and_cut(scored, summary):
    status = scored.locator("#list-status")
    scored.get_by_role("searchbox").fill("sample-03")
    expect(status).to_contain_text(" to call")
    assert all("SAMPLE-03" in listed_id for listed_id in listed_ids(scored))

    scored.get_by_role("searchbox").fill("")
    scored.get_by_role("radio", name="High").check()
    expect(status).to_have_text(re.compile(f"^{summary['tiers']['high']:,} of "))

    scored.get_by_label("Show at most").fill("25")
    scored.get_by_label("Sort by").select_option("money:down")
    expect(status).to_have_text(re.compile("^25 of "))
    assert listed_ids(scored)[0] == summary["top"][0]["customerID"]

    scored.get_by_role("searchbox").fill("nobody")
    expect(status).to_have_text(re.compile("^No customer with high risk matching .nobody. among the "))
    expect(scored.get_by_role("button", name="Download call list")).to_be_disabled()


def test_the_headings_sort_by_keyboard_and_show_the_order(scored):
    column = scored.locator("#list-table").get_by_role("columnheader", name="Customer")
    assert scored.get_by_role("columnheader", name="Risk", exact=True).get_attribute("aria-sort") == "descending"

    column.get_by_role("button").press("Enter")
    expect(column).to_have_attribute("aria-sort", "ascending")
    assert listed_ids(scored) == sorted(listed_ids(scored))
    expect(column.get_by_role("button")).to_be_focused()

    scored.keyboard.press("Enter")
    expect(column).to_have_attribute("aria-sort", "descending")


def test_the_pages_lead_through_the_whole_list(scored):
    first = listed_ids(scored)
    pages = scored.get_by_role("navigation", name="Pages of the call list")
    expect(pages.get_by_role("button", name="Previous page")).to_be_disabled()

    pages.get_by_role("button", name="Next page").press("Enter")
    expect(pages).to_contain_text("16 to 30 of")
    assert not set(first) & set(listed_ids(scored))
    expect(pages.get_by_role("button", name="Next page")).to_be_focused()

    pages.get_by_role("button", name="Last page").click()
    expect(pages.get_by_role("button", name="Next page")).to_be_disabled()


def test_a_customer_is_opened_with_all_that_the_file_states(scored):
    name = listed_ids(scored)[0]
    row = next(row for row in csv.DictReader(io.StringIO(sample(artifact.load()))) if row["customerID"] == name)

    scored.get_by_role("button", name=name).click()

    expect(scored.get_by_role("heading", level=1)).to_have_text("Single customer")
    expect(scored.locator("#tenure")).to_have_value(row["tenure"])
    expect(scored.locator("#MonthlyCharges")).to_have_value(row["MonthlyCharges"])
    expect(scored.locator(f"#customer-form [name=Contract][value='{row['Contract']}']")).to_be_checked()


def test_going_back_from_a_customer_returns_to_the_same_position(scored):
    scored.get_by_role("button", name="Next page").click()
    expect(scored.locator("#list-pager")).to_contain_text("16 to 30")
    row = scored.locator("#list-table tbody tr").nth(9)
    name = row.get_by_role("button").inner_text()
    row.locator("td").first.click()
    expect(scored.locator("#customer-source")).to_contain_text(name)
    assert scored.evaluate("scrollY") == 0

    scored.get_by_role("link", name="Back to the list").click()

    back = scored.get_by_role("button", name=name)
    expect(back).to_be_focused()
    expect(back).to_be_in_viewport()
    scored.get_by_role("link", name="Model").click()
    scored.get_by_role("link", name="Customer list", exact=True).click()
    expect(scored.get_by_role("heading", level=1)).to_be_focused()


def test_rejected_rows_are_listed_and_can_be_corrected(scored, served):
    table = scored.get_by_role("table", name="Rejected rows")
    second = table.get_by_role("row").nth(2)
    assert second.get_by_role("cell").all_inner_texts() == [
        *("SAMPLE-0548", "MonthlyCharges", '"$79.90"'),
        'MonthlyCharges must be a number from 0 to 1,000,000, not "$79.90".',
    ]

    name, text = download(scored, "Download rejected rows")
    assert name == "sample-rejects.csv"
    assert text == post_batch(served, sample(artifact.load()).encode(), "output=rejects&spreadsheet_safe=true")[1]

    score_list(scored, text.replace("Fibre optic", "Fiber optic").replace("$79.90", "79.90").encode(), name)
    assert (tile(scored, "Scored"), tile(scored, "Rejected")) == ("2", "1")


def test_where_all_are_on_the_call_list_no_hint_offers_more(scored):
    scored.get_by_role("slider").press("Home")
    scored.get_by_role("searchbox").fill("nobody")

    expect(scored.locator("#list-status")).to_have_text(
        "No customer matching \u201cnobody\u201d among the 997 to call."
    )


def test_all_of_it_can_be_done_by_keyboard(lists):
    expect(lists.locator("#list-choose-file")).to_be_enabled()
    lists.get_by_role("heading", level=1).focus()
    for key in ("Tab", "Tab", "Enter"):
        lists.keyboard.press(key)
    expect(lists.get_by_role("heading", name="sample.csv", exact=True)).to_be_focused()

    for _ in range(40):
        lists.keyboard.press("Tab")
        if lists.evaluate("document.activeElement.classList.contains('customer-button')"):
            break
    lists.keyboard.press("Enter")

    expect(lists.get_by_role("heading", level=1)).to_have_text("Single customer")


NAME_OF_THE_FOCUSED = """() => {
  const element = document.activeElement;
  return element.labels?.[0]?.innerText ?? element.innerText;
}"""


def test_a_list_is_shortened_and_downloaded_by_keyboard(scored):
    def tab_to(name: str) -> None:
        for _ in range(60):
            scored.keyboard.press("Tab")
            if scored.evaluate(NAME_OF_THE_FOCUSED).startswith(name):
                return
        pytest.fail(f"Tab does not reach {name}")

    expect(scored.get_by_role("heading", name="sample.csv", exact=True)).to_be_focused()
    tab_to("Call all customers")
    for _ in range(5):
        scored.keyboard.press("ArrowRight")
    tab_to("Show at most")
    scored.keyboard.type("3")
    expect(scored.locator("#list-status")).to_contain_text("3 of ")
    taken = {}
    for name in ("Download call list", "Download all rows", "Download rejected rows"):
        tab_to(name)
        with scored.expect_download() as result:
            scored.keyboard.press("Enter")
        taken[result.value.suggested_filename] = Path(result.value.path()).read_text()
        expect(scored.get_by_role("button", name=name)).to_be_focused()

    rows = {name: text.count("\n") - 1 for name, text in taken.items()}
    assert rows == {"sample-list.csv": 3, "sample-scored.csv": 1000, "sample-rejects.csv": 3}


@pytest.mark.parametrize(("typed", "rows"), [("0", 318), ("-4", 318), ("2.5", 2), ("0.5", 1), ("100000", 318)])
def test_as_many_are_shown_as_are_asked_for(scored, typed, rows):
    scored.get_by_label("Show at most").fill(typed)

    expect(scored.get_by_role("button", name="Download call list")).to_be_enabled()
    expect(scored.locator("#list-status")).to_have_text(re.compile(f"^{rows}( of 318)? customers( to call)?$"))


@pytest.mark.parametrize("width", [320, 1280, 1920])
def test_every_sum_fits_its_tile(open_page, width):
    page = open_page("#list", width=width)
    score_list(
        page,
        csv_of(
            *(
                f"{position},0,No,No,1,Yes,Fiber optic,Month-to-month,Electronic check,1000000,1000000"
                for position in range(90)
            )
        ),
    )

    expect(page.locator("#list-tiles")).to_contain_text(re.compile(r"\$\d\d,\d{3},\d{3}a month|\$\d\d,\d{3},\d{3}"))
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.tiles strong')].filter(each => each.scrollWidth > each.clientWidth).length"
        )
        == 0
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_result_has_no_fault_of_accessibility_and_fits(open_page, width, dark):
    page = open_page("#list", width=width, dark=dark)
    page.get_by_role("button", name="Try it with sample data").click()
    expect(page.get_by_role("heading", name="sample.csv", exact=True)).to_be_visible()

    assert violations(page) == []
    assert overflow(page) == 0
