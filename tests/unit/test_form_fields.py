"""The fields of the page: how each kind of feature is asked for, and ids that a browser can use."""

import json

import pytest
from shipped import SCHEMA

from app.settings import Settings
from app.web import create_app
from app.web.form_fields import NOT_KNOWN, Field, fields, period
from model.schema import Categorical, Feature, Numeric, Schema, Target
from model.scorecard import Scorecard
from model.terms import StepTerm, TableTerm

LEFT = Target("left")
WORDS = tuple(f"model {number}" for number in range(1, 10_001))


def field_of(feature: Feature, example: object = None, **roles: str) -> Field:
    return fields(Schema(target=LEFT, features=(feature,), example={feature.name: example}, **roles), {})[0]


def test_a_few_short_words_are_side_by_side_with_the_missing_one():
    field = field_of(Categorical(name="paid", values=("no", "yes"), is_flag=True, accepts_missing=True))

    assert [(option.value, option.text) for option in field.options] == [
        ("no", "no"),
        ("yes", "yes"),
        ("", NOT_KNOWN),
    ]
    assert field.is_few
    assert field.default == ""


def test_long_words_are_in_a_list():
    assert not field_of(Categorical(name="plan", values=("a" * 40, "b" * 40)), "a" * 40).is_few


def test_twelve_words_are_chosen_from_and_more_are_typed():
    assert len(field_of(Categorical(name="plan", values=WORDS[:12]), WORDS[0]).options) == 12
    many = field_of(Categorical(name="plan", values=WORDS), WORDS[0])
    assert (many.options, many.words) == ((), WORDS)


def test_a_feature_that_accepts_other_words_is_typed():
    field = field_of(Categorical(name="plan", values=("a", "b"), accepts_other=True, accepts_missing=True), "a")

    assert (field.options, field.words, field.hint) == ((), ("a", "b"), "Blank if it is not known.")


@pytest.mark.parametrize(
    ("value", "shown"), [(70.35, "70.35"), (5.0, "5.00"), (0.0012, "0.0012"), (1e15, "1000000000000000.00"), (None, "")]
)
def test_an_example_keeps_its_decimals(value, shown):
    assert field_of(Numeric(name="rate", minimum=0, maximum=1e15, accepts_missing=True), value).default == shown


@pytest.mark.parametrize(("unit", "expected"), [("euros a month", "a month"), ("kr per year", "per year"), ("€", "")])
def test_the_period_of_the_money_is_the_end_of_its_unit(unit, expected):
    money = Numeric(name="fee", minimum=0, maximum=9, unit=unit)

    assert period(Schema(target=LEFT, features=(money,), example={"fee": 1}, money="fee")) == expected


def test_the_period_of_the_shipped_model_is_a_month():
    assert period(SCHEMA) == "a month"


def page_of(schema: Schema) -> str:
    terms = tuple(
        TableTerm(feature.name, dict.fromkeys(feature.levels, 0.0))
        if isinstance(feature, Categorical)
        else StepTerm(feature.name, (), (0.0,))
        for feature in schema.features
    )
    scorer = Scorecard(schema, "1.0.0", "0" * 64, 0.5, {"high": 0.5, "medium": 0.2, "low": 0}, -1.0, terms, {})
    client = create_app(scorer, Settings()).test_client()
    return client.get("/", headers={"Accept": "text/html"}).text


def test_no_name_of_a_feature_takes_an_id_of_the_page():
    names = ("content", "reasons", "two words", 'a "quote"', "<b>", "plain")
    features = tuple(Numeric(name=name, minimum=0, maximum=9) for name in names)
    schema = Schema(target=LEFT, features=features, example=dict.fromkeys(names, 1.0))

    page = page_of(schema)

    assert page.count('id="content"') == page.count('id="reasons"') == 1
    assert 'id="feature-3" name="two words"' in page
    assert 'id="plain" name="plain"' in page
    assert "<b>" not in page


def test_ten_thousand_words_are_proposed_and_none_is_in_the_page_twice():
    feature = Categorical(name="handset", values=WORDS, actionable=True)

    page = page_of(Schema(target=LEFT, features=(feature,), example={"handset": WORDS[0]}))

    assert page.count('<option value="model 10000">') == 1
    assert page.count('list="handset-words"') == 2


def test_every_amount_is_in_the_currency_of_the_schema():
    money = Numeric(name="fee", minimum=0, maximum=9, unit="kr a year")

    page = page_of(Schema(target=LEFT, features=(money,), example={"fee": 1.0}, money="fee", currency="kr"))

    assert ' data-currency="kr" data-period="a year">' in page
    assert json.dumps({"fee": 1.0}).replace('"', "&#34;") in page
