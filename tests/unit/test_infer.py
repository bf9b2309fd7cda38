"""The schema that is proposed for a file: what is a feature, what is ignored and why, and what is reported."""

import random
from pathlib import Path

import pytest

from model.errors import TrainingError
from model.schema import Blank, Categorical, Numeric, Schema
from model.schema_toml import parse_toml
from model.training.infer import Inferred, infer
from model.validate import find_word

ROWS = 1000
LEFT = random.Random(12345).choices([True, False], [1, 3], k=ROWS)


def quote(cell: object) -> str:
    return '"' + str(cell).replace('"', '""') + '"'


def write(folder: Path, **columns: list[object]) -> Path:
    """Write a file of 1,000 customers with these columns, and whether they left."""
    columns = {"left": ["yes" if left else "no" for left in LEFT], **columns}
    cells = zip(*columns.values(), strict=True)
    lines = [",".join(map(quote, row)) for row in [list(columns), *cells]]
    path = folder / "customers.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def draws(*values: object, seed: int = 1) -> list[object]:
    return random.Random(seed).choices(values, k=ROWS)


def of(folder: Path, **columns: list[object]) -> Inferred:
    return infer(write(folder, filler=draws("a", "b", "c", seed=9), **columns), "left")


def feature(folder: Path, column: list[object], name: str = "x") -> Categorical | Numeric:
    return of(folder, **{name: column}).schema.by_name[name]


def reason(folder: Path, column: list[object], name: str = "x") -> str:
    return of(folder, **{name: column}).ignored[name]


def read(inferred: Inferred) -> Schema:
    return parse_toml(inferred.to_toml(), "schema.toml")


@pytest.mark.parametrize(
    ("column", "values", "is_flag"),
    [
        (draws("Yes", "No"), ("No", "Yes"), True),
        (draws("FALSE", "True", "False", "False"), ("False", "True"), True),
        (draws("0", "1"), (0, 1), True),
        (draws("1.0", "0.0"), (0, 1), True),
        (draws("non", "oui"), ("non", "oui"), True),
        (draws("M", "F", "F"), ("F", "M"), False),
        (draws("high", "low", "medium"), ("low", "medium", "high"), False),
        (draws("10-20", "5-9", "5-9", "<5"), ("<5", "5-9", "10-20"), False),
        (draws("b", "b", "b", "a", "a", "c"), ("b", "a", "c"), False),
    ],
)
def test_words_are_in_their_order_or_by_frequency(column, values, is_flag, tmp_path):
    words = feature(tmp_path, column)

    assert (words.values, words.is_flag) == (values, is_flag)


def test_spellings_of_a_word_are_synonyms_of_the_most_frequent(tmp_path):
    words = feature(tmp_path, draws("Café", "Café", "CAFÉ", "Cafe", "Month-to-month", "Month to month", "A+", "A"))

    assert {"Café", "A+", "A"} < set(words.values)
    assert len(words.values) == 4
    assert words.synonyms["cafe"] == find_word(words, "CAFÉ") == "Café"
    assert "café" not in words.synonyms
    assert "a" not in words.synonyms


def test_rare_words_share_a_level(tmp_path):
    column = [f"rare {row}" if row < 8 else word for row, word in enumerate(draws("a", "b", "c"))]
    inferred = of(tmp_path, x=column)

    assert inferred.schema.by_name["x"].values in {
        ("a", "b", "c"),
        *[tuple(p) for p in ("acb", "bac", "bca", "cab", "cba")],
    }
    assert inferred.schema.by_name["x"].accepts_other
    (note,) = inferred.notes["x"]
    assert note.startswith('8 words of fewer than 10 customers each, such as "rare 0", share one level with words')


@pytest.mark.parametrize(
    ("column", "bounds", "whole"),
    [
        (draws(*range(73)), (0, 500), True),
        (draws(0.5, 30.25, 118.75), (0, 1000), False),
        (draws(-3, 4, 7), (-50, 50), True),
        (draws(0.1, 0.2, 0.15), (0, 1), False),
        (draws(1000, 2000, 9000), (0, 50_000), True),
    ],
)  # fmt: skip
def test_bounds_are_wider_than_the_data(column, bounds, whole, tmp_path):
    number = feature(tmp_path, column)

    assert ((number.minimum, number.maximum), number.whole) == (bounds, whole)
    assert number.direction == "free"


