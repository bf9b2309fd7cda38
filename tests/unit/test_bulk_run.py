"""The bulk pipeline against that for one customer: the same scores, the same problems, in bounded memory."""

import csv
import io

import pytest
from bulk_results import Result, Trickle, refusal
from files import HEADER, PLAIN, ROW, row, to_csv
from hypothesis import example, given
from hypothesis import strategies as st
from shipped import CUSTOMER_ID, FEATURES

from model.bulk.run import FileLimits, Run
from model.errors import CustomerError
from model.validate import validate

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
    CUSTOMER_ID: ["00000042", "NA", "1E5", "=1+1", "a,b", 'call "hi"', "two\nlines", " padded ", "", "Ünï", "\0"],
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
            score = toy_scorecard.score(validate(dict(zip(HEADER, cells, strict=True)), FEATURES))
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

    corrected = first.rejects_csv.replace(b"Monthly;", b"One year;").replace(b";x;", b";5;")
    second = Result(corrected, toy_scorecard)

    assert first.rejects_csv.startswith(b"row;errors;customerID;")
    assert (first.summary["rows_rejected"], second.summary["rows_scored"]) == (3, 2)
    # The ragged record is whole in the last column, and its own three columns are not repeated.
    assert second.rejects_csv.splitlines()[0] == first.rejects_csv.splitlines()[0]
    assert list(csv.reader(io.StringIO(first.rejects_csv.decode()), delimiter=";"))[2][-1] == ";".join(ROW[:4])


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


def test_limits_on_rows_and_bytes_hold(toy_scorecard):
    data = to_csv([ROW] * 11)

    assert refusal(data, toy_scorecard, limits=FileLimits(max_rows=10)).problem.code == "too_many_rows"
    assert refusal(data, toy_scorecard, limits=FileLimits(max_bytes=100)).problem.code == "too_many_bytes"


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
