"""The page of a model with a wholly different schema: form, what-if, list and model. In a real Chromium."""

import csv
import io
import re
from unicodedata import normalize

import pytest
from browser import as_percentage, overflow, serving, violations
from list_page import download, score_list, tile
from other_schema import (
    BAD,
    CURRENCY,
    GOOD,
    NAMES,
    ORDERS,
    OTHER,
    PLAN,
    REGION,
    RENEW,
    SCHEMA,
    SHOPPERS,
    VISIT,
    Shop,
    cells_of,
    files,
    open_shop,
    write_models,
)
from other_schema import (
    expect as expect_score,
)
from playwright.sync_api import expect

from model.text import shown

LABELS = ["Plan", "Region", "Auto renew", "Orders", "Spent (EUR)", "Days since visit", "Returns", "Grade"]
RISK = "#risk-probability"
TERMS = 11


@pytest.fixture(scope="module", params=[False, True], ids=["no id and no money", "an id and money"])
def shop(request, tmp_path_factory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), request.param)


@pytest.fixture(scope="module")
def address(shop):
    with serving(CHURN_MODELS=str(shop.models)) as address:
        yield address


@pytest.fixture
def open_(open_page, address):
    return lambda view="", **options: open_page(view, address=address, **options)


def field(page, name: str):
    return page.locator("#customer-form .field").nth(NAMES.index(name))


def enter(page, values: dict[str, str]) -> None:
    """Fill the form with cells, whose words are as the schema spells them."""
    for name, cell in values.items():
        control = field(page, name)
        if name == RENEW:
            control.get_by_role("radio", name=cell, exact=True).check()
        elif name == REGION:
            control.get_by_role("combobox").select_option(cell)
        else:
            control.get_by_role("textbox").or_(control.get_by_role("combobox")).fill(cell)


def test_it_opens_with_the_example_of_the_schema(open_, shop):
    page = open_()

    expect(page.locator(RISK)).to_have_text(as_percentage(round(expect_score(shop.schema["example"]).probability, 4)))
    expect(page.locator("#customer-form .field .label")).to_have_text(LABELS)
    expect(page.get_by_text("Time horizon: within 30 days of the last order.")).to_be_visible()
    money = page.locator("#risk-money")
    if shop.ids:
        expect(money).to_contain_text(CURRENCY)
    else:
        expect(money).to_have_count(0)
        assert "$" not in page.locator("body").inner_text()
    assert violations(page) == []


@pytest.mark.parametrize("number", range(len(SHOPPERS)))
def test_any_customer_can_be_entered(open_, number):
    shopper = SHOPPERS[number]
    page = open_()

    words = {name: "" if value is None else str(value) for name, value in shopper.typed.items() if value != OTHER}
    # A number as it was written: an exponent, a plus sign, spaces.
    numbers = {name: cell for name, cell in shopper.row.items() if name not in (PLAN, REGION, RENEW)}
    enter(page, {**shopper.row, **words, **numbers})

    expect(page.locator(RISK)).to_have_text(as_percentage(round(expect_score(shopper.typed).probability, 4)))
    expect(page.locator("#reasons li")).to_have_count(TERMS)


def test_reasons_name_both_values_of_a_pair_and_what_is_not_known(open_):
    page = open_()

    enter(page, {**SHOPPERS[0].row})

    expect(page.locator(RISK)).to_have_text(as_percentage(round(expect_score(SHOPPERS[0].typed).probability, 4)))
    reasons = [re.sub(r"\s+", " ", text) for text in page.locator("#reasons li").all_inner_texts()]
    assert any(text.startswith('Has the size "XL" and has 0 orders') for text in reasons)
    assert any(text.startswith("Days since visit is not known") for text in reasons)