def test_names_give_labels_units_and_roles(tmp_path):
    inferred = of(
        tmp_path,
        **{
            "Tenure (months)": draws(*range(1, 60)),
            "Monthly fee €": draws(9.5, 19.5, 29.5),
            "Age": draws(*range(18, 90)),
            "Device age (years)": draws(*range(6)),
            "Share %": draws(*range(101)),
            "Account No": [f"A-{row:05}" for row in range(ROWS)],
        },
    )
    schema = read(inferred)

    assert (schema.id, schema.money, schema.currency, schema.target.column) == (
        "Account No", "Monthly fee €", "€", "left",
    )  # fmt: skip
    assert [(number.label, number.unit) for number in schema.features if isinstance(number, Numeric)] == [
        ("Tenure", "months"), ("Monthly fee", "€"), ("Age", ""), ("Device age", "years"), ("Share %", ""),
    ]  # fmt: skip
    assert [name for name in schema.names if schema.by_name[name].is_protected] == ["Age"]
    assert [schema.by_name[name].maximum for name in ("Age", "Share %")] == [120, 100]


def test_a_period_belongs_to_the_name_where_a_number_or_last_is_before_it(tmp_path):
    columns = {"Logins last 30 days": 99, "calls_last_weeks": 88, "Contract_months": 77, "tenure_in_years": 66}
    schema = of(tmp_path, **{name: draws(*range(most)) for name, most in columns.items()}).schema

    assert [(number.label, number.unit) for number in schema.features if isinstance(number, Numeric)] == [
        ("Logins last 30 days", ""), ("Calls last weeks", ""), ("Contract", "months"), ("Tenure", "years"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Kunden Nr", "Kundennummer", "KUNDEN-NR.", "CustNo", "customer.number", "CustomerId"])
@pytest.mark.parametrize("form", ["{:05}", "{}"])
def test_a_running_number_with_a_name_like_that_of_an_id_is_the_id(name, form, tmp_path):
    assert of(tmp_path, **{name: [form.format(row + 1) for row in range(ROWS)]}).schema.id == name


def test_a_blank_that_means_zero_becomes_a_rule_and_any_other_a_level(tmp_path):
    months = draws(*range(30))
    inferred = of(
        tmp_path,
        months=months,
        total=["" if month == 0 else f"{month * 9.5 + row % 7}" for row, month in enumerate(months)],
        usage=["" if row % 9 == 5 else row % 31 for row in range(ROWS)],
    )

    assert inferred.schema.by_name["total"].blank == Blank(0.0, "months", 0)
    assert inferred.schema.by_name["usage"].accepts_missing
    assert not inferred.schema.by_name["usage"].blank
    assert read(inferred) == inferred.schema


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("x", LEFT, "it is left in other words"),
        ("x", [f"T-{row}" if left and row % 2 else "" for row, left in enumerate(LEFT)], "it is filled for "),
        ("x", ["" if left else row % 50 for row, left in enumerate(LEFT)], "it is filled for nobody who left"),
        ("x", [row % 40 + 20 * left for row, left in enumerate(LEFT)], None),
        ("x", [row % 10 + 9 * left for row, left in enumerate(LEFT)], "it alone predicts who left"),
        ("Cancellation score", [row % 10 + 5 * left for row, left in enumerate(LEFT)], "its name and its ROC AUC"),
    ],
)
def test_what_is_known_only_afterwards_is_a_leak(name, column, message, tmp_path):
    inferred = of(tmp_path, **{name: column})

    assert inferred.ignored[name].startswith(message) if message else name not in inferred.ignored


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("x", ["EUR"] * ROWS, 'it is "EUR" in every row'),
        ("x", [""] * ROWS, "it is blank in every row"),
        ("x", [f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}" for row in range(ROWS)], "it holds dates"),
        ("x", [f"{row % 28 + 1}.{row % 12 + 1}.24 10:00" for row in range(ROWS)], "it holds dates"),
        ("x", [20240101 + row % 28 for row in range(ROWS)], "it holds dates"),
        ("x", [f"+49 30 {row:07}" for row in range(ROWS)], "it holds telephone numbers"),
        ("x", [f"c{row}@example.org" for row in range(ROWS)], "it holds e-mail addresses"),
        ("x", [f"{row % 90}.5, -{row % 80}.25" for row in range(ROWS)], "it holds positions on a map"),
        ("Latitude", [f"{row % 90}.5" for row in range(ROWS)], "it is a position on a map"),
        ("Zip code", [10_000 + row % 300 for row in range(ROWS)], "it holds 300 different codes in digits"),
        ("x", [f"{row % 300:05}" for row in range(ROWS)], "it holds 300 different codes in digits"),
        (
            "x",
            [f"the customer wrote {row}" for row in range(ROWS)],
            "1,000 of 1,000 rows have a word of their own: text",
        ),
        ("x", [f"place {row % 300}" for row in range(ROWS)], "it has 300 different words"),
        ("x", list(range(ROWS)), "it counts the rows"),
        ("x", [f"{row % 50},{row % 7}" for row in range(ROWS)], "it holds numbers with a decimal comma"),
        ("x", [f"${row % 50 + 1000:,}.50" for row in range(ROWS)], "it holds numbers with a sign"),
        ("customers", draws("a", "b"), "a JSON body has a member of this name"),
        ("x", draws("(other)", "b"), "it has words that cannot be in a schema"),
    ],
)
def test_what_is_no_property_of_a_customer_is_ignored_with_the_reason(name, column, message, tmp_path):
    inferred = of(tmp_path, id=[f"K{row:04}" for row in range(ROWS)], **{name: column})

    assert inferred.ignored[name].startswith(message)
    assert f"#     {name}: {message}" in inferred.to_toml()


