"""The view "Single customer", used as a person would: by clicking and typing, in a real Chromium at a real server."""

import json
import re
import subprocess

import pytest
from browser import as_percentage, overflow, post_json, risk_of, violations
from playwright.sync_api import expect
from shipped import EXAMPLE, FEATURES

RISK = "#risk-probability"
TIERS = {"high": "High risk", "medium": "Medium risk", "low": "Low risk"}


def radio(page, name: str, option: str, form: str = "#customer-form"):
    return page.locator(form).get_by_role("radiogroup", name=name).get_by_role("radio", name=option, exact=True)


def field_error(page, name: str):
    return page.locator(f"#customer-form [data-feature={name}] .error")


# The form and its answer.


def test_it_opens_with_the_example_and_its_risk(page, served):
    expect(page.locator(RISK)).to_have_text(risk_of(served))
    expect(page.locator("#risk-tier")).to_have_text("High risk")
    expect(page.locator("#risk-meaning")).to_have_text(
        "Of 100 customers like this one, about 52 would leave. High risk starts at 50%."
    )
    expect(page.locator("#risk-money")).to_have_text("$36.62 a month")
    expect(page.locator("#risk-prediction")).to_have_text("Predicted to churn (threshold 33%)")


def test_the_form_has_a_field_for_each_feature_with_its_help(page):
    groups = page.locator("#customer-form .field")

    expect(groups).to_have_count(len(FEATURES))
    for position, feature in enumerate(FEATURES):
        expect(groups.nth(position).locator(".help")).to_contain_text(feature.help)


def test_the_risk_follows_what_is_typed_and_clicked(page, served):
    page.get_by_label("Tenure").fill("60")
    radio(page, "Contract", "Two year").check()
    page.locator("#customer-form").get_by_label("Payment method").select_option("Mailed check")

    expected = risk_of(served, tenure=60, Contract="Two year", PaymentMethod="Mailed check")
    expect(page.locator(RISK)).to_have_text(expected)
    expect(page.locator("#risk-tier")).to_have_text("Low risk")
    expect(page.locator("#announcer")).to_have_text(f"{expected}, Low risk")


def test_the_example_comes_back(page, served):
    page.get_by_label("Tenure").fill("60")
    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=60))

    page.get_by_role("button", name="Reset to the example").click()

    expect(page.locator(RISK)).to_have_text(risk_of(served))


def test_the_reasons_are_those_of_the_api_as_bars_with_words_and_sides(page, served):
    reasons = post_json(served, "v2/customers?reasons=all", dict(EXAMPLE))["reasons"]

    rows = page.locator("#reasons li")
    expect(rows).to_have_count(len(reasons))
    for position, reason in enumerate(reasons):
        words = re.sub(r":\s*", "", reason["sentence"])
        side = "up" if reason["contribution"] > 0 else "down"
        assert re.sub(r"\s+", " ", rows.nth(position).inner_text().replace("\n", "")) == words
        expect(rows.nth(position).locator(".reason-bar")).to_have_class(re.compile(side))
    widths = [page.locator(".reason-bar").nth(n).evaluate("e => getComputedStyle(e, '::after').width") for n in (0, 9)]
    assert float(widths[0][:-2]) > float(widths[1][:-2]) > 0


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(page, served):
    expect(page.locator(RISK)).to_have_text(risk_of(served))

    def slow(route):
        if json.loads(route.request.post_data)["tenure"] == "1":
            page.wait_for_timeout(800)
        route.continue_()

    page.route("**/v2/customers*", slow)
    page.get_by_label("Tenure").fill("1")
    page.wait_for_timeout(400)
    page.get_by_label("Tenure").fill("60")

    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=60))
    page.wait_for_timeout(900)
    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=60))


def test_what_lies_beyond_the_training_data_is_noted(page):
    page.get_by_label("Tenure").fill("240")

    expect(page.locator("#risk-notes li")).to_have_text(["tenure 240 is beyond the 72 months of the training data."])


# What would change it.


def test_a_switch_shows_the_change_and_undo_takes_it_back(page, served):
    body = {"customer": dict(EXAMPLE), "changes": [{"Contract": "Two year"}]}
    change = post_json(served, "v2/what-if", body)["alternatives"][0]

    radio(page, "Contract", "Two year", "#what-if-form").check()

    answer = page.locator("#what-if-result")
    expect(answer.locator("strong")).to_have_text(as_percentage(change["probability"]))
    expect(answer.locator(".pill")).to_have_text(TIERS[change["tier"]])
    expect(answer.locator(".difference")).to_have_text(f"\N{MINUS SIGN}{-change['difference'] * 100:.1f} points")
    expect(page.locator("#announcer")).to_contain_text("With these changes")
    expect(page.locator(RISK)).to_have_text(risk_of(served))

    page.get_by_role("button", name="Undo").click()

    expect(answer).to_have_text("Change a value to see how the risk would change.")
    expect(radio(page, "Contract", "Month-to-month", "#what-if-form")).to_be_checked()


