"""JSON to raw values: what is read, and the sentence for what is not."""

import pytest
from jsonschema import Draft202012Validator
from shipped import CUSTOMER_ID, EXAMPLE, SCHEMA

from model.errors import CustomerError, InputError
from model.json_schema import json_schema
from model.parse import customer_id, parse_customer, parse_json, resolve
from model.schema import Numeric, Schema, Target


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no_body"),
        (b" \n ", "no_body"),
        (b"\xef\xbb\xbf", "no_body"),
        (b"{", "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": 1} x', "not_json"),
        (b"tenure=12", "not_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": 1, "a": 2}', "repeated_key"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    ],
    ids=["nothing", "blank", "bom", "cut off", "single quotes", "rest", "form", "latin-1", "key twice", "deep"],
)
def test_a_body_that_is_no_json_is_refused_with_its_reason(body, code):
    with pytest.raises(InputError) as caught:
        parse_json(body)

    assert caught.value.problem.code == code


def test_the_problem_of_a_broken_body_names_where_it_breaks():
    with pytest.raises(InputError, match=r"at line 2, column 1"):
        parse_json(b'{"tenure": 12\n"Partner": "Yes"}')


@pytest.mark.parametrize("text", ["1e400", "-1e999", "NaN", "Infinity", "9" * 5000])
def test_a_number_that_float_cannot_hold_goes_on_as_its_text(text):
    assert parse_json(b'{"tenure": ' + text.encode() + b"}") == {"tenure": text}


@pytest.mark.parametrize("value", [[], [1], "text", 12, None, True])
def test_what_is_no_object_is_no_customer(value):
    with pytest.raises(InputError) as caught:
        parse_customer(value, SCHEMA)

    assert caught.value.problem.code == "not_an_object"


def test_a_wrapped_customer_is_refused_with_advice():
    with pytest.raises(InputError, match=r'wrapped in "customer"'):
        parse_customer({"customer": dict(EXAMPLE)}, SCHEMA)


def test_names_are_matched_trimmed_and_without_regard_to_case():
    actual = parse_customer({f" {name.upper()} ": value for name, value in EXAMPLE.items()}, SCHEMA)

    assert actual == EXAMPLE


def test_an_exact_name_beats_a_differently_cased_twin():
    assert parse_customer({"TENURE": 1, "tenure": 2, "Tenure": 3}, SCHEMA)["tenure"] == 2


def test_twins_neither_of_which_is_exact_are_refused():
    with pytest.raises(CustomerError, match=r'tenure is given more than once: as "TENURE" and "Tenure"'):
        parse_customer({"TENURE": 1, "Tenure": 3}, SCHEMA)


def test_unknown_names_are_ignored():
    assert parse_customer({"tenure": 1, "colour": "blue"}, SCHEMA) == {"tenure": 1}


def test_a_letter_that_looks_like_one_of_ascii_is_another():
    # lower() turns the Kelvin sign into a k.
    assert resolve(["\u212aontrakt", "tenure\u00a0"], SCHEMA) == ({"tenure": 1}, {})


@pytest.mark.parametrize(("value", "expected"), [("00042", "00042"), (" NA ", "NA"), (42, "42"), (None, "")])
def test_an_id_is_text_or_a_whole_number(value, expected):
    assert customer_id({CUSTOMER_ID: value}, SCHEMA) == expected


@pytest.mark.parametrize("value", [1.5, True, [], {}])
def test_anything_else_is_no_id(value):
    with pytest.raises(CustomerError, match=r"customerID must be text or a whole number"):
        customer_id({CUSTOMER_ID: value}, SCHEMA)


def test_an_alias_is_the_name_of_its_feature_unless_the_name_itself_is_there():
    schema = Schema(
        features=(Numeric(name="Tenure (months)", minimum=0, maximum=100, aliases=("tenure_m", "Months")),),
        example={"Tenure (months)": 1.0},
        target=Target("left"),
    )

    assert resolve(["x", "MONTHS "], schema) == ({"Tenure (months)": 1}, {})
    assert resolve(["months", "tenure (months)"], schema)[0] == {"Tenure (months)": 1}
    assert resolve(["months", "tenure_m"], schema)[1] == {"Tenure (months)": ["months", "tenure_m"]}


def test_a_customer_without_any_feature_is_refused_where_all_may_be_missing():
    features = tuple(Numeric(name=name, minimum=0, maximum=9, accepts_missing=True) for name in ("visits", "orders"))
    schema = Schema(features=features, example={}, target=Target("left"), id="no")

    assert parse_customer({"Orders": None}, schema) == {"orders": None}
    for value in ({}, {"no": "7"}, {"order": 3}):
        with pytest.raises(CustomerError, match="None of visits or orders is there: nothing is known of this customer"):
            parse_customer(value, schema)
        assert not Draft202012Validator(json_schema(schema)).is_valid(value)