@pytest.mark.parametrize("name", ["Prediction", "reason_2", "notes", "value_at_risk"])
def test_a_column_named_like_one_of_the_results_is_ignored_with_advice(name, tmp_path):
    assert reason(tmp_path, draws("a", "b"), name) == "the results have a column of this name; rename the column"


def test_copies_are_ignored_one_to_one_and_on_a_straight_line(tmp_path):
    minutes = draws(*[value / 10 for value in range(3000)])
    inferred = of(
        tmp_path,
        minutes=minutes,
        charge=[round(value * 0.17, 2) for value in minutes],
        state=(states := draws("KA", "OH", "NY")),
        state_name=[{"KA": "Kansas", "OH": "Ohio", "NY": "New York"}[state] for state in states],
    )

    assert inferred.ignored == {
        "charge": "it is a copy of minutes: it follows from it as a straight line (times 0.17)",
        "state_name": "it is a copy of state: each value of one goes with one value of the other",
    }


def test_codes_in_digits_of_which_there_are_few_are_words(tmp_path):
    assert feature(tmp_path, draws(415, 408, 510), "Area code").values == (408, 415, 510)
    assert feature(tmp_path, draws("0415", "0408"), "x").values in {("0408", "0415"), ("0415", "0408")}


def test_what_training_would_refuse_is_reported_with_its_rows(tmp_path):
    ids = [f"K{row:04}" for row in range(ROWS)]
    ids[41] = ids[7]
    numbers = draws(*range(50))
    numbers[11] = "n/a"
    words = draws("a", "b", "unknown")
    path = write(tmp_path, id=ids, number=numbers, word=words)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[21] = lines[21].replace('"yes"', '""').replace('"no"', '""')
    path.write_text("".join([*lines, '"no","K2000"\n']), encoding="utf-8")

    inferred = infer(path, "left")

    left = sum(LEFT) - LEFT[20]
    assert inferred.report()[:3] == [
        "1 row cannot be used: row 1001 has 2 fields, but the header has 4.",
        "left is blank in 1 row (21); training refuses them.",
        f"999 customers, of which {left} left ({left / 999:.1%}).",
    ]
    assert [line.partition(";")[0] for line in inferred.report()[3:]] == [
        'id: 1 value is in more than one row, such as "K0007" in the rows 8 and 42',
        'number: 1 cell is no number (row 12): "n/a". Make them blank, or write numbers: training refuses others.',
        f'word: "unknown" ({words.count("unknown") - (words[20] == "unknown")} rows) is a word like any other here',
    ]


