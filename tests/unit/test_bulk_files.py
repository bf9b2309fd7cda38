"""Files as people write them, through the bulk pipeline: encodings, separators, marks, what is refused and why."""

import csv
import gzip
import io
import zlib

import pytest
from bulk_results import Result, refusal
from files import HEADER, LATIN, PLAIN, REFUSED, ROW, row, to_csv
from shipped import CUSTOMER_ID, EXAMPLE, FEATURES

from model.errors import InputError
from model.validate import validate

SEMICOLONS = to_csv([row(MonthlyCharges="70,35", TotalCharges="844,2")], delimiter=";")


READ = {
    "semicolons and decimal commas": SEMICOLONS,
    "tabs and decimal points": to_csv([ROW], delimiter="\t"),
    "tabs and decimal commas": SEMICOLONS.replace(b";", b"\t"),
    "crlf": to_csv([ROW], end="\r\n"),
    "cr": to_csv([ROW], end="\r"),
    "no line end at the end": to_csv([ROW]).rstrip(),
    "utf-8 with bom": b"\xef\xbb\xbf" + to_csv([ROW]),
    "utf-16 with bom, little": b"\xff\xfe" + to_csv([ROW]).decode().encode("utf-16-le"),
    "utf-16 with bom, big": b"\xfe\xff" + to_csv([ROW]).decode().encode("utf-16-be"),
    "utf-8 with two boms, of files that were joined": b"\xef\xbb\xbf" * 2 + to_csv([ROW]),
    "excel's line about the separator": b"sep=;\r\n" + SEMICOLONS,
    "gzip": gzip.compress(to_csv([ROW])),
    "gzip of two members": gzip.compress(PLAIN) + gzip.compress(to_csv([ROW])[len(PLAIN) :]),
    "all quoted": '"{}"\n"{}"\n'.format('","'.join(HEADER), '","'.join(ROW)).encode(),
    "header in capitals and spaces": to_csv([ROW], header=[f" {name.upper()} " for name in HEADER]),
    "extra columns": to_csv([["x", *ROW, "y"]], header=["gender", *HEADER, "Churn"]),
    "a differently cased twin": to_csv([["999", *ROW]], header=["Tenure", *HEADER]),
    "blank lines above, between and below": b"\n  \n" + PLAIN + b"\n,,,\n" + to_csv([ROW])[len(PLAIN) :] + b"\n\n",
    "spaces around cells": to_csv([[f" {cell} " for cell in ROW]]),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ.keys())
def test_files_as_people_make_them_are_read(toy_scorecard, data):
    expected = toy_scorecard.score(validate(EXAMPLE, FEATURES))

    result = Result(data, toy_scorecard)

    assert [(line["customerID"], line["prediction"]) for line in result.predictions] == [("0001-AAAAA", expected.label)]
    assert result.predictions[0]["probability"] == f"{expected.probability:.4f}"


def test_blank_records_are_counted_and_take_no_row_number(toy_scorecard):
    result = Result(READ["blank lines above, between and below"], toy_scorecard)

    assert (result.summary["rows_in"], result.summary["blank_lines"]) == (1, 6)


@pytest.mark.parametrize(
    "identity",
    ["00000042", "NA", "1E5", "=1+1", "x" * 10_000, 'call "hi"', "a,b", "two\nlines", "null", "\u00e9"],
)
def test_an_id_stays_unchanged(toy_scorecard, identity):
    result = Result(to_csv([row(customerID=identity)]), toy_scorecard)

    assert result.predictions[0]["customerID"] == identity
    assert result.summary["rows_scored"] == 1


def test_an_unclosed_quote_swallows_lines_but_loses_nothing_silently(toy_scorecard):
    text = to_csv([ROW, ROW, ROW]).decode().replace("0001", '"0001', 1)

    error = refusal(text.encode(), toy_scorecard)

    assert (error.problem.code, error.problem.row) == ("open_quote", 1)


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(toy_scorecard, data, code):
    error = refusal(data, toy_scorecard)

    assert error.problem.code == code
    assert str(error).endswith(".")
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    ("data", "row_number"),
    [
        (to_csv([ROW] * 3) + b"\n" + b"x" * (3 << 20) + b"\n", 4),
        (to_csv([ROW]) + b'"abc,1\n', 2),
        (to_csv([ROW, ROW, row(customerID="M\ufffdller")]), 3),
        (
            to_csv(
                [row(MonthlyCharges="70.35"), row(MonthlyCharges="7", TotalCharges="8"), row(MonthlyCharges="70,35")],
                ";",
            ),
            3,
        ),
    ],
    ids=["record_too_long", "open_quote", "damaged_text", "mixed_decimals"],
)
def test_an_error_of_the_file_names_the_row_where_it_is(toy_scorecard, data, row_number):
    assert refusal(data, toy_scorecard).problem.row == row_number


def test_missing_columns_are_all_named_next_to_what_there_is(toy_scorecard):
    header = [name for name in HEADER if name not in ("Contract", "PaymentMethod")]

    error = refusal(to_csv([], header=header), toy_scorecard)

    assert str(error).startswith(
        "The header lacks Contract and PaymentMethod. It has 9 columns: customerID, SeniorCitizen,"
    )


