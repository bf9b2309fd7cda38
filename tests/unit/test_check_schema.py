"""What of a file does not fit a schema: with the column, the rows, the values, the rule, and what was meant."""

import dataclasses
import random
from pathlib import Path

import pytest
from commands import run_command

from model.schema import Schema
from model.schema_toml import parse_toml
from model.training.check_schema import Findings, check_schema

SCHEMA = parse_toml(
    """
id = "No"
target = "Left"
positive = "yes"

[[features]]
name = "Plan"
kind = "category"
values = ["small", "medium", "large"]

[[features]]
name = "Town"
kind = "category"
values = ["Köln", "Bonn"]
other = "accept"
missing = "accept"

[[features]]
name = "Months"
kind = "number"
unit = "months"
whole = true
minimum = 0
maximum = 600

[[features]]
name = "Paid"
kind = "number"
minimum = 0
maximum = 10000
missing = { equals = 0, when = { Months = 0 } }
""",
    "schema.toml",
)
HEADER = "No,Plan,Town,Months,Paid,Left\n"


def customers() -> list[str]:
    draw = random.Random(3)
    return [
        f"K{row:03},{draw.choice(['small', 'medium', 'large'])},{draw.choice(['Köln', 'Bonn'])},"
        f"{draw.randrange(1, 99)},{draw.random() * 99:.2f},{draw.choice(['yes', 'no', 'no'])}\n"
        for row in range(300)
    ]


def check(folder: Path, rows: list[str], header: str = HEADER, schema: Schema = SCHEMA) -> Findings:
    path = folder / "customers.csv"
    path.write_text(header + "".join(rows), encoding="utf-8")
    return check_schema(schema, path)


@pytest.mark.parametrize(("rows", "leavers"), [(150, 60), (300, 49), (300, 260)])
def test_too_few_customers_to_train_on_are_a_problem(tmp_path, rows, leavers):
    lines = [line.rsplit(",", 1)[0] for line in customers()[:rows]]

    findings = check(tmp_path, [f"{line},{'yes' if row < leavers else 'no'}\n" for row, line in enumerate(lines)])

    wanted = "too few to train on: 200 rows, 50 of each outcome, are needed."
    assert f"{leavers} of {rows} customers left ({leavers / rows:.1%}): {wanted}" in findings.problems