def test_rows_that_are_the_same_are_reported_where_there_are_no_ids(tmp_path):
    inferred = of(tmp_path, x=draws("a", "b"))

    assert "rows are the same as an earlier one in every column, such as row " in inferred.report()[1]


@pytest.mark.parametrize(
    ("words", "chosen", "positive"),
    [
        (("Left", "Stayed"), None, "Left"),
        (("Existing customer", "Attrited customer"), None, "Attrited customer"),
        (("TRUE", "FALSE"), None, "TRUE"),
        (("red", "blue"), "BLUE", "blue"),
        (("läuft", "Gekündigt"), "GEKÜNDIGT", "Gekündigt"),
    ],
)
def test_the_word_of_those_who_left_is_found_or_chosen(words, chosen, positive, tmp_path):
    path = write(tmp_path, x=draws("a", "b", "c"), outcome=draws(*words))

    schema = infer(path, "Outcome", positive=chosen).schema

    assert schema.target.positive == positive
    assert sorted(schema.target.words[word.lower()] for word in words) == [0, 1]


@pytest.mark.parametrize(
    ("content", "target", "message"),
    [
        ("", "left", "The file is empty"),
        ("a,left\n", "left", "has no rows below its header"),
        ("a,left\n1,yes\n", "left", '"left" is "yes" (1) in every row; a model needs customers who left'),
        ("a,left\n1,\n", "left", '"left" is blank in every row'),
        ("a,left\n1,yes\n2,no\n3,maybe\n", "left", '"left" has 3 words: "maybe" (1), "no" (1), "yes" (1)'),
        ("a,left\n1,red\n2,blue\n", "left", "Name the one of those who left with --positive."),
        ("a,A,left\n1,1,yes\n", "left", 'the header has "a" and "A" more than once, but for case'),
        ("a,has_left\n1,yes\n", "left", 'has no column "left" (--target). Did you mean "has_left"? It has 2: a, has'),
        ("a|left\n1|yes\n", "left", 'The file is separated by "|"'),
        ('"a,left"\n"1,yes"\n', "left", "Each line of the file is quoted as a whole"),
        ("a,left\n1,yes\n1,no\n", "left", "has no column that may be a feature.\na: it is \"1\" in every row."),
        ("\0,left\n1,yes\n", "left", "The file is not text"),
        ("PK\x03\x04", "left", "The file is a workbook (.xlsx)"),
        (f"a,left\n{'x' * 1_100_000},yes\n", "left", "Row 1 is longer than 1,048,576 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_no_schema_can_be_made_of_is_refused_in_a_sentence(content, target, message, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(TrainingError) as refused:
        infer(path, target)

    assert message in str(refused.value)


def test_of_many_columns_those_that_separate_best_are_kept(tmp_path):
    columns = {f"c{number}": draws(*range(5), seed=number) for number in range(700)}
    columns["useful"] = [row % 5 + 2 * left for row, left in enumerate(LEFT)]

    inferred = of(tmp_path, **columns)

    assert len(inferred.schema.features) == 60
    assert "useful" in inferred.schema.names
    assert sum(reason.startswith("it separates leavers") for reason in inferred.ignored.values()) == 642


def test_strange_names_and_cells_make_a_schema_that_can_be_read(tmp_path):
    names = ['we"ird', "a = 1 # x", "é\\n", "[[features]]", "'''", "(other)", "predictions", "Кириллица"]
    columns = {name: draws('"""', "\\", "# ]", "x", seed=seed) for seed, name in enumerate(names)}

    inferred = of(tmp_path, long=["y" * 900_000 if row == 5 else "yz"[row % 3 % 2] for row in range(ROWS)], **columns)

    assert read(inferred) == inferred.schema
    assert set(names) <= set(inferred.schema.names)


def test_rows_that_are_sorted_by_the_outcome_are_remarked(tmp_path):
    rows = [f"{row % 7},{'left' if row < 60 else 'stayed'}\n" for row in range(300)]
    path = tmp_path / "customers.csv"

    path.write_text("x,outcome\n" + "".join(rows))
    assert any(line.startswith("The rows are sorted by outcome: ") for line in infer(path, "outcome").report())
    path.write_text("x,outcome\n" + "".join(sorted(rows)))
    assert not any("sorted" in line for line in infer(path, "outcome").report())
