"""What a hurried hand and a slow network do to the page: no answer is under another's name, and nothing is lost."""

import csv
import json
from collections.abc import Iterator

import pytest
from browser import OPTIONS, find_chromium, overflow, risk_of
from list_page import DROP_FILES, HEADER, choose_file, csv_of, download, listed_ids, row_of, score_list, tile
from playwright.sync_api import expect
from shipped import EXAMPLE, NAMES

RISK = "#risk-probability"
FROM = "#customer-source"


class Held:
    """Requests that are held back until they are let go."""

    def __init__(self, page, pattern):
        self.routes = []
        self.is_open = False
        page.route(pattern, self.hold)

    def hold(self, route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.routes.append(route)

    def let_go(self) -> None:
        self.is_open = True
        for route in self.routes:
            route.continue_()


TWO = csv_of(row_of("first", tenure=1), row_of("second", tenure=3))


@pytest.fixture
def two(open_page):
    page = open_page("#list")
    score_list(page, TWO, "two.csv")
    return page


# A customer of a list.


def test_a_customer_who_was_opened_without_a_connection_is_opened_when_there_is_one(two, served):
    two.context.set_offline(True)
    two.get_by_role("button", name="first").click()

    expect(two.get_by_role("alert")).to_contain_text("first will open when the connection is back.")
    expect(two.locator(FROM)).to_be_hidden()
    two.context.set_offline(False)

    expect(two.locator(FROM)).to_contain_text("first, from your list")
    expect(two.locator(RISK)).to_have_text(risk_of(served, tenure=1))


def test_no_answer_is_shown_for_another_customer_while_one_is_opened(two, served):
    two.get_by_role("button", name="first").click()
    expect(two.locator(RISK)).to_have_text(risk_of(served, tenure=1))
    two.get_by_role("link", name="Customer list", exact=True).click()
    held = Held(two, "**/v2/customers*")
    two.get_by_role("button", name="second").click()

    expect(two.locator("#customer-loading")).to_be_visible()
    expect(two.locator("#customer-result")).to_be_hidden()
    expect(two.locator(FROM)).to_be_hidden()
    # Nor can anything be typed into the form of the one before.
    expect(two.locator("#customer-form")).to_have_attribute("inert", "")
    held.let_go()

    expect(two.locator(FROM)).to_contain_text("second, from your list")
    expect(two.locator(RISK)).to_have_text(risk_of(served, tenure=3))
    two.get_by_label("Tenure").fill("40")
    expect(two.locator(FROM)).to_contain_text("second, from your list, changed here")


def test_a_customer_who_could_not_be_opened_is_tried_again(two, served):
    two.route("**/v2/customers*", lambda route: route.fulfill(status=500, body="gone"))
    two.get_by_role("button", name="first").click()
    expect(two.get_by_role("alert")).to_contain_text("Something between this page and the service failed")
    two.unroute("**/v2/customers*")

    two.get_by_role("button", name="Try again").click()

    expect(two.locator(FROM)).to_contain_text("first, from your list")
    expect(two.locator(RISK)).to_have_text(risk_of(served, tenure=1))


@pytest.mark.parametrize("amount", ["7889,500", "7889,5", "7889,1234"])
def test_a_customer_of_a_file_with_decimal_commas_can_be_opened(open_page, served, amount):
    page = open_page("#list")
    row = {**EXAMPLE, "MonthlyCharges": "56,950", "TotalCharges": amount}
    score_list(page, csv_of(f"a,b;{';'.join(str(row[name]) for name in NAMES)}", header=HEADER.replace(",", ";")))
    listed = page.locator("#list-table td.risk strong").inner_text()

    page.get_by_role("button", name="a,b").click()

    expect(page.locator(FROM)).to_contain_text("a,b, from your list")
    expect(page.locator(RISK)).to_have_text(listed)


def test_a_customer_without_an_id_is_found_by_row_and_leads_back(open_page):
    page = open_page("#list")
    rows = [row_of("", tenure=tenure).removeprefix(",") for tenure in (9, 1, 5)]
    score_list(page, csv_of(*rows, header=",".join(NAMES)))
    page.get_by_label("Search by customer").fill("Row 3")
    expect(page.locator("#list-status")).to_contain_text("1 of 3 customers")

    page.get_by_role("button", name="Row 3").click()

    expect(page.locator(FROM)).to_contain_text("Row 3, from your list")


# A list, and another one.


def test_the_sample_is_scored_once_however_often_it_is_asked_for(open_page):
    page = open_page("#list")
    held = Held(page, "**/v2/sample.csv")
    page.get_by_role("button", name="Try it with sample data").dblclick()
    expect(page.get_by_role("heading", name="Scoring sample.csv")).to_be_visible()
    held.let_go()

    expect(page.get_by_role("heading", name="sample.csv", exact=True)).to_be_visible()
    _, text = download(page, "Download call list")
    names = [row["customerID"] for row in csv.DictReader(text.splitlines())]
    assert len(names) == len(set(names)) == int(tile(page, "Customers to call").split("\n")[0])


def test_a_cancelled_sample_does_not_replace_a_list(open_page):
    page = open_page("#list")
    held = Held(page, "**/v2/sample.csv")
    page.get_by_role("button", name="Try it with sample data").click()
    page.get_by_role("button", name="Cancel").click()
    score_list(page, TWO, "two.csv")

    held.let_go()
    page.wait_for_timeout(300)

    expect(page.get_by_role("heading", name="two.csv", exact=True)).to_be_visible()
    assert tile(page, "Scored") == "2"


def test_a_result_stays_when_a_dropped_file_is_refused(two):
    two.evaluate(DROP_FILES, ["#list-table", TWO.decode(), ["a.csv", "b.csv"]])

    expect(two.get_by_role("alert")).to_contain_text("One file at a time")
    expect(two.locator("#list-result")).to_be_visible()
    assert listed_ids(two) == ["first", "second"]


def test_a_result_can_be_shown_again(two):
    two.get_by_role("button", name="Score another list").click()
    choose_file(two, b"\x89PNG\r\n\x1a\n", "photo.csv")
    expect(two.get_by_role("alert")).to_contain_text("PNG image")

    two.get_by_role("button", name="Back to two.csv").click()

    expect(two.get_by_role("heading", name="two.csv", exact=True)).to_be_focused()
    two.get_by_label("Search by customer").fill("sec")
    expect(two.locator("#list-status")).to_contain_text("1 of 2 customers")
    assert listed_ids(two) == ["second"]


def test_a_file_dropped_while_a_list_is_scored_is_refused_visibly(open_page):
    page = open_page("#list")
    held = Held(page, "**/v2/batches*")
    choose_file(page, TWO, "two.csv")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    page.evaluate(DROP_FILES, ["#list-running", TWO.decode(), ["other.csv"]])

    expect(page.get_by_role("alert")).to_contain_text("Cancel it to send another one.")
    held.let_go()
    expect(page.get_by_role("heading", name="two.csv", exact=True)).to_be_visible()


@pytest.mark.parametrize("target", ["body", "header", "footer", "main"])
@pytest.mark.parametrize("view", ["#customer", "#model"])
def test_no_dropped_file_replaces_the_page(open_page, view, target):
    page = open_page(view)
    refused = """target => ["dragover", "drop"].map(kind => {
        const carried = new DataTransfer();
        carried.items.add(new File(["a"], "a.csv"));
        const event = new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: carried});
        return !document.querySelector(target).dispatchEvent(event);
    })"""

    assert page.evaluate(refused, target) == [True, True]


def test_text_may_be_dragged_into_the_search(two):
    is_left_alone = """() => {
        const carried = new DataTransfer();
        carried.setData("text/plain", "first");
        const options = {bubbles: true, cancelable: true, dataTransfer: carried};
        const kinds = ["dragover", "drop"].map(kind => new DragEvent(kind, options));
        return kinds.map(kind => document.querySelector("#list-controls [name=search]").dispatchEvent(kind));
    }"""

    assert two.evaluate(is_left_alone) == [True, True]


def test_one_customer_is_not_called_customers(open_page):
    page = open_page("#list")
    score_list(page, csv_of(row_of("only", tenure=1)))

    assert tile(page, "Expected to leave") == "1\ncustomer"


def test_a_file_that_comes_late_has_the_name_of_its_list(open_page):
    page = open_page("#list")
    score_list(page, TWO, "north.csv")
    held = Held(page, "**/v2/batches*spreadsheet_safe*")
    page.get_by_role("button", name="Download all rows").click()
    page.wait_for_timeout(200)
    page.get_by_role("button", name="Score another list").click()
    score_list(page, csv_of(row_of("other")), "south.csv")

    with page.expect_download() as actual:
        held.let_go()
    assert actual.value.suggested_filename == "north-scored.csv"
    assert download(page, "Download all rows")[0] == "south-scored.csv"


def test_the_limit_keeps_those_with_the_highest_risk_in_every_order(open_page):
    page = open_page("#list")
    rows = [row_of(f"C{position}", tenure=position, MonthlyCharges=20 + position) for position in range(1, 13)]
    score_list(page, csv_of(*rows))
    page.get_by_role("slider").press("Home")
    page.get_by_label("Show at most").fill("3")
    expect(page.locator("#list-status")).to_contain_text("3 of 12 customers to call")
    riskiest = set(listed_ids(page))

    page.get_by_label("Sort by").select_option("Customer, Z to A")

    expect(page.locator("#list-status")).to_have_text("3 of 12 customers to call, those with the highest risk")
    assert set(listed_ids(page)) == riskiest
    page.get_by_label("Show at most").fill("")
    expect(page.locator("#list-status")).to_have_text("12 customers")
    # As people count, and not letter by letter.
    assert listed_ids(page) == [f"C{position}" for position in range(12, 0, -1)]


def test_a_customer_is_opened_by_keyboard_though_all_is_marked(two):
    two.get_by_role("button", name="first").focus()
    two.keyboard.press("Control+a")
    two.keyboard.press("Enter")

    expect(two.locator(FROM)).to_contain_text("first, from your list")


def test_a_value_that_turns_the_direction_of_text_is_shown_by_its_escape(open_page):
    page = open_page("#list")
    score_list(page, csv_of(row_of("a", InternetService="\u202eFiber")))

    expect(page.locator("#list-rejected-table")).to_contain_text('not "\\u202eFiber".')


# Amounts, and letters.


@pytest.mark.parametrize("typed", ["$7,234.50", "7 234,50", "7\u2019234.50", "7\u00a0234.50", "$ 7234.5"])
def test_an_amount_may_be_copied_from_a_bill(page, served, typed):
    page.get_by_label("Total charges").fill(typed)

    expect(page.locator(RISK)).to_have_text(risk_of(served, TotalCharges=7234.5))


def test_an_amount_that_is_another_in_german_is_shown_as_it_was_read(page, served):
    page.get_by_label("Total charges").fill("1.889")

    expect(page.locator(RISK)).to_have_text(risk_of(served, TotalCharges=1.889))
    expect(page.locator("#TotalCharges-parsed")).to_have_text("Read as $1.89: the point is the decimal mark.")
    for other in ("1889", "much"):
        page.get_by_label("Total charges").fill("1.889")
        expect(page.locator("#TotalCharges-parsed")).not_to_be_empty()
        page.get_by_label("Total charges").fill(other)
        expect(page.locator("#TotalCharges-parsed")).to_have_text("")


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 664)])
def test_no_field_that_has_the_focus_is_hidden_on_a_phone(open_page, width, height):
    page = open_page(width=width, height=height)
    expect(page.locator("#risk-bar")).to_be_visible()
    page.get_by_role("button", name="Reset to the example").focus()
    for _ in range(len(NAMES)):
        page.keyboard.press("Tab")
        hidden = page.evaluate(
            """() => document.activeElement.getBoundingClientRect().bottom -
                window['risk-bar'].getBoundingClientRect().top"""
        )
        assert (
            page.locator("#risk-bar").is_hidden()
            or hidden <= 0
            or page.evaluate("document.activeElement === window['risk-bar']")
        )