@pytest.mark.parametrize("name", ["a count above the bound", "half an order", "no number", "a blank number"])
def test_what_breaks_the_schema_is_marked_in_its_words(open_, name):
    row, sentence = BAD[name]
    (changed,) = [column for column in NAMES if row[column] != GOOD.row[column]]
    page = open_()
    enter(page, {name: str(value) for name, value in GOOD.typed.items()})

    enter(page, {changed: row[changed]})

    expect(field(page, changed).locator(".error")).to_have_text(sentence)
    enter(page, {changed: str(GOOD.typed[changed])})
    expect(page.locator(RISK)).to_have_text(as_percentage(round(expect_score(GOOD.typed).probability, 4)))


def test_what_if_changes_what_the_schema_allows(open_):
    page = open_()
    enter(page, {name: str(value) for name, value in GOOD.typed.items()})
    expect(page.locator(RISK)).to_have_text(as_percentage(round(expect_score(GOOD.typed).probability, 4)))

    expect(page.locator("#what-if-form .field .label")).to_have_text(["Plan", "Spent (EUR)"])
    page.locator("#what-if-form").get_by_label("Plan").fill("a;b")

    changed = expect_score({**GOOD.typed, PLAN: "a;b"})
    expect(page.locator("#what-if-result strong")).to_have_text(as_percentage(round(changed.probability, 4)))


def test_numbers_of_any_size_are_shown_as_the_sentences_have_them(open_):
    numbers = [0, 0.004, 0.0123456, -0.5, 0.99999, 1, 12.345678, 99.5, 1234.567, 1_234_567, 9_876_543.219]
    written = ["0", "0.004", "0.0123", "−0.5", "1", "1", "12.35", "99.5", "1,234.57", "1,234,567", "9,876,543.22"]
    formats = "import('/static/page/format.js').then(({{ {0} }}) => numbers.map({0}))"

    page = open_()

    assert page.evaluate(f"numbers => {formats.format('formatNumber')}", numbers) == written
    assert [shown(number).replace("-", "−") for number in numbers] == written
    amounts = page.evaluate(f"numbers => {formats.format('formatMoney')}", [0, 0.5, 0.0855, 5.1, 36.62, 1234.5])
    assert [re.sub(r"^\D+", "", amount) for amount in amounts] == ["0.00", "0.50", "0.0855", "5.10", "36.62", "1,235"]


def test_a_list_is_scored_shown_and_downloaded(open_, shop):
    page = open_("#list")

    score_list(page, shop.file, "shoppers.csv")

    assert tile(page, "Scored") == str(len(SHOPPERS))
    tiers = [expect_score(shopper.typed).tier for shopper in SHOPPERS]
    assert tile(page, "High risk") == str(tiers.count("high"))
    assert page.get_by_text("Money at risk").count() == (
        0 if not shop.ids else page.get_by_text("Money at risk").count()
    )
    riskiest = max(range(len(SHOPPERS)), key=lambda number: expect_score(SHOPPERS[number].typed).probability)
    first = page.locator("#list-table tbody tr").first
    expect(first).to_contain_text(shop.ids[riskiest] if shop.ids else str(riskiest + 1))
    expect(first).to_contain_text("Has 1,000,000,000 orders: raises the risk strongly")
    expect(page.locator("#list-segments")).to_contain_text('Größe "XL"')
    _, text = download(page, "Download all rows (CSV)")
    assert [row["probability"] for row in cells_of(text)] == [expect_score(item.typed).printed for item in SHOPPERS]
    assert violations(page) == []


def test_a_customer_of_the_list_is_opened_with_what_the_file_states(open_, shop):
    page = open_("#list")
    score_list(page, shop.file, "shoppers.csv")
    riskiest = max(range(len(SHOPPERS)), key=lambda number: expect_score(SHOPPERS[number].typed).probability)

    page.locator("#list-table tbody tr").first.get_by_role("button").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Single customer")
    expected = expect_score(SHOPPERS[riskiest].typed).probability
    expect(page.locator(RISK)).to_have_text(as_percentage(round(expected, 4)))


