"""What a feature accepts, and the sentence for what it does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped import CUSTOMER_ID, EXAMPLE, FEATURES, NAMES

from model.errors import ERRORS, CustomerError, problem, show
from model.schema import Categorical, fold
from model.validate import read_number, validate


def accepted(name: str, value: object) -> object:
    return validate({**EXAMPLE, name: value}, FEATURES)[name]


def refused(name: str, value: object) -> tuple[str, str]:
    with pytest.raises(CustomerError) as caught:
        validate({**EXAMPLE, name: value}, FEATURES)
    (actual,) = caught.value.problems
    assert actual.field == name
    return actual.code, actual.message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *[("SeniorCitizen", value, 0) for value in (0, 0.0, "0", "0.0", False, "false", "No", " no ")],
        *[("SeniorCitizen", value, 1) for value in (1, 1.0, "1", "1.0", True, "TRUE", "Yes")],
        *[("Partner", value, "Yes") for value in ("Yes", "YES", " yes ", True, "true")],
        *[("PhoneService", value, "No") for value in ("No", "nO", False, "False")],
        *[("tenure", value, 12) for value in (12, 12.0, "12", " 12.0 ", "+12", "1.2e1", "012")],
        ("tenure", "-0", 0),
        ("tenure", 1200, 1200),
        *[("InternetService", value, "Fiber optic") for value in ("Fiber optic", "fiber optic", "FIBER OPTIC\n")],
        ("PaymentMethod", "Bank transfer", "Bank transfer (automatic)"),
        ("PaymentMethod", "CREDIT CARD", "Credit card (automatic)"),
        *[("MonthlyCharges", value, 0.5) for value in (0.5, ".5", "5e-1", "00.50")],
        ("MonthlyCharges", "5.", 5.0),
        ("MonthlyCharges", "1e-400", 0.0),
        ("TotalCharges", 1_000_000_000, 1e9),
    ],
)
def test_an_unambiguous_spelling_is_accepted(name, value, expected):
    actual = accepted(name, value)

    assert (actual, type(actual)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        *[("SeniorCitizen", value, "unknown_word") for value in (2, -1, 0.5, "2", "maybe", [], {}, "01", "1e0")],
        *[("Partner", value, "unknown_word") for value in (0, 1, 1.0, "1", "y", "oui", ["Yes"])],
        *[("Contract", value, "unknown_word") for value in (0, 1, "1", True, "Monthly", "Two  year", "Two\u00a0year")],
        *[("InternetService", value, "unknown_word") for value in (False, "\ufb01ber optic", "None")],
        *[("tenure", value, "not_a_number") for value in (True, "true", "abc", "nan", "inf", "0x10", "1_0", [], {})],
        *[("tenure", value, "not_a_number") for value in ("\uff11\uff12", "\u0661\u0662", "1 2", "--1", "1e", ".")],
        ("tenure", "1" * 401, "not_a_number"),
        *[("tenure", value, "out_of_range") for value in (-1, 1201, "1e400", 1e300, 10**300, "-5")],
        *[("tenure", value, "not_whole") for value in (12.5, "12.5", 1e-9)],
        *[("MonthlyCharges", value, "not_a_number") for value in (math.nan, False, "70,35", "1,000", "$5", "5 EUR")],
        *[("MonthlyCharges", value, "out_of_range") for value in (-0.01, 1e6 + 1, math.inf, -math.inf)],
        *[("Partner", value, "blank") for value in (None, "", " \t")],
        *[("tenure", value, "blank") for value in (None, "", "\u00a0")],
    ],
)  # fmt: skip
def test_what_would_be_a_guess_is_refused(name, value, code):
    assert refused(name, value)[0] == code


@pytest.mark.parametrize("blank", ["", " ", None, "\t\n"])
def test_a_blank_total_is_accepted_only_at_tenure_zero(blank):
    assert validate({**EXAMPLE, "tenure": 0, "TotalCharges": blank}, FEATURES)["TotalCharges"] == 0.0
    assert refused("TotalCharges", blank) == (
        "blank_not_new",
        "TotalCharges is blank, but tenure is 12; a blank is accepted only at tenure 0.",
    )


def test_a_total_that_is_left_out_is_missing_even_at_tenure_zero():
    raw = {name: value for name, value in EXAMPLE.items() if name != "TotalCharges"}

    with pytest.raises(CustomerError) as caught:
        validate({**raw, "tenure": 0}, FEATURES)

    assert [item.code for item in caught.value.problems] == ["missing"]


def test_all_problems_come_together_in_schema_order():
    with pytest.raises(CustomerError) as caught:
        validate({"tenure": -1, "Contract": "x", "Partner": None}, FEATURES)

    assert [item.field for item in caught.value.problems] == list(NAMES)
    assert {item.field: item.code for item in caught.value.problems if item.code != "missing"} == {
        "tenure": "out_of_range",
        "Contract": "unknown_word",
        "Partner": "blank",
    }


def test_a_sentence_names_the_field_the_rule_and_the_value():
    assert refused("Contract", "Monthly")[1] == (
        'Contract must be "Month-to-month", "One year" or "Two year", not "Monthly".'
    )
    assert refused("tenure", True)[1] == "tenure must be a whole number of months from 0 to 1,200, not true."
    assert refused("SeniorCitizen", {})[1] == "SeniorCitizen must be 0 or 1, not an object."


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.text())))
def test_any_value_is_either_typed_or_named(value):
    for feature in FEATURES:
        try:
            actual = validate({**EXAMPLE, feature.name: value}, FEATURES)[feature.name]
        except CustomerError as error:
            assert all(str(item).endswith(".") for item in error.problems)
            str(error).encode("utf-8")
        else:
            if isinstance(feature, Categorical):
                assert actual in feature.values
            else:
                assert feature.minimum <= actual <= feature.maximum


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_as_it_was_printed(number):
    assert read_number(repr(number)) == number


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", '"abc"'),
        ("x" * 41, '"' + "x" * 40 + '…"'),
        ("a\0\n", '"a\\u0000\\n"'),
        ("\ud800", '"\\ud800"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1], "a list"),
        ({}, "an object"),
    ],
)
def test_a_value_is_shown_short_and_harmless(value, shown):
    assert show(value) == shown


@pytest.mark.parametrize("code", ERRORS)
def test_every_message_is_a_full_sentence_without_empty_phrases(code):
    sentence = ERRORS[code].sentence

    assert sentence.endswith((".", "{advice}"))
    assert not {"invalid", "oops", "please", "error"} & set(sentence.lower().replace(".", " ").split())


def test_a_problem_names_its_row_and_customer():
    actual = problem("blank", field="Partner", rule="must be so").at(489, "0000-EXMPL", CUSTOMER_ID)

    assert str(actual) == "Row 489 (customerID 0000-EXMPL): Partner is blank; it must be so."
    assert actual.to_dict() == {
        "row": 489,
        "customerID": "0000-EXMPL",
        "field": "Partner",
        "code": "blank",
        "rule": "must be so",
        "message": str(actual),
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Electronic\u00a0check", '"Electronic\\u00a0check"'),
        ("One\u200b year", '"One\\u200b year"'),
        ("\u202eFiber", '"\\u202eFiber"'),
        ("\x9b31m", '"\\u009b31m"'),
        ("\ud800", '"\\ud800"'),
        ("Größe, 面积 😀", '"Größe, 面积 😀"'),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_escape(value, shown):
    assert show(value) == shown
