"""The bulk path against the path for one customer, and against files as people make them."""

import csv
import gzip
import io
import zlib

import pytest
from files import HEADER, LATIN, PLAIN, REFUSED, ROW, row, to_csv
from hypothesis import example, given
from hypothesis import strategies as st

from model.bulk import csv_writer
from model.bulk.run import FileLimits, Run
from model.errors import CustomerError, InputError
from model.schema import CUSTOMER_ID, EXAMPLE
from model.validate import validate


class Trickle(io.BytesIO):
    """A source that gives a few bytes at a time, like a slow socket."""

    def read(self, size: int = -1, /) -> bytes:
        return super().read(min(size, 7) if size >= 0 else 7)


class Result:
    def __init__(self, data: bytes, scorer, source=io.BytesIO, **options):
        self.run = Run(source(data), scorer, **options)
        predictions = csv_writer.Predictions(scorer)
        rejects = csv_writer.Rejects(self.run.header, self.run.delimiter)
        self.problems, lines, rejected = [], [predictions.header], [rejects.header]
        for block in self.run:
            self.problems += [item for index in block.problems for item in block.located(index)]
            lines.append(predictions.lines(block))
            rejected.append(rejects.lines(block))
        self.predictions_csv, self.rejects_csv = b"".join(lines), b"".join(rejected)
        self.predictions = list(csv.DictReader(io.StringIO(self.predictions_csv.decode(), newline="")))
        self.summary = self.run.summary()

    @property
    def codes(self) -> list[tuple[int | None, str | None, str]]:
        return [(problem.row, problem.field, problem.code) for problem in self.problems]

    @property
    def labels(self) -> list[str]:
        return [line["prediction"] for line in self.predictions]


def refusal(data: bytes, scorer, **options) -> InputError:
    with pytest.raises(InputError) as caught:
        Result(data, scorer, **options)
    return caught.value


CELLS = {
    "SeniorCitizen": ["0", "1", " 1.0 ", "yes", "TRUE", "2", "", "No"],
    "Partner": ["Yes", "no", " YES ", "true", "1", "", "Ja"],
    "tenure": ["0", "12", " 72 ", "12.0", "1e1", "-0", "-1", "12.5", "1201", "abc", "", "１２"],
    "InternetService": ["DSL", "fiber OPTIC", "No", "None", "ﬁber optic"],
    "Contract": ["Month-to-month", "two year", "0", "Two  year"],
    "PaymentMethod": ["Electronic check", "bank transfer", "Credit Card (automatic)", "cash"],
    "MonthlyCharges": [
        "70.35",
        " 70.35",
        ".5",
        "5.",
        "+1",
        "1e2",
        "1e-400",
        "1e400",
        "nan",
        "inf",
        "0x10",
        "1_000",
        "--5",
    ],
    "TotalCharges": ["844.2", " ", "", "0", "1,000", "1.2.3", "9e8", "1e10", "-0.0"],
    CUSTOMER_ID: ["00000042", "NA", "1E5", "=1+1", "a,b", 'say "hi"', "two\nlines", " padded ", "", "Ünï", "\0"],
}
ROWS = st.lists(
    st.one_of(
        st.tuples(*[st.sampled_from(CELLS.get(name, [cell])) for name, cell in zip(HEADER, ROW, strict=True)]).map(
            list
        ),
        st.fixed_dictionaries({}, optional={name: st.sampled_from(cells) for name, cells in CELLS.items()}).map(
            lambda changes: row(**changes)
        ),
        st.sampled_from([[], [" "], ["", "", ""], ROW[:9], [*ROW, "x", "y"], [""] * len(HEADER)]),
    ),
    max_size=12,
)


