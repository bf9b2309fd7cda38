"""What a schema may not hold though each key is right: names, words and numbers that break or mislead later."""

import time

import pytest

from model.errors import ArtifactError, CustomerError
from model.explain import phrase
from model.parse import parse_customer, parse_json
from model.schema_file import read_schema
from model.schema_toml import parse_toml
from model.strict_json import Member
from model.validate import validate

FLAG = {"name": "vip", "kind": "flag", "values": ["No", "Yes"]}
WORDS = {"name": "Country", "kind": "category", "values": ["US", "FR"], "other": "accept", "missing": "accept"}
NUMBER = {"name": "visits", "kind": "number", "minimum": 0, "maximum": 10, "whole": True}


def read(*features: dict, **top: object):
    return read_schema(Member({"target": "left", **top, "features": list(features or (FLAG, WORDS, NUMBER))}, "it"))


def refusal(*features: dict, **top: object) -> str:
    with pytest.raises(ArtifactError) as refused:
        read(*features, **top)
    return str(refused.value)


SEEN = "without line breaks, tabs and invisible characters, such as those that join emoji"


@pytest.mark.parametrize(
    "text", ["a\nb", "a\tb", "a\x00b", "a\x85b", "a\u2028b", "a\ud800b", "👩\u200d👩", "\u2764\ufe0f", "a\n", "\x7fa"]
)
def test_no_name_and_no_word_has_what_nobody_sees(text):
    if text.strip() == text:
        assert f"features[0].name must be the name of a column, {SEEN}, not " in refusal({**FLAG, "name": text})
        assert f"values[1] must be a word {SEEN}, not " in refusal({**WORDS, "values": ["a", text]})
    assert "features[0].aliases[0] must be the name of a column, " in refusal({**FLAG, "aliases": [text]})
    assert "positive must be a word " in refusal(positive=text)


def test_the_rule_of_a_name_or_word_is_the_one_that_it_breaks():
    assert "id must be the name of a column, of 1 to 500 characters, not " in refusal(id="a" * 501)
    assert "id must be the name of a column, without spaces around it, not " in refusal(id="a ")
    assert "values[0] must be a word of 1 to 500 characters, not" in refusal({**WORDS, "values": ["a" * 501, "b"]})
    assert (
        "values[0] must be a word: text, or a whole number nearer to 0 than 1,000,000,000,000,000, not 10"
        in refusal({**WORDS, "values": [10**15, "b"]})
    )
    assert read({**WORDS, "values": ["😀", "Mois\u00a0à mois"]}).features[0].values == ("😀", "Mois\u00a0à mois")


@pytest.mark.parametrize("word", ["(OTHER)", "(Other)", "(missing)", "(Missing)"])
def test_the_words_for_other_and_missing_are_taken(word):
    assert f"values[1] must be another word than {word.lower()}, which means a" in refusal(
        {**WORDS, "values": ["a", word]}
    )


@pytest.mark.parametrize("name", ["row", "Prediction", "probability", "value_at_risk", "probability_low", "reason_12"])
def test_no_feature_is_named_like_a_column_of_the_results(name):
    advice = "must be another name: the results have a column of this name; rename the column, not"
    assert f"features[0].name {advice}" in refusal({**FLAG, "name": name})
    assert f"features[0].aliases[0] {advice}" in refusal({**FLAG, "aliases": [name]})
    assert "id must be a column that no column of the results is named like" in refusal(id=name)


@pytest.mark.parametrize("name", ["notes", "probability_high", "Reason_1"])
def test_no_id_is_named_like_a_column_of_the_results(name):
    assert "id must be a column that no column of the results is named like" in refusal(id=name)


@pytest.mark.parametrize("alias", ["customers", "Customer", "changes"])
def test_no_alias_is_a_member_of_a_body_around_customers(alias):
    assert "aliases[0] must be another name: a JSON body has a member" in refusal({**FLAG, "aliases": [alias]})


@pytest.mark.parametrize("values", [["Yes", "No"], ["true", "false"], [1, 0], ["t", "f"], ["x", "no"], ["JA", "x"]])
def test_a_flag_whose_words_are_reversed_is_refused(values):
    assert "values must be no first and yes second: JSON's false means the first word, true the second" in refusal(
        {**FLAG, "values": values}
    )


def test_a_flag_whose_synonyms_are_reversed_is_refused():
    assert "synonyms must be no first and yes second" in refusal(
        {**FLAG, "values": ["off", "ein"], "synonyms": {"ein": ["NO"]}}
    )
    assert read({**FLAG, "values": ["F", "M"]}, {**FLAG, "name": "b", "values": ["M", "F"]})


@pytest.mark.parametrize(
    "text", ["{value!r}", "{value:>9}", "{value.x}", "{s[0]}", "{}", "{0}", "{x}", "{value:{s}}", "{"]
)
def test_the_phrase_of_a_number_has_the_number_and_the_plural_only(text):
    assert "phrases must be the beginning of a sentence with {value} and" in refusal({**NUMBER, "phrases": text})


