"""Words and names beyond ASCII: case and Unicode form do not matter, and nothing becomes ASCII that is none."""

from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.actions import HEADER, ActionsError, parse
from model.bulk.header import check_header
from model.errors import ArtifactError, CustomerError
from model.parse import parse_changes, parse_customer
from model.schema import fold
from model.schema_file import read_schema
from model.strict_json import Member
from model.validate import find_word, validate

CITY = {"name": "Überzugsquote", "kind": "category", "values": ["Genève", "Łódź", "Οδός", "Straße"], "other": "accept"}
REGION = {"name": "Région", "kind": "flag", "values": ["não", "sim"], "aliases": ["Zürich"]}


def read(*features: dict, **top: object):
    return read_schema(Member({"target": "Gekündigt?", **top, "features": list(features or (CITY, REGION))}, "it"))


SAME = [
    *[("Genève", text) for text in ("GENÈVE", "genève", "gENÈve", " Genève\u200b", normalize("NFD", "GENÈVE"))],
    *[("Łódź", text) for text in ("łódź", "ŁÓDŹ", normalize("NFD", "Łódź"))],
    *[("Οδός", text) for text in ("ΟΔΌΣ", "οδόσ", normalize("NFD", "ΟΔΌΣ"))],
    *[("Straße", text) for text in ("straße", "STRAßE", "STRAẞE")],
]


@pytest.mark.parametrize(("word", "text"), SAME)
def test_case_and_unicode_form_do_not_matter(word, text):
    assert fold(text) == fold(word)
    assert find_word(read().features[0], text) == word


@pytest.mark.parametrize("text", ["Geneve", "Lódź", "STRASSE", "Strasse", "ΟΔΟΣ", "\u212aontrakt"])
def test_accents_and_other_letters_matter(text):
    assert find_word(read().features[0], text) == "(other)"


@pytest.mark.parametrize(
    ("text", "plain"),
    [("\u212a", "k"), ("ſ", "s"), ("İ", "i"), ("I\u0307", "i"), ("\u037e", ";"), ("\u1fef", "`"), ("ＮＯ", "no")],
)  # fmt: skip
def test_what_looks_like_ascii_is_not_taken_for_it(text, plain):
    assert fold(text) != plain
    assert fold(f"é{text}") != f"é{plain}"


def test_no_character_beyond_ascii_becomes_ascii():
    codes = [*range(0x80, 0xD800), *range(0xE000, 0x110000)]
    folded = {chr(code): fold(f"é{chr(code)}é")[1:-1] for code in codes}

    assert not [hex(ord(letter)) for letter, text in folded.items() if any(other < "\x80" for other in text)]


@given(st.text(max_size=20))
def test_folding_is_what_it_was_for_ascii_and_keeps_what_is_none(text):
    assert fold(text).isascii() == fold(fold(text)).isascii()
    plain = "".join(letter for letter in text if letter < "\x80" and letter != '"')
    assert fold(plain) == plain.strip().lower()


@pytest.mark.parametrize("name", ["überzugsquote", "ÜBERZUGSQUOTE", normalize("NFD", "Überzugsquote")])
def test_a_name_is_found_in_any_case_and_form(name):
    schema = read()

    assert parse_customer({name: "x", "RÉGION": "SIM"}, schema) == {"Überzugsquote": "x", "Région": "SIM"}
    assert parse_changes({name: "x"}, schema) == {"Überzugsquote": "x"}
    assert check_header([name, "ZÜRICH"], schema) == {"Überzugsquote": 0, "Région": 1}
    assert validate({"Überzugsquote": "GENÈVE", "Région": "NÃO"}, schema.features) == {
        "Überzugsquote": "Genève",
        "Région": "não",
    }


def test_twins_beyond_ascii_are_twins():
    with pytest.raises(CustomerError, match='Région is given more than once: as "RÉGION" and "région"'):
        parse_customer({"RÉGION": "sim", "région": "não"}, read())
    assert parse_customer({"RÉGION": "sim", "Région": "não"}, read()) == {"Région": "não"}


@pytest.mark.parametrize("form", ["GENÈVE", normalize("NFD", "Genève")])
def test_a_schema_has_a_word_and_a_name_once(form):
    values = [*CITY["values"], form]
    with pytest.raises(ArtifactError, match=r'values\[4\] must be a word that is unlike "Genève"'):
        read({**CITY, "values": values})
    with pytest.raises(ArtifactError, match="must be a spelling of one word only"):
        read({**CITY, "synonyms": {"Łódź": [form]}})
    with pytest.raises(ArtifactError, match="must be unlike the name of any other feature"):
        read({**CITY, "name": "Genève"}, {**REGION, "name": form})
    with pytest.raises(ArtifactError, match="must be unlike the name and the aliases"):
        read({**CITY, "name": "Genève"}, {**REGION, "aliases": [form]})
    with pytest.raises(ArtifactError, match="target must be another column"):
        read({**CITY, "name": "Genève"}, target=form)
    with pytest.raises(ArtifactError, match="positive must be another word"):
        read(positive="Genève", negative=form)


def test_a_spelling_of_its_own_word_is_no_mistake():
    schema = read({**CITY, "synonyms": {"Genève": ["GENÈVE", "Geneve", "GENEVE"]}})

    assert schema.features[0].synonyms == {"geneve": "Genève"}


@pytest.mark.parametrize("values", [["SÍ", "no"], ["x", "NÃO"]])
def test_reversed_words_of_a_flag_are_found_in_any_case(values):
    with pytest.raises(ArtifactError, match="values must be no first and yes second"):
        read({**REGION, "values": values})


def test_the_words_of_the_target_are_found_in_any_case():
    target = read(positive="Gekündigt", negative="läuft").target

    assert target.words == {"gekündigt": 1, "läuft": 0}


def actions(line: str):
    return parse(f"{','.join(HEADER)}\n{line}\n".encode(), Path("actions.csv"), read())


@pytest.mark.parametrize("name", ["Überzugsquote", "ÜBERZUGSQUOTE"])
def test_a_table_of_actions_is_for_the_words_it_names(name):
    (action,) = actions(f"{name},GENÈVE,łódź,Offer to move.")
    (other,) = actions(f"{name},(other),Łódź,Offer to move.")

    assert (action.feature, action.only_for, action.to) == ("Überzugsquote", "Genève", "Łódź")
    assert other.only_for == "(other)"


@pytest.mark.parametrize("line", ["Überzugsquote,Geneve,Łódź,Offer", "Überzugsquote,,Geneve,Offer"])
def test_a_word_that_is_not_listed_is_no_word_for_an_action(line):
    with pytest.raises(ActionsError, match=r'Line 2 .*: "Geneve" is no word of Überzugsquote; \(other\) is any'):
        actions(line)