@pytest.fixture
def large_letters(chromium, tmp_path, served) -> Iterator:
    """Opens a page in a browser whose letters were set to twice their size."""
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"webkit": {"webprefs": {"default_font_size": 32}}}))
    context = chromium.browser_type.launch_persistent_context(
        tmp_path, executable_path=find_chromium(), args=OPTIONS, viewport={"width": 390, "height": 844}
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("view", ["#customer", "#list", "#model"])
def test_text_twice_as_large_fits_a_phone(large_letters, served, view):
    page = large_letters
    page.goto(f"{served}/{view}")
    if view == "#list":
        rows = [row_of(f"C{position}", tenure=position) for position in range(1, 40)]
        score_list(page, csv_of(*rows, row_of("bad", InternetService="Fibre")))
    else:
        page.locator("#customer-result, #model-content canvas").first.wait_for(state="attached")
        page.wait_for_timeout(500)

    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert overflow(page) == 0


def test_the_charts_of_a_list_have_colours_of_their_own_where_colours_are_forced(open_page):
    page = open_page("#list", forced_colors="active")
    score_list(page, TWO, "two.csv")

    seen = page.evaluate("""() => {
        const found = selector => getComputedStyle(document.querySelector(selector));
        const fill = selector => found(selector).getPropertyValue("--fill");
        document.body.style.outlineColor = "Canvas";
        return [found(".histogram .above-threshold i").backgroundColor, found(".histogram i").backgroundColor,
                fill(".legend .this-list") !== fill(".legend .training-data"),
                found(".bar-cell .this-list").backgroundImage, found("body").outlineColor];
    }""")
    called, other, differ, measure, ground = seen
    assert len({called, other, ground}) == 3
    assert differ
    assert "gradient" in measure


def test_only_the_view_of_the_model_mentions_log_odds(two):
    two.get_by_role("link", name="Single customer", exact=True).click()
    two.locator("#single-changes li").first.wait_for(state="attached")

    # All of it, also what is behind a click.
    for view in ("customer", "list"):
        text = two.locator(f"main > [data-view={view}]").text_content()
        assert "risk" in text
        assert "odds" not in text.lower()