def test_several_switches_count_together_also_when_the_customer_changes(page, served):
    radio(page, "Contract", "One year", "#what-if-form").check()
    page.locator("#what-if-form").get_by_label("Payment method").select_option("Mailed check")
    page.get_by_label("Tenure").fill("24")

    changes = {"Contract": "One year", "PaymentMethod": "Mailed check"}
    expect(page.locator("#what-if-result strong")).to_have_text(risk_of(served, tenure=24, **changes))


def test_the_slider_starts_at_the_customers_charge_and_is_moved_by_key(page, served):
    slider = page.locator("#what-if-form").get_by_role("slider", name="Monthly charges")
    expect(page.locator("#what-if-form output")).to_have_text("$70.35")

    slider.focus()
    page.keyboard.press("Home")

    expect(page.locator("#what-if-form output")).to_have_text("$18.25")
    expect(slider).to_have_attribute("aria-valuetext", "$18.25 a month")
    expect(page.locator("#what-if-result strong")).to_have_text(risk_of(served, MonthlyCharges=18.25))


def test_suggestions_are_shown_as_such_and_every_single_change_is_ranked(page, served):
    result = post_json(served, "v2/customers", dict(EXAMPLE))
    ranked = post_json(served, "v2/what-if", {"customer": dict(EXAMPLE)})["alternatives"]

    offers = page.locator("#suggestions li")
    expect(offers).to_have_count(len(result["actions"]))
    expect(offers.first).to_contain_text(result["actions"][0]["suggestion"])
    expect(page.locator("#caution")).to_have_text(result["caution"])
    page.get_by_text("All single changes").click()
    expect(page.locator("#single-changes li")).to_have_count(len(ranked))
    expect(page.locator("#single-changes li strong").first).to_have_text(as_percentage(ranked[0]["probability"]))
    expect(page.locator("#single-changes li").first).to_contain_text("Contract: Two year")


# What cannot be scored.


def test_a_wrong_number_is_marked_at_its_field_with_the_error_of_the_api_until_it_is_corrected(page, served):
    page.get_by_label("Tenure").fill("twelve")

    sentence = 'tenure must be a whole number of months from 0 to 1,200, not "twelve".'
    expect(field_error(page, "tenure")).to_have_text(sentence)
    expect(page.get_by_label("Tenure")).to_have_attribute("aria-invalid", "true")
    assert field_error(page, "tenure").get_attribute("id") in page.get_by_label("Tenure").get_attribute(
        "aria-describedby"
    )
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    expect(page.locator("#customer-result")).to_be_hidden()
    assert violations(page) == []

    page.get_by_label("Tenure").fill("13")

    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=13))
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Tenure")).not_to_have_attribute("aria-invalid", "true")


def test_all_wrong_fields_are_marked_at_once(page):
    page.get_by_label("Tenure").fill("-1")
    page.locator("#customer-form").get_by_label("Monthly charges").fill("")

    expect(page.get_by_role("alert")).to_contain_text("2 fields are marked in the form")
    expect(page.locator("#customer-form [aria-invalid=true]")).to_have_count(2)


def test_a_blank_total_is_accepted_for_a_new_customer_only(page, served):
    page.get_by_label("Total charges").fill("")
    expect(field_error(page, "TotalCharges")).to_contain_text("a blank is accepted only at tenure 0")

    page.get_by_label("Tenure").fill("0")

    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=0, TotalCharges=0))


@pytest.mark.parametrize("typed", ["85,5", "85.5", " 85,50 "])
def test_a_number_may_have_a_decimal_comma_or_point(open_page, served, typed):
    page = open_page(locale="de-DE")
    page.locator("#customer-form").get_by_label("Monthly charges").fill(typed)

    expect(page.locator(RISK)).to_have_text(risk_of(served, MonthlyCharges=85.5))
    slider = page.locator("#what-if-form").get_by_role("slider", name="Monthly charges")
    expect(slider).to_have_attribute("aria-valuetext", "$85.50 a month")


@pytest.mark.parametrize("typed", ["7.234,5", "7,234.50", " 7234,50"])
def test_a_number_may_be_written_as_on_a_bill(page, served, typed):
    page.get_by_label("Total charges").fill(typed)

    expect(page.locator(RISK)).to_have_text(risk_of(served, TotalCharges=7234.5))


