"""Why, what if, what to offer: exact, in plain words, and never against the numbers."""

import math
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped import EXAMPLE, FEATURES, NAMES, SCHEMA

from model import actions
from model.errors import CustomerError
from model.explain import HARDLY, STRONGLY, effect, explain, notes, phrase
from model.result import to_result
from model.schema import Categorical, Numeric, Schema, Target
from model.validate import validate
from model.whatif import alternatives, apply_change


def values_of(feature):
    if isinstance(feature, Categorical):
        return st.sampled_from(feature.values)
    if feature.whole:
        return st.integers(0, 90)
    return st.floats(0, 12_000).map(lambda number: round(number, 2))


CUSTOMERS = st.fixed_dictionaries({feature.name: values_of(feature) for feature in FEATURES}).map(
    partial(validate, features=FEATURES)
)


@pytest.fixture(scope="module")
def table(scorer):
    return actions.load_of(scorer)


@given(CUSTOMERS)
def test_baseline_and_all_contributions_are_the_log_odds(scorer, table, customer):
    result = to_result(scorer, customer, "", table, reasons=len(NAMES))

    total = result["baseline"] + math.fsum(reason["contribution"] for reason in result["reasons"])
    assert total == pytest.approx(result["log_odds"], abs=1e-9)
    assert {reason["feature"] for reason in result["reasons"]} == set(customer)


@given(CUSTOMERS)
def test_a_sentence_never_contradicts_its_number(scorer, customer):
    for part in explain(scorer, customer):
        if "raises" in part.sentence:
            assert part.contribution > 0
        elif "lowers" in part.sentence:
            assert part.contribution < 0
        else:
            assert abs(part.contribution) < HARDLY
        assert ("strongly" in part.sentence) == (abs(part.contribution) >= STRONGLY)


@given(CUSTOMERS)
def test_every_suggestion_lowers_this_customer_s_risk(scorer, table, customer):
    suggested = actions.suggest(table, scorer, customer)

    before = scorer.score(customer).probability
    for item in suggested:
        after = scorer.score({**customer, **item.alternative.changes}).probability
        assert after < before
        assert item.alternative.difference == after - before
    records = [item.alternative.difference for item in suggested]
    assert records == sorted(records)


@given(CUSTOMERS)
def test_alternatives_change_one_feature_that_can_be_offered(scorer, customer):
    actionable = {
        item.name for item in FEATURES if (item.actionable if isinstance(item, Categorical) else item.changes)
    }

    actual = alternatives(scorer, customer)

    assert all(len(item.changes) == 1 and set(item.changes) <= actionable for item in actual)
    assert [item.difference for item in actual] == sorted(item.difference for item in actual)


def test_reasons_are_plain_words(scorer):
    reasons = [part.sentence for part in explain(scorer, validate({**EXAMPLE, "tenure": 1}, FEATURES))]

    assert "Month-to-month contract: raises the risk strongly" in reasons
    assert any(sentence.startswith("With us for 1 month: raises") for sentence in reasons)


@pytest.mark.parametrize(
    ("contribution", "words"),
    [
        (0.0, "hardly changes the risk"),
        (-0.049, "hardly changes the risk"),
        (0.05, "raises the risk"),
        (-0.2, "lowers the risk"),
        (0.5, "raises the risk strongly"),
        (-3.0, "lowers the risk strongly"),
    ],
)
def test_the_words_of_an_effect_follow_its_size(contribution, words):
    assert effect(contribution) == words


def test_numbers_beyond_the_training_data_are_noted(scorer):
    customer = validate({**EXAMPLE, "tenure": 240, "MonthlyCharges": 5}, FEATURES)

    assert notes(scorer, customer) == [
        "tenure 240 is beyond the 72 months of the training data.",
        "MonthlyCharges 5 is below the 18.25 dollars a month of the training data.",
    ]
    assert notes(scorer, validate(EXAMPLE, FEATURES)) == []


@pytest.mark.parametrize(
    ("charge", "written"),
    [(1_000_000, "1,000,000"), ("999999.5", "999,999.5"), ("123456.78", "123,456.78"), ("200.00", "200")],
)
def test_a_large_number_is_noted_with_all_its_digits(scorer, charge, written):
    customer = validate({**EXAMPLE, "MonthlyCharges": charge}, FEATURES)

    assert notes(scorer, customer) == [
        f"MonthlyCharges {written} is beyond the 118.75 dollars a month of the training data."
    ]


def test_a_change_is_validated_and_only_what_differs_is_named(scorer):
    customer = validate(EXAMPLE, FEATURES)

    assert apply_change(scorer, customer, {"Contract": "TWO YEAR", "Partner": "yes"}).changes == {
        "Contract": "Two year"
    }
    with pytest.raises(CustomerError, match=r'Contract must be .*, not "Three"'):
        apply_change(scorer, customer, {"Contract": "Three"})