@given(ROWS, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(",;\t"))
@example([row(TotalCharges=" ", tenure="0"), ["", ""], row(tenure="abc", TotalCharges="")], "\n", ",")
def test_every_row_fares_as_the_same_customer_alone_would(toy_scorecard, rows, end, delimiter):
    expected = []
    for cells in rows:
        if not "".join(cells).strip():
            continue
        if len(cells) != len(HEADER):
            expected.append(("field_count",))
            continue
        try:
            score = toy_scorecard.score(validate(dict(zip(HEADER, cells, strict=True))))
            expected.append((score.label, f"{score.probability:.4f}", score.tier))
        except CustomerError as error:
            expected.append(tuple(item.code for item in error.problems))
    # "1,000" is a number with a decimal comma in a file with semicolons, and another rule holds there.
    if delimiter != "," and any("1,000" in cells for cells in rows):
        return

    result = Result(to_csv(rows, delimiter, end), toy_scorecard)

    codes: dict[int, list[str]] = {}
    for problem in result.problems:
        codes.setdefault(problem.row, []).append(problem.code)
    actual = [
        tuple(codes[number]) if number in codes else (line["prediction"], line["probability"], line["tier"])
        for number, line in enumerate(result.predictions, start=1)
    ]
    assert actual == expected
    assert result.summary["rows_in"] == len(expected)
    assert result.summary["rows_rejected"] == len(codes)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_columns_changes_nothing(toy_scorecard, rows, random):
    rows = [cells for cells in rows if len(cells) == len(HEADER) and "".join(cells).strip()]
    order = list(range(len(HEADER)))
    random.shuffle(order)
    shuffled = to_csv([[cells[i] for i in order] for cells in rows], header=[HEADER[i] for i in order])

    assert Result(shuffled, toy_scorecard).predictions_csv == Result(to_csv(rows), toy_scorecard).predictions_csv


def test_blocks_and_short_reads_change_nothing(toy_scorecard, monkeypatch):
    rows = [
        row(customerID=f"id {i}", tenure=str(i % 80), MonthlyCharges="x" if i % 97 == 0 else "70") for i in range(999)
    ]
    rows.insert(500, ["", ""])
    rows.insert(700, row(customerID="two\nlines"))
    data = to_csv(rows)
    whole = Result(data, toy_scorecard)

    monkeypatch.setattr("model.bulk.reader.BLOCK_BYTES", 1000)
    monkeypatch.setattr("model.bulk.reader.HEADER_BYTES", 1000)
    pieces = Result(data, toy_scorecard, source=Trickle)

    assert pieces.predictions_csv == whole.predictions_csv
    assert pieces.rejects_csv == whole.rejects_csv
    assert pieces.summary == whole.summary


def test_one_line_comes_out_for_each_row_in_file_order(toy_scorecard):
    data = to_csv([row(customerID="a"), row(customerID="b", tenure="x"), ROW[:3], row(customerID="d")])

    result = Result(data, toy_scorecard)

    assert [(line["row"], line["customerID"]) for line in result.predictions] == [
        ("1", "a"), ("2", "b"), ("3", "0001-AAAAA"), ("4", "d"),
    ]  # fmt: skip
    assert result.labels[1:3] == ["", ""]
    assert result.predictions[1]["error"] == 'tenure must be a whole number of months from 0 to 1,200, not "x".'
    assert result.predictions[2]["error"] == "The row has 3 fields, but the header has 11 fields."


def test_the_fast_and_the_scalar_path_agree_to_the_last_bit(toy_scorecard):
    data = to_csv(
        [
            row(tenure=str(i % 75), MonthlyCharges=f"{18 + i * 0.0371:.4f}", TotalCharges=f"{i * 3.7:.2f}")
            for i in range(3000)
        ]
    )

    blocks = list(Run(io.BytesIO(data), toy_scorecard))

    for block in blocks:
        for index in range(block.rows):
            score = toy_scorecard.score(block.customer(index))
            assert (score.log_odds, score.probability) == (block.log_odds[index], block.probability[index])