@pytest.mark.parametrize("typed", ["1,234", "1.234.567", "1,23.4", "1.23,4", "12,345,6"])
def test_a_number_that_could_be_read_in_two_ways_is_not_guessed(page, typed):
    page.locator("#customer-form").get_by_label("Monthly charges").fill(typed)

    expect(field_error(page, "MonthlyCharges")).to_contain_text(f'not "{typed}"')


def test_a_script_in_a_value_is_shown_as_text(page):
    page.get_by_label("Tenure").fill("<img src=x onerror=alert(1)>")

    expect(field_error(page, "tenure")).to_contain_text('not "<img src=x onerror=alert(1)>"')
    assert page.locator("#customer-form img, [role=alert] img").count() == 0


# A row of a list.

SHOW = "row => import('/static/page/customer.js').then(view => view.showCustomer(row))"


def test_a_row_of_a_list_is_shown_however_it_is_spelt(open_page, served):
    page = open_page("#list")
    row = {
        " CUSTOMERid": "0002-<b>",
        "gender": "Female",
        "seniorcitizen": "yes",
        "Partner": "true",
        "Dependents": "NO",
        "tenure": " 3.0 ",
        "PhoneService": "yes",
        "InternetService": "fiber OPTIC",
        "Contract": "two year",
        "PaymentMethod": "bank transfer",
        "MonthlyCharges": "70,35",
        "TotalCharges": "211.05",
    }

    page.evaluate(SHOW, row)

    expect(page.get_by_role("heading", level=1)).to_have_text("Single customer")
    expect(page.locator("#customer-source")).to_contain_text("0002-<b>, from your list")
    changed = {"SeniorCitizen": 1, "tenure": 3, "Contract": "Two year", "TotalCharges": 211.05}
    expect(page.locator(RISK)).to_have_text(risk_of(served, **changed, PaymentMethod="Bank transfer (automatic)"))
    expect(radio(page, "Senior citizen", "Yes")).to_be_checked()
    expect(radio(page, "Contract", "Two year", "#what-if-form")).to_be_checked()
    expect(page.get_by_label("Tenure")).to_have_value("3")
    assert violations(page) == []

    page.get_by_role("button", name="Reset to the example").click()

    expect(page.locator(RISK)).to_have_text(risk_of(served))
    expect(page.locator("#customer-source")).to_be_hidden()


def test_a_change_for_one_customer_is_reset_for_the_next(page, served):
    radio(page, "Contract", "Two year", "#what-if-form").check()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()

    page.evaluate(SHOW, {**EXAMPLE, "Contract": "One year"})

    expect(page.locator(RISK)).to_have_text(risk_of(served, Contract="One year"))
    expect(radio(page, "Contract", "One year", "#what-if-form")).to_be_checked()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


# For developers, by keyboard, on a phone, in a frame.


def test_the_curl_that_is_copied_gives_the_same_answer(open_page, served):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Tenure").fill("24")
    expect(page.locator(RISK)).to_have_text(risk_of(served, tenure=24))
    page.get_by_text("copy as curl").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()

    command = page.evaluate("navigator.clipboard.readText()")
    answer = subprocess.run(["sh", "-c", f"{command} -s"], capture_output=True, check=True).stdout

    assert as_percentage(json.loads(answer)["probability"]) == risk_of(served, tenure=24)


def test_it_is_used_by_keyboard_alone(page, served):
    expect(page.locator(RISK)).to_have_text(risk_of(served))

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name || document.activeElement.id") == name:
                return
        pytest.fail(f"Tab does not reach {name}")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to("tenure")
    page.keyboard.press("Control+A")
    page.keyboard.type("48")
    tab_to("Contract")
    page.keyboard.press("ArrowRight")
    tab_to("PaymentMethod")
    page.keyboard.type("Mailed")
    changed = {"tenure": 48, "Contract": "One year", "PaymentMethod": "Mailed check"}
    expect(page.locator(RISK)).to_have_text(risk_of(served, **changed))

    tab_to("what-if-reset" if page.locator("#what-if-reset").is_visible() else "InternetService")
    page.keyboard.press("ArrowLeft")

    expect(page.locator("#what-if-result strong")).to_have_text(risk_of(served, **changed, InternetService="DSL"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_has_the_risk_in_sight_while_the_form_is_filled_in(open_page, served, dark):
    page = open_page(width=390, height=844, dark=dark, has_touch=True)
    mini = page.locator("#risk-bar")
    expect(mini).to_contain_text(risk_of(served))
    assert (violations(page), overflow(page)) == ([], 0)

    page.get_by_label("Tenure").fill("60")
    expect(mini).to_contain_text(risk_of(served, tenure=60))
    mini.tap()

    expect(page.locator(RISK)).to_be_in_viewport()
    expect(mini).to_be_hidden()
