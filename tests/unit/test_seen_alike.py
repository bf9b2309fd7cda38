"""What looks the same is the same, or is shown to differ: invisible characters, quotes after spaces, look-alikes."""

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped import CUSTOMER_ID, EXAMPLE, FEATURES, NAMES, SCHEMA

from model.bulk.columns import _MAY_BE_INVISIBLE, Columns
from model.bulk.run import Run
from model.bulk.table import TableRecords
from model.errors import CustomerError, InputError, show
from model.parse import customer_id, parse_customer, resolve
from model.text import clean, clean_id, has_invisible
from model.validate import validate

HEADER = [CUSTOMER_ID, *NAMES]


def to_csv(*rows: dict[str, str], header: list[str] | None = None) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header or HEADER)
    for changes in rows:
        writer.writerow([{CUSTOMER_ID: "A", **EXAMPLE, **changes}[name] for name in HEADER])
    return file.getvalue().encode()


def run(data: bytes, scorer):
    """The ids and the codes of the errors, in file order."""
    ids, codes = [], []
    for block in Run(io.BytesIO(data), scorer):
        ids += block.ids.to_pylist()
        codes += [[item.code for item in block.problems.get(position, ())] for position in range(block.rows)]
    return ids, codes


SAME = [
    *("\ufeff7590-VHVEG", "7590-VHVEG\u200b", "75\u00ad90-VHVEG", "\u200e7590-VHVEG\u200f", "\u20607590-VHVEG"),
    *(
        "7590-VHVEG\x1a",
        "7590\0-VHVEG",
        "\x7f7590-VHVEG",
        "7590-VHVEG\u00a0",
        "\u20077590-VHVEG\u202f",
        "7590-\x85VHVEG",
    ),
    *(
        ' "7590-VHVEG"',
        '\t"7590-VHVEG" ',
        ' \ufeff"7590-VHVEG"',
        "\ufeff 7590-VHVEG",
        " 7590-VHVEG ",
        "\u20687590-VHVEG\u2069",
    ),
]


@pytest.mark.parametrize("value", SAME, ids=ascii)
def test_an_id_is_the_same_at_every_entry_point_whatever_nobody_sees_in_it(toy_scorecard, client, value):
    customer = {CUSTOMER_ID: value, **EXAMPLE}
    columns = Columns(SCHEMA, HEADER, {name: position for position, name in enumerate(HEADER)}, ",", id_required=True)
    table = TableRecords([pa.array([str(customer[name])]) for name in HEADER])

    assert customer_id(customer, SCHEMA) == "7590-VHVEG"
    assert client.post("/v2/customers", json=customer).json[CUSTOMER_ID] == "7590-VHVEG"
    assert run(to_csv({CUSTOMER_ID: value}), toy_scorecard) == (["7590-VHVEG"], [[]])
    assert (
        run(to_csv({CUSTOMER_ID: value}, {CUSTOMER_ID: value, "tenure": "x"})[:-1], toy_scorecard)[0]
        == ["7590-VHVEG"] * 2
    )
    assert columns.parse_table(table, 1).ids.to_pylist() == ["7590-VHVEG"]


def test_an_invisible_difference_makes_no_second_customer(client):
    rows = to_csv({CUSTOMER_ID: "7590"}, {CUSTOMER_ID: "\ufeff7590"})

    answer = client.post("/v1/customerbatch", data={"file": (io.BytesIO(rows), "a.csv")})

    assert (answer.status_code, answer.json["code"]) == (422, "duplicate_id")


@pytest.mark.parametrize("value", ["\ufeff", "\u200b\u200b", "\x1a", " \u00a0", ' ""'], ids=ascii)
def test_an_id_of_nothing_that_can_be_seen_is_blank(toy_scorecard, value):
    actual = [
        [problem.code for problem in problems]
        for block in Run(io.BytesIO(to_csv({CUSTOMER_ID: value})), toy_scorecard, id_required=True)
        for problems in block.problems.values()
    ]

    assert actual == [["blank_id"]]


@pytest.mark.parametrize("name", ['call "hi"', '"a"', "x\ny", "Zoë", "Zoe\u0308", "字", "a b", "'x'", "a\u00a0b"])
def test_an_id_keeps_what_can_be_seen(toy_scorecard, name):
    assert run(to_csv({CUSTOMER_ID: name}), toy_scorecard)[0] == [name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "shape", ["\ufeff{}", "{}\u200b", "\u00a0{}\u202f", ' "{}"', '\t"{}" ', "\u200e {}"], ids=ascii
)
def test_a_cell_is_read_as_it_is_seen_in_a_file_and_in_json(toy_scorecard, name, shape):
    cell = shape.format(EXAMPLE[name])

    assert validate({**EXAMPLE, name: cell}, FEATURES) == validate(EXAMPLE, FEATURES)
    assert run(to_csv({name: cell}), toy_scorecard)[1] == [[]]