def test_a_file_that_fits_has_no_problems(tmp_path):
    rows = customers()
    rows[4] = "K004,Small,,0,,no\n"
    rows[5] = "K005,small,Ulm,600,10000,yes\n"

    findings = check(tmp_path, rows)

    assert findings.problems == []
    assert 'Town has words that are not listed in row 6: "Ulm" (1).' in findings.notes


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "K007,smal,Köln,1,1,no",
            'Plan has words that are not known in row 8: "smal" (1; did you mean "small"?)',
        ),
        (
            "K007,small,Köln,1.5,1,no",
            'Months has numbers that are not whole in row 8: "1.5" (1). It must be a whole number of months',
        ),
        (
            "K007,small,Köln,601,1,no",
            'Months has numbers beyond its bounds in row 8: "601" (1). It must be a whole number of months',
        ),
        (
            "K007,small,Köln,5,n/a,no",
            'Paid has cells that are no numbers in row 8: "n/a" (1). It must be a number from 0 to 10,000.',
        ),
        (
            "K007,small,Köln,5,,no",
            "Paid is blank where Months is not 0 in row 8. It must be a number from 0 to 10,000.",
        ),
        (
            "K007,,Köln,5,1,no",
            'Plan is blank in row 8. It must be "small", "medium" or "large", or missing = "accept".',
        ),
        ("K007,small,Köln,5,1", "Row 8 has 5 fields, but the header has 6."),
        (
            "K003,small,Köln,5,1,no",
            'No: 1 value is in more than one row, such as "K003" in the rows 4 and 8; training refuses them',
        ),
        (
            "K007,small,Köln,5,1,perhaps",
            'Left does not state who left in row 8: "perhaps" (1). It must be "Yes", "No", 1 or 0.',
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_row_value_and_rule(row, problem, tmp_path):
    rows = customers()
    rows[7] = row + "\n"

    (shown,) = check(tmp_path, rows).problems

    assert shown.startswith(problem)


def test_many_rows_are_counted_and_the_first_shown(tmp_path):
    rows = [row.replace(",small,", f",S{number % 13},") for number, row in enumerate(customers())]
    count = sum(",S" in row for row in rows)

    (problem,) = [problem for problem in check(tmp_path, rows).problems if problem.startswith("Plan")]

    assert f" in {count} rows ({count / 300:.2%}; " in problem
    assert " and 3 others. It must be" in problem


def test_columns_that_are_missing_are_named_with_what_was_meant(tmp_path):
    findings = check(tmp_path, customers(), "Nr,plan,Town,Month,Paid,Left\n")

    assert findings.problems == ['The file has no column Months. Did you mean "Month"?']
    assert "The file has no column No." in findings.notes
    assert "No part of the schema: Nr, Month." in findings.notes


def test_a_near_name_is_offered_for_one_column_alone(tmp_path):
    problems = check(tmp_path, customers(), "No,Plans,Town,Month,Amount paid,Left\n").problems

    assert problems == [
        'The file has no column Plan. Did you mean "Plans"?',
        'The file has no column Months. Did you mean "Month"?',
        'The file has no column Paid. Did you mean "Amount paid"?',
    ]


def test_an_alias_is_the_column_and_twice_is_once_too_often(tmp_path):
    months = dataclasses.replace(SCHEMA.by_name["Months"], aliases=("Duration", "Since"))
    features = tuple(months if feature.name == "Months" else feature for feature in SCHEMA.features)
    schema = dataclasses.replace(SCHEMA, features=features)

    assert check(tmp_path, customers(), "No,Plan,Town,duration,Paid,Left\n", schema).problems == []
    assert check(tmp_path, customers(), "since,Plan,Town,Duration,Paid,Left\n", schema).problems == [
        'The header has Months 2 times, as "since" and "Duration". Keep one.'
    ]


def test_nothing_else_is_meant_where_other_words_are_accepted(tmp_path):
    notes = check(tmp_path, [row.replace("Bonn", "Bon") for row in customers()]).notes

    assert any("Town has words that are not listed" in note for note in notes)
    assert not any("did you mean" in note for note in notes)


def test_leaks_and_constants_are_problems_where_outcomes_are_known(tmp_path):
    rows = [row.replace(",small,", ",large,").replace(",medium,", ",large,") for row in customers()]
    rows = [",".join([*row.split(",")[:4], "7" if "yes" in row else "9", row.split(",")[5]]) for row in rows]

    findings = check(tmp_path, rows)

    assert findings.problems == [
        'Plan is "large" in every row.',
        "Paid: it is Left in other words. Remove it, or train with --trust if it is from before.",
    ]
    unlabelled = check(tmp_path, [row.rpartition(",")[0] + "\n" for row in rows], HEADER.replace(",Left", ""))
    assert unlabelled.problems == []
    assert 'Plan is "large" in every row.' in unlabelled.notes


def test_a_file_without_rows_does_not_fit(tmp_path):
    assert check(tmp_path, []).problems == ["The file has no rows below its header."]


def test_the_commands_exit_with_0_where_all_fits_and_else_with_2(tmp_path):
    path, schema = tmp_path / "customers.csv", tmp_path / "schema.toml"
    path.write_text(HEADER + "".join(customers()), encoding="utf-8")

    proposed = run_command("infer-schema", str(path), "--target", "left")
    assert proposed.exit_code == 0
    assert "300 customers, of which " in proposed.stderr
    schema.write_text(proposed.stdout, encoding="utf-8")
    assert run_command("check-schema", str(schema)).stdout == f"{schema} describes 4 features.\n"
    fits = run_command("check-schema", str(schema), str(path))
    assert (fits.exit_code, fits.stdout.splitlines()[-1]) == (0, f"All 300 rows of {path} fit {schema}.")

    path.write_text(HEADER + "".join(customers()).replace("small", "smal", 1), encoding="utf-8")
    unfit = run_command("check-schema", str(schema), str(path))
    assert unfit.exit_code == 2
    assert '"smal" (1; did you mean "small"?)' in unfit.stderr
    schema.write_text(proposed.stdout.replace('"category"', '"categry"', 1), encoding="utf-8")
    wrong = run_command("check-schema", str(schema), str(path))
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith(f"{schema}, line ")
    refused = run_command("infer-schema", str(path), "--target", "gone")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_word_and_a_name_are_known_in_any_case_and_unicode_form(tmp_path):
    rows = [
        row.replace("Köln", spelling) for row, spelling in zip(customers(), ["KÖLN", "Ko\u0308ln"] * 150, strict=True)
    ]

    findings = check(tmp_path, rows)

    assert findings.problems == []
    assert "Town accepts other words, and no row has one: this file shows nothing about them." in findings.notes
