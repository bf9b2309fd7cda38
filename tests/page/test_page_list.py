"""The view "A list" as a person uses it: a file in, whom to call, why, and files to take away. In a real Chromium."""

import csv
import io
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from browser import overflow, violations
from playwright.sync_api import expect

from model.sample import sample
from model.schema import EXAMPLE, NAMES

DATA = Path(__file__).parents[1] / "data"
HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
SAFE = "Safe to open in a spreadsheet"


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def ask(address: str, content: bytes, query: str = "", accept: str = "text/csv") -> tuple[int, str]:
    """Return the status and the text that the API answers a file with."""
    headers = {"Content-Type": "text/csv", "Accept": accept}
    request = urllib.request.Request(f"{address}/v2/batches?{query}", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def give(page, content: bytes, name: str = "customers.csv") -> None:
    # A person gives a file when the page is ready for it, as these are then.
    expect(page.locator("#list-choose-file")).to_be_enabled()
    page.locator("#list-file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def result_of(page, content: bytes, name: str = "customers.csv") -> None:
    give(page, content, name)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=30_000)


def tile(page, name: str) -> str:
    found = page.locator("#list-result dt").filter(has_text=re.compile(f"^{name}$"))
    return found.first.locator("xpath=following-sibling::dd").inner_text()


def ids(page) -> list[str]:
    return page.locator("#list-table tbody th button").all_inner_texts()


def download(page, name: str) -> tuple[str, str]:
    with page.expect_download() as found:
        page.get_by_role("button", name=name).click()
    return found.value.suggested_filename, Path(found.value.path()).read_bytes().decode()


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
    return json.loads(ask(served, sample().encode(), accept="application/json")[1])


def test_the_sample_shows_what_the_api_counts(scored, summary):
    assert tile(scored, "Customers in the file") == "1,000"
    assert tile(scored, "Scored") == "997"
    assert tile(scored, "To mend") == "3"
    assert tile(scored, "High risk") == f"{summary['tiers']['high']:,}"
    assert tile(scored, "Expected to leave").split("\n")[0] == f"{round(summary['expected_churners']):,}"
    line = summary["by_threshold"][round(summary["threshold"] * 100)]
    expect(scored.locator("#list-status")).to_have_text(f"{line['customers']:,} customers")


def test_the_first_of_the_list_is_most_at_risk_and_it_says_why(scored, served):
    _, text = ask(served, sample().encode(), "reasons=3")
    best = max(csv.DictReader(io.StringIO(text)), key=lambda row: float(row["probability"] or 0))

    first = scored.locator("#list-table tbody tr").first
    expect(first.get_by_role("button")).to_have_text(best["customerID"])
    assert first.get_by_role("listitem").all_inner_texts() == [best[f"reason_{place}"] for place in (1, 2, 3)]


def test_the_slider_shows_the_lines_of_by_threshold(scored, summary):
    slider = scored.get_by_role("slider")
    slider.focus()
    for key in ("End", "Home", "ArrowRight"):
        slider.press(key)
        step = int(slider.input_value())
        line = summary["by_threshold"][step]

        assert tile(scored, "To call").split("\n")[0] == f"{line['customers']:,}"
        assert slider.get_attribute("aria-valuetext").startswith(f"{step}%: {line['customers']:,} customer")
        said = f"{line['customers']:,} customers" if line["customers"] else re.compile("^Nobody reaches this risk")
        expect(scored.locator("#list-status")).to_have_text(said)


def test_the_list_is_searched_filtered_ranked_and_cut(scored, summary):
    status = scored.locator("#list-status")
    scored.get_by_role("searchbox").fill("sample-03")
    expect(status).to_contain_text(" of the ")
    assert all("SAMPLE-03" in each for each in ids(scored))

    scored.get_by_role("searchbox").fill("")
    scored.get_by_role("radio", name="High").check()
    expect(status).to_have_text(re.compile(f"^{summary['tiers']['high']:,} customers of the "))

    scored.get_by_label("Show at most").fill("25")
    scored.get_by_label("In order of").select_option("money:down")
    expect(status).to_have_text(re.compile("^25 customers of the "))
    assert ids(scored)[0] == summary["top"][0]["customerID"]

    scored.get_by_role("searchbox").fill("nobody")
    expect(status).to_have_text(re.compile("^There is nobody with high risk whose id has .nobody. among the "))
    expect(scored.get_by_role("button", name="Take this list away")).to_be_disabled()


def test_the_headings_sort_by_keyboard_and_say_so(scored):
    column = scored.locator("#list-table").get_by_role("columnheader", name="Customer")
    assert scored.get_by_role("columnheader", name="Risk", exact=True).get_attribute("aria-sort") == "descending"

    column.get_by_role("button").press("Enter")
    expect(column).to_have_attribute("aria-sort", "ascending")
    assert ids(scored) == sorted(ids(scored))
    expect(column.get_by_role("button")).to_be_focused()

    scored.keyboard.press("Enter")
    expect(column).to_have_attribute("aria-sort", "descending")


def test_the_pages_lead_through_the_whole_list(scored):
    first = ids(scored)
    pages = scored.get_by_role("navigation", name="Pages of your list")
    expect(pages.get_by_role("button", name="Page before")).to_be_disabled()

    pages.get_by_role("button", name="Next page").press("Enter")
    expect(pages).to_contain_text("16 to 30 of")
    assert not set(first) & set(ids(scored))
    expect(pages.get_by_role("button", name="Next page")).to_be_focused()

    pages.get_by_role("button", name="Last page").click()
    expect(pages.get_by_role("button", name="Next page")).to_be_disabled()


def test_a_customer_is_opened_with_all_that_the_file_says(scored):
    name = ids(scored)[0]
    row = next(row for row in csv.DictReader(io.StringIO(sample())) if row["customerID"] == name)

    scored.get_by_role("button", name=name).click()

    expect(scored.get_by_role("heading", level=1)).to_have_text("One customer")
    expect(scored.locator("#tenure")).to_have_value(row["tenure"])
    expect(scored.locator("#MonthlyCharges")).to_have_value(row["MonthlyCharges"])
    expect(scored.locator(f"#customer-form [name=Contract][value='{row['Contract']}']")).to_be_checked()


def test_whoever_comes_back_from_a_customer_is_where_they_were(scored):
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
    scored.get_by_role("link", name="The model").click()
    scored.get_by_role("link", name="A list", exact=True).click()
    expect(scored.get_by_role("heading", level=1)).to_be_focused()


def test_rows_that_cannot_be_scored_are_named_and_can_be_mended(scored, served):
    table = scored.get_by_role("table", name="Rows to mend")
    second = table.get_by_role("row").nth(2)
    assert second.get_by_role("cell").all_inner_texts() == [
        *("SAMPLE-0548", "MonthlyCharges", '"$79.90"'),
        'MonthlyCharges must be a number from 0 to 1,000,000, not "$79.90".',
    ]

    name, text = download(scored, "Rows to mend, as a CSV")
    assert name == "sample-rejects.csv"
    assert text == ask(served, sample().encode(), "output=rejects&spreadsheet_safe=true")[1]

    result_of(scored, text.replace("Fibre optic", "Fiber optic").replace("$79.90", "79.90").encode(), name)
    assert (tile(scored, "Scored"), tile(scored, "To mend")) == ("2", "1")


NASTY = ["=cmd|' /C calc'!A0", "+49 171", "-1", "@sum", 'a ""quoted"" one', "<img src=x onerror=alert(1)>", "Müller, 7"]


@pytest.mark.parametrize("is_safe", [True, False], ids=["safe", "plain"])
def test_what_is_taken_away_is_what_the_api_writes(lists, served, is_safe):
    ids = [f'"{each}"' if re.search("[,\"']", each) else each for each in NASTY]
    content = csv_of(*(f"{each},{ROW.replace(',12,', f',{place},')}" for place, each in enumerate(ids, start=1)))
    result_of(lists, content)
    lists.get_by_label(SAFE).set_checked(is_safe)
    lists.get_by_label("In order of").select_option("row:up")
    lists.get_by_role("slider").press("Home")
    expect(lists.locator("#list-status")).to_have_text("7 customers")

    name, mine = download(lists, "Take this list away")
    scored_name, whole = download(lists, "Every row with its score")

    query = f"value_at_risk=true&reasons=3&spreadsheet_safe={str(is_safe).lower()}"
    assert (name, scored_name) == ("customers-list.csv", "customers-scored.csv")
    assert whole == ask(served, content, query)[1]
    assert mine == whole
    assert ("'=cmd" in mine) is is_safe


def test_script_in_an_id_is_shown_as_text(lists):
    result_of(lists, csv_of(f"<script>alert(1)</script>,{ROW}", f"<b>bold</b>,{ROW.replace(',12,', ',x,')}"))

    assert ids(lists) == ["<script>alert(1)</script>"]
    expect(lists.get_by_role("table", name="Rows to mend")).to_contain_text("<b>bold</b>")
    assert lists.locator("#list-result script, #list-result b:not(.histogram b)").count() == 0


def test_an_id_of_any_length_and_script_has_its_row_without_marks_of_direction(open_page):
    page = open_page("#list", width=320)
    strange = ["x" * 5000, "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "\N{GRINNING FACE}", '"two\nlines"', ""]
    result_of(page, csv_of(*(f"{each},{ROW}" for each in strange)))

    assert overflow(page) == 0
    shown = page.locator("#list-table tbody th button")
    expect(shown).to_have_count(5)
    assert shown.first.bounding_box()["height"] < 100
    assert shown.all_text_contents() == ["x" * 5000, "gnp.exe", strange[2], "two\nlines", "Row 5"]


def test_where_all_are_to_call_no_slider_takes_in_more(scored):
    scored.get_by_role("slider").press("Home")
    scored.get_by_role("searchbox").fill("nobody")

    expect(scored.locator("#list-status")).to_have_text(
        "There is nobody whose id has \u201cnobody\u201d among the 997 to call."
    )


def refused(served: str, content: bytes) -> str:
    status, text = ask(served, content)
    assert status == 422
    return json.loads(text)["detail"]


@pytest.mark.parametrize(
    "name",
    [
        *("workbook.csv", "image.csv", "json.csv", "empty.csv", "missing_columns.csv", "duplicate_columns.csv"),
        *("no_header.csv", "mixed_decimals.csv", "truncated_gzip.csv.gz", "open_quote.csv", "damaged_letters.csv"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_in_the_words_of_the_api(lists, served, name):
    content = (DATA / name).read_bytes()

    give(lists, content, name)

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text(refused(served, content))
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
def test_unusual_files_that_the_api_takes_are_taken(lists, served, name, customers):
    content = (DATA / name).read_bytes()
    found = json.loads(ask(served, content, accept="application/json")[1])

    result_of(lists, content, name)

    assert tile(lists, "Scored") == f"{found['rows_scored']}"
    for note in found["notes"]:
        expect(lists.locator("#list-notes")).to_contain_text(note)
    assert violations(lists) == []


def test_a_file_with_a_header_and_no_customers_shows_no_result_of_zeros(lists):
    give(lists, (DATA / "header_only.csv").read_bytes(), "header_only.csv")

    alert = lists.get_by_role("alert")
    expect(alert).to_contain_text("The file has no customers")
    expect(alert).to_contain_text(
        "header_only.csv has a header and no rows below it. Add one row for each customer, and choose it again."
    )
    expect(lists.locator("#list-result")).to_be_hidden()
    expect(lists.get_by_role("button", name="Try again")).to_have_count(0)
    assert violations(lists) == []

    result_of(lists, csv_of(f"a,{ROW}"))
    assert tile(lists, "Scored") == "1"


def test_a_list_in_which_every_row_is_bad_says_so(lists):
    result_of(lists, csv_of(*(f"c{place},{ROW.replace(',12,', ',soon,')}" for place in range(1500))))

    assert (tile(lists, "Scored"), tile(lists, "To mend")) == ("0", "1,500")
    shown = lists.locator("#list-tiles dt").all_inner_texts()
    assert shown == ["Customers in the file", "Scored", "To mend"], "zeros of risk and money would look like a result"
    expect(lists.get_by_role("heading", name="Whom to call")).to_be_hidden()
    expect(lists.locator("#list-segments")).to_be_hidden()
    expect(lists.locator("#list-status")).to_have_text("Nobody in this file could be scored.")
    expect(lists.get_by_role("heading", name="1,500 rows of 1,500 could not be scored")).to_be_visible()
    lists.get_by_role("navigation", name="Pages of rows to mend").get_by_role("button", name="Last page").click()
    expect(lists.get_by_role("table", name="Rows to mend")).to_contain_text("c1499")
    assert violations(lists) == []


def test_the_same_file_may_be_chosen_again(lists):
    content = csv_of(f"a,{ROW}")
    result_of(lists, content)

    lists.get_by_role("button", name="Score another list").click()
    expect(lists.get_by_role("button", name="Choose a file")).to_be_focused()
    result_of(lists, content)

    assert tile(lists, "Scored") == "1"


DROP = """([target, text, names]) => {
  const carried = new DataTransfer();
  for (const name of names) carried.items.add(new File([text], name));
  const options = {bubbles: true, cancelable: true, dataTransfer: carried};
  for (const kind of ["dragenter", "dragover", "drop"])
    document.querySelector(target).dispatchEvent(new DragEvent(kind, options));
}"""


@pytest.mark.parametrize("target", ["#list-drop-zone", "[data-view=list] .lead"], ids=["its place", "beside it"])
def test_a_file_may_be_dropped(lists, target):
    expect(lists.locator("#list-choose-file")).to_be_enabled()
    lists.evaluate(DROP, [target, csv_of(f"a,{ROW}").decode(), ["dropped.csv"]])

    expect(lists.get_by_role("heading", name="dropped.csv", exact=True)).to_be_visible()


def test_several_files_at_once_are_refused(lists):
    expect(lists.locator("#list-choose-file")).to_be_enabled()
    lists.evaluate(DROP, ["#list-drop-zone", "x", ["a.csv", "b.csv"]])

    expect(lists.get_by_role("alert")).to_contain_text("One file at a time")


def test_a_file_to_fill_in_is_given(lists, served):
    name, text = download(lists, "Get a file to fill in")

    assert (name, text.splitlines()[0]) == ("customers.csv", HEADER)


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

    expect(lists.get_by_role("heading", level=1)).to_have_text("One customer")


NAME_OF_THE_FOCUSED = """() => {
  const element = document.activeElement;
  return element.labels?.[0]?.innerText ?? element.innerText;
}"""


def test_a_list_is_made_shorter_and_taken_away_by_keyboard(scored):
    def tab_to(name: str) -> None:
        for _ in range(60):
            scored.keyboard.press("Tab")
            if scored.evaluate(NAME_OF_THE_FOCUSED).startswith(name):
                return
        pytest.fail(f"Tab does not reach {name}")

    expect(scored.get_by_role("heading", name="sample.csv", exact=True)).to_be_focused()
    tab_to("Everyone whose risk")
    for _ in range(5):
        scored.keyboard.press("ArrowRight")
    tab_to("Show at most")
    scored.keyboard.type("3")
    expect(scored.locator("#list-status")).to_contain_text("3 customers of the ")
    taken = {}
    for name in ("Take this list away", "Every row with its score", "Rows to mend, as a CSV"):
        tab_to(name)
        with scored.expect_download() as found:
            scored.keyboard.press("Enter")
        taken[found.value.suggested_filename] = Path(found.value.path()).read_text()
        expect(scored.get_by_role("button", name=name)).to_be_focused()

    rows = {name: text.count("\n") - 1 for name, text in taken.items()}
    assert rows == {"sample-list.csv": 3, "sample-scored.csv": 1000, "sample-rejects.csv": 3}


@pytest.mark.parametrize(("typed", "rows"), [("0", 318), ("-4", 318), ("2.5", 2), ("0.5", 1), ("100000", 318)])
def test_as_many_are_shown_as_are_asked_for(scored, typed, rows):
    scored.get_by_label("Show at most").fill(typed)

    expect(scored.get_by_role("button", name="Take this list away")).to_be_enabled()
    expect(scored.locator("#list-status")).to_have_text(re.compile(f"^{rows} customers?( of the 318 to call)?$"))


@pytest.mark.parametrize("width", [320, 1280, 1920])
def test_every_sum_fits_its_tile(open_page, width):
    page = open_page("#list", width=width)
    result_of(
        page,
        csv_of(
            *(
                f"{place},0,No,No,1,Yes,Fiber optic,Month-to-month,Electronic check,1000000,1000000"
                for place in range(90)
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