def test_latin_1_is_read_where_declared_and_where_guessed_is_noted(toy_scorecard):
    declared = Result(LATIN, toy_scorecard, charset="ISO-8859-1")
    guessed = Result(LATIN, toy_scorecard)

    assert declared.predictions[0]["customerID"] == guessed.predictions[0]["customerID"] == "M\u00fcller"
    assert (declared.summary["notes"], guessed.summary["notes"]) == (
        [],
        ["The file is not UTF-8; it was read as Windows-1252."],
    )


def test_what_excel_writes_is_read_as_it_was_typed(toy_scorecard):
    typed = "\u20ac0\u201cx\u201d"
    plain = to_csv([row(customerID=typed), row(customerID="b\x81c")]).decode()
    content = plain.encode("cp1252", "replace").replace(b"b?c", b"b\x81c")

    for charset in (None, "windows-1252"):
        actual = Result(content, toy_scorecard, charset=charset)
        # One of the five bytes without a letter is a control, as in Latin-1, and nobody sees it.
        assert [prediction["customerID"] for prediction in actual.predictions] == [typed, "bc"]


def test_files_with_both_decimal_marks_are_reported_where(toy_scorecard):
    content = to_csv([row(MonthlyCharges="70,35", SeniorCitizen="0.0")], delimiter=";")

    with pytest.raises(InputError) as error:
        Result(content, toy_scorecard)

    assert error.value.problem.to_dict()["field"] == "MonthlyCharges"
    assert str(error.value).startswith(
        'Row 1 has "70,35" in MonthlyCharges, with a decimal comma, but row 1 has "0.0" in SeniorCitizen, with a point.'
    )


def test_a_first_letter_after_a_mebibyte_decides_as_one_in_the_first_row_would(toy_scorecard):
    rows = 20_000
    data = to_csv([ROW] * rows) + LATIN[len(PLAIN) :]
    assert len(data) > 1 << 20

    result = Result(data, toy_scorecard)

    assert result.predictions[-1]["customerID"] == "M\u00fcller"
    assert result.summary["notes"] == ["The file is not UTF-8; it was read as Windows-1252."]


def test_an_unknown_charset_is_named(toy_scorecard):
    assert str(refusal(to_csv([ROW]), toy_scorecard, charset="klingon")).startswith(
        'The charset "klingon" is not known.'
    )


def test_utf_16_that_is_declared_needs_its_byte_order_mark(toy_scorecard):
    assert refusal(to_csv([ROW]), toy_scorecard, charset="utf-16").problem.code == "no_byte_order_mark"
    assert refusal(b"", toy_scorecard, charset="utf-16").problem.code == "empty_file"


def test_a_mark_inside_an_id_is_removed_wherever_a_block_begins(toy_scorecard, monkeypatch):
    # pyarrow takes U+FEFF at the start of what it is given for a byte order mark.
    monkeypatch.setattr("model.bulk.reader.BLOCK_BYTES", 100)
    rows = [row(customerID="\ufeffA")] * 5

    result = Result(to_csv(rows), toy_scorecard)

    assert {line["customerID"] for line in result.predictions} == {"A"}


def test_an_uncorrected_ragged_record_stays_whole_in_the_rejects_of_the_rejects(toy_scorecard):
    first = Result(to_csv([ROW[:3]], ";"), toy_scorecard)

    second = Result(first.rejects_csv, toy_scorecard)

    (line,) = csv.DictReader(io.StringIO(second.rejects_csv.decode()), delimiter=";")
    assert line["record"] == ";".join(ROW[:3])


def test_a_ragged_row_is_named_by_its_number(toy_scorecard):
    (actual,) = Result(to_csv([ROW[:3]]), toy_scorecard).problems

    assert str(actual) == "Row 1 (customerID 0001-AAAAA): The row has 3 fields, but the header has 11 fields."


def test_a_file_without_customer_ids_is_distinguished_by_its_rows(toy_scorecard):
    data = to_csv([ROW[1:]], header=HEADER[1:])

    assert Result(data, toy_scorecard).predictions[0]["row"] == "1"
    assert refusal(data, toy_scorecard, id_required=True).problem.code == "missing_columns"


def test_a_blank_id_is_a_problem_only_where_ids_are_needed(toy_scorecard):
    data = to_csv([row(customerID=" ")])

    assert Result(data, toy_scorecard).codes == []
    assert Result(data, toy_scorecard, id_required=True).codes == [(1, CUSTOMER_ID, "blank_id")]


def test_a_header_alone_makes_no_rows_and_reports_it(toy_scorecard):
    result = Result(PLAIN.rstrip(), toy_scorecard)

    assert result.summary["rows_in"] == 0
    assert result.summary["notes"] == ["The file has a header and no rows."]


def test_a_decimal_mark_may_differ_from_cells_that_are_no_numbers(toy_scorecard):
    data = to_csv(
        [row(MonthlyCharges="70,35", TotalCharges="1.234,56"), row(MonthlyCharges="7", TotalCharges="8")], ";"
    )

    result = Result(data, toy_scorecard)

    assert result.codes == [(1, "TotalCharges", "not_a_number")]
    assert '"1.234,56"' in str(result.problems[0])


def test_zlib_errors_inside_a_gzip_file_are_named(toy_scorecard):
    compressed = bytearray(gzip.compress(to_csv([ROW] * 500)))
    compressed[40:60] = zlib.compress(b"other")[:20].ljust(20, b"\xff")

    assert refusal(bytes(compressed), toy_scorecard).problem.code == "damaged_gzip"
