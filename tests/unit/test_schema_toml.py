"""schema.toml: what it is read as, what is written, and errors that name the file, line, key, rule and value."""

import time

import pytest

from model import artifact
from model.errors import ArtifactError
from model.schema import Blank
from model.schema_toml import MAX_BYTES, parse_toml, read_toml, to_toml

BANK = r'''# A bank.
id = "Account"
target = { column = "Closed", positive = "closed", negative = "open" }
money = "Fee €"
segments = ["Card"]
currency = "€"

[[features]]
name = "Balance, month end"
kind = "number"
minimum = -1e6
maximum = 1_000_000
help = """As in \
[[features]]"""

[[features]]
name = "Card"
kind = "category"
values = [
    "Café",
    "none",  # "[[features]]"
]
missing = "accept"
other = "accept"
[features.synonyms]
"Café" = ["Kaffee"]

[[features]]
name = "Fee €"
kind = "number"
minimum = 0
maximum = 500
missing = { equals = 0, when = { Card = "none" } }
'''


def refusal(text: str) -> str:
    with pytest.raises(ArtifactError) as refused:
        parse_toml(text, "schema.toml")
    return str(refused.value)


def test_a_schema_file_is_read():
    schema = parse_toml(BANK, "schema.toml")

    assert schema.columns == ("Account", "Balance, month end", "Card", "Fee €")
    assert schema.target.words == {"closed": 1, "open": 0}
    assert schema.by_name["Card"].levels == ("Café", "none", "(other)", None)
    assert schema.by_name["Card"].spellings["kaffee"] == "Café"
    assert schema.by_name["Fee €"].blank == Blank(0.0, "Card", "none")
    assert schema.currency == "€"


@pytest.mark.parametrize("schema", [artifact.first_schema(), parse_toml(BANK, "bank")], ids=["shipped", "bank"])
def test_what_is_written_is_read_as_the_same_schema(schema):
    text = to_toml(schema, ["Above\nall"], {"horizon": ["To fill in"], schema.names[1]: ["About it"]}, ["Below"])

    assert parse_toml(text, "schema.toml") == schema
    assert text.startswith("# Above all\n\n")
    assert text.endswith("\n\n# Below\n")
    assert "# About it\n[[features]]\n" in text


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            'values = [\n    "Café"',
            'values = [\n    3.5',
            ("schema.toml, line 19: feature Card: values[0] must be a word: text that is not blank, or a whole number, "
            "not 3.5."),
        ),
        (
            "maximum = 500",
            'maximum = "500"',
            'schema.toml, line 32: feature Fee €: maximum must be a number from -1e+15 to 1e+15, not "500".',
        ),
        (
            '"Café" = ["Kaffee"]',
            '"Cafe" = ["Kaffee"]',
            "schema.toml, line 26: feature Card: synonyms.Cafe is not known; the keys are Café, none.",
        ),
        (
            'money = "Fee €"',
            'money = "Card"',
            'schema.toml, line 4: money must be a feature that is a number, not "Card".',
        ),
        (
            'Card = "none"',
            'Cart = "none"',
            ('schema.toml, line 33: feature Fee €: missing.when must be a feature that comes before this one and has '
            'no such rule itself, not "Cart".'),
        ),
        (
            'currency = "€"',
            "currency = €",
            "schema.toml, line 6: this is not TOML: invalid value.",
        ),
        (
            'kind = "category"\n',
            "",
            "schema.toml, line 16: feature Card: kind is missing; it must be text.",
        ),
        (
            'segments = ["Card"]',
            'segment = ["Card"]',
            ("schema.toml, line 5: segment is not known; the keys are id, target, positive, negative, money, segments, "
            "currency, horizon, example, features."),
        ),
    ],
)  # fmt: skip
def test_an_error_names_the_file_the_line_the_key_the_rule_and_the_value(before, after, message):
    assert before in BANK

    assert refusal(BANK.replace(before, after)) == message


def test_a_key_that_is_missing_at_the_top_is_named_with_the_first_line():
    assert (
        refusal('features = []\nid = "a"') == "schema.toml, line 1: features must be a list of 1 to 60 features, not 0."
    )


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = " + "[" * 200_000,
        "a = " + "{a=" * 5_000,
        ".".join("a" * 1_000_000) + " = 1",
        '"a"' + '."a"' * 500_000 + " = 1",
        "a = " + "9" * 10_000,
        "[[features]]\n" * 50_000,
        "a" * MAX_BYTES,
        '"' * 1_000_000,
        "[[a]]\n" * 100_000,
        "id = 'a'\n" * 2,
    ],
)
def test_hostile_text_is_refused_in_a_sentence_and_soon(text):
    started = time.process_time()
    message = refusal(text)

    assert message.startswith("schema.toml")
    assert len(message) < 400
    assert time.process_time() - started < 5


def test_files_that_are_no_schema_are_refused(tmp_path):
    path = tmp_path / "schema.toml"
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        read_toml(path)
    path.write_bytes(b'id = "a"\ntarget = "\xff"\n')
    with pytest.raises(ArtifactError, match=r"schema\.toml, line 2: the file is not UTF-8 text"):
        read_toml(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ArtifactError, match=r"longer than 4,194,304 bytes"):
        read_toml(path)
    path.write_bytes(b"\xef\xbb\xbf" + BANK.replace("\n", "\r\n").encode())
    assert read_toml(path) == parse_toml(BANK, "bank")


def test_an_example_that_does_not_fit_is_named_with_what_to_do():
    text = """target = "left"
[example]
Country = "DE"
[[features]]
name = "Country"
kind = "category"
values = ["AT", "CH"]
"""

    with pytest.raises(ArtifactError) as error:
        parse_toml(text, "schema.toml")

    assert str(error.value) == (
        'schema.toml, line 3: example: Country must be "AT" or "CH", not "DE". Change it or remove [example].'
    )