def test_rejects_can_be_corrected_and_dropped_again(toy_scorecard):
    bad = to_csv([row(), row(Contract="Monthly"), ROW[:4], row(tenure="x")], delimiter=";")
    first = Result(bad, toy_scorecard)

    mended = first.rejects_csv.replace(b"Monthly;", b"One year;").replace(b";x;", b";5;")
    second = Result(mended, toy_scorecard)

    assert first.rejects_csv.startswith(b"row;errors;customerID;")
    assert (first.summary["rows_rejected"], second.summary["rows_scored"]) == (3, 2)
    # The ragged record is whole in the last column, and its own three columns are not repeated.
    assert second.rejects_csv.splitlines()[0] == first.rejects_csv.splitlines()[0]
    assert list(csv.reader(io.StringIO(first.rejects_csv.decode()), delimiter=";"))[2][-1] == ";".join(ROW[:4])


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
    expected = toy_scorecard.score(validate(EXAMPLE))

    result = Result(data, toy_scorecard)

    assert [(line["customerID"], line["prediction"]) for line in result.predictions] == [("0001-AAAAA", expected.label)]
    assert result.predictions[0]["probability"] == f"{expected.probability:.4f}"


def test_blank_records_are_counted_and_take_no_row_number(toy_scorecard):
    result = Result(READ["blank lines above, between and below"], toy_scorecard)

    assert (result.summary["rows_in"], result.summary["blank_lines"]) == (1, 6)


@pytest.mark.parametrize(
    "identity",
    ["00000042", "NA", "1E5", "=1+1", "x" * 10_000, 'say "hi"', "a,b", "two\nlines", "null", "\u00e9"],
)
def test_an_id_stays_unchanged(toy_scorecard, identity):
    result = Result(to_csv([row(customerID=identity)]), toy_scorecard)

    assert result.predictions[0]["customerID"] == identity
    assert result.summary["rows_scored"] == 1


BAD_CELLS = {
    "label-encoded integer for a word": ("Contract", "0", "unknown_word"),
    "boolean for months": ("tenure", "true", "not_a_number"),
    "negative": ("MonthlyCharges", "-1", "out_of_range"),
    "nan": ("MonthlyCharges", "nan", "not_a_number"),
    "inf": ("TotalCharges", "inf", "not_a_number"),
    "1e400": ("TotalCharges", "1e400", "out_of_range"),
    "hex": ("tenure", "0x10", "not_a_number"),
    "underscore": ("tenure", "1_0", "not_a_number"),
    "thousands": ("TotalCharges", "1,000.50", "not_a_number"),
    "decimal comma in a file with commas": ("MonthlyCharges", "70,35", "not_a_number"),
    "full-width digits": ("tenure", "１２", "not_a_number"),
    "fraction of a month": ("tenure", "12.5", "not_whole"),
    "more months than a century": ("tenure", "1201", "out_of_range"),
    "blank total of an old customer": ("TotalCharges", " ", "blank_not_new"),
    "blank word": ("Partner", "", "blank"),
    "currency": ("MonthlyCharges", "$70.35", "not_a_number"),
    "nul in a number": ("tenure", "1\0", "not_a_number"),
    "look-alike letters": ("InternetService", "ﬁber optic", "unknown_word"),
    "more digits than a number may have": ("TotalCharges", "1." + "0" * 400, "not_a_number"),
    "a megabyte of digits": ("tenure", "1" * 500_000, "not_a_number"),
}


@pytest.mark.parametrize(("field", "cell", "code"), BAD_CELLS.values(), ids=BAD_CELLS.keys())
def test_one_bad_cell_rejects_its_row_alone_and_is_named(toy_scorecard, field, cell, code):
    data = to_csv([ROW, row(customerID="bad", **{field: cell}), ROW])

    result = Result(data, toy_scorecard)

    assert result.codes == [(2, field, code)]
    assert result.problems[0].customer_id == "bad"
    assert str(result.problems[0]).startswith(f"Row 2 (customerID bad): {field} ")
    assert [bool(label) for label in result.labels] == [True, False, True]


def test_all_problems_of_a_row_come_together_in_schema_order(toy_scorecard):
    data = to_csv([row(Partner="x", tenure="-1", TotalCharges="")])

    assert [code for _, _, code in Result(data, toy_scorecard).codes] == ["unknown_word", "out_of_range", "blank"]