def test_an_answer_has_an_id_only_where_one_was_given(scorer, table):
    customer = validate(EXAMPLE, FEATURES)

    assert to_result(scorer, customer, "0042", table)["customerID"] == "0042"
    assert "customerID" not in to_result(scorer, customer, "", table)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must begin with the line feature,from,to,suggestion"),
        ("feature,to\n", "must begin with the line"),
        ("feature,from,to,suggestion\nContract,,Two year\n", "Line 2 .* has 3 cells, not 4"),
        ("feature,from,to,suggestion\nColour,,blue,Paint\n", "names 'Colour', which is no feature"),
        ("feature,from,to,suggestion\nContract,,Ten year,Offer\n", 'Contract must be .*, not "Ten year"'),
        ("feature,from,to,suggestion\nContract,,,Offer\n", "does not state what Contract would become"),
        ("feature,from,to,suggestion\nContract,,-10%,Offer\n", 'not "-10%"'),
        ("feature,from,to,suggestion\nContract,,Two year,\n", "has no suggestion"),
    ],
)
def test_a_table_of_actions_is_checked_line_by_line(tmp_path, text, sentence):
    path = tmp_path / "actions.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(actions.ActionsError, match=sentence):
        actions.load(path, SCHEMA)


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "actions.csv"
    path.write_bytes(b"\xef\xbb\xbffeature,from,to,suggestion\r\nMonthlyCharges,,-15%,Offer less.\r\n,,,\r\n")

    (action,) = actions.load(path, SCHEMA)

    assert (action.share, action.suggestion) == (-0.15, "Offer less.")


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        (Numeric(name="Tenure", unit="months", minimum=0, maximum=99, whole=True), 1, "Tenure is 1 month"),
        (Numeric(name="Tenure", unit="months", minimum=0, maximum=99, whole=True), 2, "Tenure is 2 months"),
        (Numeric(name="Delay", unit="ms", minimum=0, maximum=99, whole=True), 1, "Delay is 1 ms"),
        (Numeric(name="Stock", unit="boxes", minimum=0, maximum=99, whole=True), 1, "Stock is 1 boxes"),
        (Numeric(name="Set {a}", unit="{b}s", minimum=0, maximum=99, whole=True), 2, "Set {a} is 2 {b}s"),
        (Numeric(name="Data GB", minimum=0, maximum=9999), 5.1, "Data GB is 5.1"),
        (Numeric(name="Data GB", minimum=0, maximum=9999), 1234.567, "Data GB is 1,234.57"),
        (Numeric(name="Data GB", minimum=0, maximum=9999), 100.0, "Data GB is 100"),
        (Numeric(name="Share", minimum=0, maximum=1), 0.004, "Share is 0.004"),
        (Numeric(name="Share", minimum=0, maximum=1), 0.0123456, "Share is 0.0123"),
        (Numeric(name="Share", minimum=-1, maximum=1), -0.5, "Share is -0.5"),
        (Numeric(name="Share", minimum=0, maximum=1), 0.0, "Share is 0"),
        (Numeric(name="Share", minimum=0, maximum=1), 0.99999, "Share is 1"),
        (Numeric(name="Share", minimum=0, maximum=1), 5e-324, "Share is 4.94e-324"),
        (Numeric(name="Fee", unit="€", minimum=0, maximum=9999, is_amount=True), 5.1, "Fee is 5.10 €"),
        (Numeric(name="Fee", unit="€", minimum=0, maximum=9999, is_amount=True), 0.5, "Fee is 0.50 €"),
        (Numeric(name="Fee", unit="€", minimum=0, maximum=9999, is_amount=True), 0.0855, "Fee is 0.0855 €"),
        (Categorical(name="Plan", values=('the "big" one', "b")), 'the "big" one', "Plan is 'the \"big\" one'"),
    ],
)
def test_values_are_written_as_people_would(feature, value, words):
    assert phrase(feature, value) == words


@pytest.mark.parametrize(
    ("name", "unit", "note"),
    [
        ("Monthly fee €", "€", "Monthly fee € 80 is beyond the 52 of the training data."),
        ("Tenure (months)", "months", "Tenure (months) 80 is beyond the 52 of the training data."),
        ("tenure", "months", "tenure 80 is beyond the 52 months of the training data."),
    ],
)
def test_a_note_names_a_unit_once(name, unit, note):
    schema = Schema(features=(Numeric(name=name, unit=unit, minimum=0, maximum=99),), example={}, target=Target("left"))

    assert notes(SimpleNamespace(ranges={name: (0.0, 52.0)}, schema=schema, plausibility=None), {name: 80.0}) == [note]