@pytest.mark.parametrize("cell", ["1\x002", "12\x1a", "1 2", "1\u00a02"], ids=ascii)
def test_control_characters_and_spaces_inside_a_number_are_shown_and_not_removed(toy_scorecard, cell):
    with pytest.raises(CustomerError) as error:
        validate({**EXAMPLE, "tenure": cell}, FEATURES)

    assert run(to_csv({"tenure": cell}), toy_scorecard)[1] == [["not_a_number"]]
    assert str(error.value).isprintable()
    assert cell not in str(error.value) or cell == "1 2"


def test_names_of_columns_are_cleaned_as_cells_are(toy_scorecard):
    header = ["\ufeffcustomerID", *[f' "{name}"' for name in NAMES[:5]], *[f"{name}\u200b" for name in NAMES[5:]]]

    assert resolve(header, SCHEMA)[0] == {name: position for position, name in enumerate(HEADER)}
    assert parse_customer(dict(zip(header, ["A", *EXAMPLE.values()], strict=True)), SCHEMA) == {
        CUSTOMER_ID: "A",
        **EXAMPLE,
    }
    assert run(to_csv({}, header=header), toy_scorecard) == (["A"], [[]])


def test_a_whole_file_with_a_space_before_each_quote_is_read(toy_scorecard):
    rows = [HEADER, ["7590-VHVEG", *map(str, EXAMPLE.values())], ["0001", *map(str, EXAMPLE.values())]]
    for delimiter in ",;\t":
        data = "".join(f"{delimiter} ".join(f'"{cell}"' for cell in cells) + "\n" for cells in rows).encode()
        assert run(data, toy_scorecard) == (["7590-VHVEG", "0001"], [[], []])


def test_a_separator_inside_quotes_after_a_space_is_named_as_the_cause(toy_scorecard):
    data = to_csv({}) + b'B, "Yes, no",' + ",".join(map(str, list(EXAMPLE.values())[1:])).encode() + b"\n"

    (problems,) = [result for block in Run(io.BytesIO(data), toy_scorecard) for result in block.problems.values()]

    assert problems[0].message == (
        "The row has 12 fields, but the header has 11 fields. A quote after a space does not open a cell, so a "
        "separator inside the quotes cuts it: remove the space after the separator."
    )


@given(st.text(max_size=8))
def test_cleaning_twice_changes_nothing_unless_quotes_are_nested(text):
    once = clean_id(text)

    assert once == once.strip()
    assert clean(once) == once
    assert len(once) <= len(text)


LOOK_ALIKE = {
    "С" + "ontract": '"С (U+0421)ontract"',
    "Yеs": '"Yе (U+0435)s"',
    "Nο": '"Nο (U+03BF)"',
    "ﬁber optic": '"ﬁ (U+FB01)ber optic"',
    "Month–to–month": '"Month– (U+2013)to– (U+2013)month"',
    "СОМ": '"С (U+0421)О (U+041E)М (U+041C)"',
    "Ｙｅｓ": '"Ｙ (U+FF39)ｅ (U+FF45)ｓ (U+FF53)"',
    "１２": '"１ (U+FF11)２ (U+FF12)"',
    # These are what they look like.
    "Zoë": '"Zoë"',
    "Zürich – Süd": '"Zürich – Süd"',
    "Москва": '"Москва"',
    "Александр Смирнов": '"Александр Смирнов"',
    "Ωmega δ": '"Ωmega δ"',
    "字": '"字"',
    "naïve café": '"naïve café"',
    "No": '"No"',
}


@pytest.mark.parametrize("value", LOOK_ALIKE)
def test_a_letter_that_looks_like_another_is_shown_with_its_code_point(value):
    assert show(value) == LOOK_ALIKE[value]


def test_a_message_with_look_alikes_stays_short():
    assert len(show("Ｙ" * 1000)) < 40 + 2 + 3 * 9 + 2


def test_a_look_alike_is_named_in_the_error_of_a_row_and_of_a_header(toy_scorecard):
    with pytest.raises(CustomerError, match=r'not "Yе \(U\+0435\)s"\.'):
        validate({**EXAMPLE, "Partner": "Yеs"}, FEATURES)
    header = ["С" + name[1:] if name == "Contract" else name for name in HEADER]

    with pytest.raises(InputError, match=r"lacks Contract\. .*С \(U\+0421\)ontract"):
        run(to_csv({}, header=header), toy_scorecard)


def test_no_invisible_character_begins_with_a_byte_that_is_not_looked_at():
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        letter = chr(code)
        if has_invisible(letter):
            assert _MAY_BE_INVISIBLE[letter.encode()[0]], hex(code)


@pytest.mark.parametrize("nothing", ["", " ", "\u00a0", "\u200b", " \ufeff "])
@pytest.mark.parametrize("name", ["TotalCharges", "tenure", "Contract"])
def test_a_cell_of_nothing_visible_is_blank_in_a_list_as_it_is_in_json(toy_scorecard, client, name, nothing):
    changes = {"tenure": "0", name: nothing}

    codes = run(to_csv(changes), toy_scorecard)[1][0]
    answer = client.post("/v1/customer", json={**EXAMPLE, **changes})

    assert codes == [error["code"] for error in answer.json.get("errors", [])]
    assert codes == ([] if name == "TotalCharges" else ["blank"])