def test_a_customer_is_opened_from_columns_in_another_case_and_unicode_form_and_under_an_alias(tmp_path, open_page):
    schema = {**SCHEMA, "features": [dict(feature) for feature in SCHEMA["features"]]}
    schema["features"][0]["aliases"] = ['the "größe"']
    header = {PLAN: 'THE "GRÖSSE"'.replace("SS", "ß"), REGION: normalize("NFD", "RÉGION")}
    rows = [{header.get(name, name): cell for name, cell in shopper.row.items()} for shopper in SHOPPERS[:1]]
    text = io.StringIO()
    # A twin of the name, after it, is another column.
    writer = csv.DictWriter(text, [*rows[0], "Region", ORDERS.upper()])
    writer.writeheader()
    writer.writerows([{**row, "Region": "x", ORDERS.upper(): "7"} for row in rows])

    with serving(CHURN_MODELS=str(write_models(tmp_path / "models", files(schema)))) as address:
        page = open_page("#list", address=address)
        score_list(page, text.getvalue().encode(), "shoppers.csv")
        page.locator("#list-table tbody tr").first.get_by_role("button").first.click()

        expect(field(page, PLAN).get_by_role("combobox")).to_have_value(SHOPPERS[0].typed[PLAN])
        expect(field(page, REGION).get_by_role("combobox")).to_have_value(SHOPPERS[0].typed[REGION])
        expect(field(page, ORDERS).get_by_role("textbox")).to_have_value("0")


def test_rejected_rows_have_the_sentences_of_the_schema(open_, shop):
    page = open_("#list")

    score_list(page, shop.bad_file, "bad.csv")

    assert tile(page, "Rejected") == str(len(BAD))
    rejected = page.locator("#list-rejected-table")
    for _, sentence in list(BAD.values())[:5]:
        expect(rejected).to_contain_text(sentence)


def test_the_sample_scores(open_):
    page = open_("#list")

    page.get_by_role("button", name="Try it with sample data").click()

    expect(page.get_by_role("heading", name="sample.csv", exact=True)).to_be_visible()
    assert tile(page, "Scored") == "997"


def test_the_model_is_shown_with_all_its_terms(open_):
    page = open_("#model")

    expect(page.locator("#model-terms figure")).to_have_count(len(NAMES))
    expect(page.locator("#model-terms table.pair")).to_have_count(TERMS - len(NAMES))
    # The words of one, the steps of the other, and what is not listed or not known of both.
    plans = page.locator("#model-terms table.pair").filter(has_text="Plan (down) and Orders (across)")
    expect(plans.locator("tbody tr")).to_have_count(6)
    expect(plans.locator("thead th")).to_have_count(4)
    expect(page.locator("#model-facts")).to_contain_text("within 30 days of the last order")
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


@pytest.mark.parametrize("view", ["", "#list", "#model"])
def test_nothing_is_wider_than_a_telephone(open_, view):
    page = open_(view, width=390)

    page.wait_for_load_state("networkidle")

    assert overflow(page) <= 0


def test_a_customer_without_a_value_is_shown_as_not_known(open_):
    page = open_()
    expect(field(page, VISIT).locator(".help")).to_contain_text("Blank if it is not known.")

    enter(page, {PLAN: ""})

    expect(page.locator("#reasons")).to_contain_text("Plan is not known")


def test_without_changes_and_offers_there_are_no_cards_for_them(open_page, tmp_path):
    kept = [
        {name: value for name, value in feature.items() if name not in ("actionable", "changes")}
        for feature in SCHEMA["features"]
    ]
    contents = files({**SCHEMA, "features": kept})
    del contents["actions.csv"]
    models = write_models(tmp_path / "models", contents)
    with serving(CHURN_MODELS=str(models)) as address:
        page = open_page(address=address)

        expect(page.locator("#reasons li")).to_have_count(TERMS)
        for text in ("What if …", "None of the standard offers", "All single changes"):
            expect(page.get_by_text(text)).to_be_hidden()