def test_rows_that_are_wrong_in_the_same_way_are_each_named_by_their_own_number_and_id(toy_scorecard):
    rows = [row(customerID=f"{number:04d}", Contract="Monthly", TotalCharges=" ") for number in range(1, 4)]

    result = Result(to_csv(rows), toy_scorecard)

    assert [(problem.row, problem.customer_id, problem.code) for problem in result.problems] == [
        (number, f"{number:04d}", code) for number in range(1, 4) for code in ("unknown_word", "blank_not_new")
    ]


@pytest.mark.parametrize(("tenure", "code"), [("0", None), ("5", "blank_not_new"), ("x", "blank")])
def test_a_blank_total_is_validated_by_the_tenure_of_its_own_row(toy_scorecard, tenure, code):
    result = Result(to_csv([row(), row(tenure=tenure, TotalCharges=" "), row()]), toy_scorecard)

    assert [problem.code for problem in result.problems if problem.field == "TotalCharges"] == [code] * (
        code is not None
    )


def test_a_negative_zero_is_zero_also_next_to_a_cell_that_is_no_number(toy_scorecard):
    rows = [row(MonthlyCharges="-0"), row(MonthlyCharges="1.2.3"), row(MonthlyCharges="--5"), row()]

    blocks = list(Run(io.BytesIO(to_csv(rows)), toy_scorecard))

    assert str(blocks[0].columns["MonthlyCharges"][0]) == "0.0"
    assert sorted(blocks[0].problems) == [1, 2]


def test_one_bad_row_in_ten_thousand_is_found(toy_scorecard):
    rows = [ROW] * 10_000
    rows[7777] = row(Contract="Monthly")

    result = Result(to_csv(rows), toy_scorecard)

    assert result.codes == [(7778, "Contract", "unknown_word")]
    assert result.summary["rows_scored"] == 9_999


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


def test_limits_on_rows_and_bytes_hold(toy_scorecard):
    data = to_csv([ROW] * 11)

    assert refusal(data, toy_scorecard, limits=FileLimits(max_rows=10)).problem.code == "too_many_rows"
    assert refusal(data, toy_scorecard, limits=FileLimits(max_bytes=100)).problem.code == "too_many_bytes"


def test_a_decimal_mark_may_differ_from_cells_that_are_no_numbers(toy_scorecard):
    data = to_csv(
        [row(MonthlyCharges="70,35", TotalCharges="1.234,56"), row(MonthlyCharges="7", TotalCharges="8")], ";"
    )

    result = Result(data, toy_scorecard)

    assert result.codes == [(1, "TotalCharges", "not_a_number")]
    assert '"1.234,56"' in str(result.problems[0])


def test_memory_does_not_grow_with_the_file(toy_scorecard):
    class Endless(io.RawIOBase):
        """Forty megabytes of rows that are never in memory together."""

        def __init__(self) -> None:
            self.left = 40
            self.chunk = to_csv([ROW] * 12_000)[len(PLAIN) :]
            self.head = PLAIN

        def read(self, size: int = -1, /) -> bytes:
            if self.head:
                value, self.head = self.head, b""
                return value
            self.left -= 1
            return self.chunk if self.left >= 0 else b""

    import tracemalloc

    run = Run(Endless(), toy_scorecard)
    tracemalloc.start()
    sizes = [tracemalloc.get_traced_memory()[0] for _ in run]
    tracemalloc.stop()

    assert run.rows_in == 480_000
    assert max(sizes[20:]) < 1.2 * max(sizes[5:20])


def test_zlib_errors_inside_a_gzip_file_are_named(toy_scorecard):
    packed = bytearray(gzip.compress(to_csv([ROW] * 500)))
    packed[40:60] = zlib.compress(b"other")[:20].ljust(20, b"\xff")

    assert refusal(bytes(packed), toy_scorecard).problem.code == "damaged_gzip"