def test_braces_are_text_in_a_unit_and_in_a_phrase():
    first, second = read(
        {**NUMBER, "unit": "{x} {0}", "label": "{"}, {**NUMBER, "name": "b", "phrases": "{{{value}}} day{s}"}
    ).features

    assert phrase(first, 3) == "{ is 3 {x} {0}"
    assert phrase(second, 1) == "{1} day"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actionable": False, "changes": [-0.1]}, "actionable must be true where there are changes"),
        ({"actionable": True, "changes": []}, "changes must be a list of 1 to 20 relative changes, not 0"),
        ({"changes": [0.1] * 21}, "changes must be a list of 1 to 20 relative changes, not 21"),
        ({"changes": [0]}, "changes[0] must be a relative change from -1 to 10 that is not 0"),
        ({"changes": [0.1, 0.1]}, "changes[1] must be unlike the other changes, not 0.1"),
        ({"groups": [1, 11]}, "groups[1] must be a number from minimum to maximum, not 11"),
        ({"groups": [i / 10 for i in range(51)]}, "groups must be a list of 1 to 50 numbers, not 51"),
    ],
)
def test_changes_and_groups_make_sense(change, message):
    assert message in refusal({**NUMBER, **change})


def test_what_a_blank_means_is_a_value_of_the_number_and_when_is_no_blank():
    rule = {"equals": 0.9, "when": {"Country": "US"}}
    assert "missing.equals must be a whole number from minimum to maximum, not 0.9" in refusal(
        WORDS, {**NUMBER, "missing": rule}
    )
    for blank in ("", " ", None):
        rule = {"equals": 0, "when": {"Country": blank}}
        assert "missing.when.Country must be a value of Country that is not blank" in refusal(
            WORDS, {**NUMBER, "missing": rule}
        )


def test_the_words_of_the_target_are_stated_once_and_apart():
    table = {"column": "left", "positive": "a", "negative": "b"}
    assert "positive must be in the table target, as target is a table" in refusal(target=table, positive="a")
    assert "negative must be in the table target, as target is a table" in refusal(target=table, negative="b")
    assert 'negative is missing; it must be the word of those who stayed, as positive is "no"' in refusal(positive="no")
    assert read(positive="no", negative="yes").target.words == {"no": 1, "yes": 0}


def test_a_segment_in_another_case_is_refused_with_the_reason():
    assert "segments[0] must be a feature, once, as its name is written (upper and lower case matter)" in refusal(
        segments=["country"]
    )


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "12.0", "12", "9" * 5_000])
def test_a_number_is_no_word_of_a_feature_without_numbers(number):
    schema = read(WORDS)
    with pytest.raises(CustomerError, match=r"Country must be a word \(text\), not "):
        validate(parse_customer(parse_json(f'{{"Country": {number}}}'.encode()), schema), schema.features)
    assert validate({"Country": "NaN"}, schema.features) == {"Country": "(other)"}


TOML = """target = "left"

[[features]]
name = "Country"
kind = "category"
values = ["US", "FR"]

[example]
# Where most are.
Country = "US"
"""


def toml_refusal(text: str) -> str:
    with pytest.raises(ArtifactError) as refused:
        parse_toml(text, "s.toml")
    return str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '"US"\n',
            '"DE"\n',
            's.toml, line 10: example: Country must be "US" or "FR", not "DE". Change it or remove [example].',
        ),
        (
            'Country = "US"',
            "",
            's.toml, line 8: example: Country is missing; it must be "US" or "FR". Change it or remove [example].',
        ),
        ('Country = "US"', 'Country = "US"\nx = 1', "s.toml, line 11: example.x is not known; the keys are Country."),
        (
            'target = "left"',
            '[target]\ncolumn = "left"\npositive = 1.5',
            "s.toml, line 3: target.positive must be a word: text that is not blank, or a whole number, not 1.5.",
        ),
        ("[example]", "[sample]", "s.toml, line 8: sample is not known; the keys are id, target, positive, negative, "),
        ('"FR"]', '"FR"]\nhelp.x = 1', "s.toml, line 7: feature Country: help must be text, not an object."),
    ],
)
def test_an_error_in_a_table_names_its_line(before, after, message):
    assert before in TOML

    assert toml_refusal(TOML.replace(before, after)).startswith(message)


def test_a_line_is_named_however_far_down_it_is():
    assert toml_refusal("\n" * 300_000 + "a = 1").startswith("s.toml, line 300001: a is not known")
    assert toml_refusal("# x\na = " + "9" * 5_000) == "s.toml, line 2: a number has more than 4,300 digits."


def test_a_number_too_long_to_be_written_is_refused_in_a_sentence():
    text = TOML.replace('["US", "FR"]', f"[0x{'f' * 5_000}, 1]")

    assert toml_refusal(text).endswith("not a number of more than 300 digits.")


@pytest.mark.no_cover
@pytest.mark.parametrize("part", [r'"a\"b"', "'a'", "a", '"a.b"'])
def test_keys_of_many_parts_are_refused_soon(part):
    started = time.process_time()

    assert toml_refusal("x = 1\n" + ".".join([part] * 100_000) + " = 1") == (
        "s.toml, line 2: a key has too many parts joined by dots."
    )
    assert time.process_time() - started < 2


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "text", ['\\"' * 500_000, '"\\' * 500_000, "'\"" * 500_000, '"""' + '"" ' * 500_000, "'''" * 300_000]
)
def test_quotes_that_never_end_are_read_once(text):
    started = time.process_time()

    assert toml_refusal(text).startswith("s.toml")
    assert time.process_time() - started < 3


def test_dots_in_a_text_are_no_key():
    text = 'help = "a.b.c.d.e.f.g.h.i.j.k.l \\" a.b.c.d.e.f.g.h.i.j.k"  # a.b.c.d.e.f.g.h.i.j.k.l'

    assert parse_toml(TOML.replace("kind =", f"{text}\nkind ="), "s.toml").features[0].help.startswith("a.b.c")
