"""The columns that predictions.csv may have next to its six, and the same rows as NDJSON."""

import csv
import io
import json

import pytest
from shipped import CUSTOMER_ID, EXAMPLE, FEATURES, NAMES

from model.bulk.csv_writer import Predictions, escape_formulas
from model.bulk.ndjson import NdJson, last_line
from model.bulk.run import Run
from model.explain import explain
from model.outputs import OutputOptions
from model.validate import validate

HEADER = [CUSTOMER_ID, *NAMES]
ROW = ["0001", *map(str, EXAMPLE.values())]


def to_csv(*rows: list[str], header: list[str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([header or HEADER, *rows])
    return text.getvalue().encode()


def written(writer_class, scorer, data: bytes, **options) -> str:
    run = Run(io.BytesIO(data), scorer)
    writer = writer_class(scorer, OutputOptions(**options), run.header)
    return (writer.header + b"".join(map(writer.lines, run))).decode()


def table(scorer, data: bytes, **options) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(Predictions, scorer, data, **options), newline="")))


BAD = [cell if name != "Contract" else "Monthly" for name, cell in zip(HEADER, ROW, strict=True)]


def test_the_six_columns_stay_in_front_whatever_is_added(scorer):
    data = to_csv(ROW, BAD, ROW[:3])
    plain = written(Predictions, scorer, data).splitlines()

    rich = written(Predictions, scorer, data, value_at_risk=True, reasons=2, include_input=True).splitlines()

    assert all(line.startswith(start) for line, start in zip(rich, plain, strict=True))
    assert {len(cells) for cells in csv.reader(rich)} == {6 + 1 + 2 + 10}


def test_value_at_risk_and_reasons_are_those_of_the_customer_alone(scorer):
    (line,) = table(scorer, to_csv(ROW), value_at_risk=True, reasons=10)

    customer = validate(EXAMPLE, FEATURES)
    assert line["value_at_risk"] == f"{customer['MonthlyCharges'] * scorer.score(customer).probability:.2f}"
    assert [line[f"reason_{position}"] for position in range(1, 11)] == [
        item.sentence for item in explain(scorer, customer)
    ]


def test_the_input_comes_back_unchanged_and_can_be_scored_again(scorer):
    data = to_csv([*ROW, ' "quoted", kept '], header=[*HEADER, "note"])
    first = written(Predictions, scorer, data, include_input=True)

    again = table(scorer, first.encode(), include_input=True)

    assert again[0]["note"] == ' "quoted", kept '
    assert again[0]["prediction"] == "churn"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "\rx", "\nx"])
def test_formulas_are_defused_only_where_asked_for(scorer, cell):
    data = to_csv([cell, *ROW[1:], cell], header=[*HEADER, "note"])

    plain = table(scorer, data, include_input=True)[0]
    safe = table(scorer, data, include_input=True, spreadsheet_safe=True)[0]

    assert (plain["customerID"], plain["note"]) == (cell.strip(), cell)
    assert safe["note"] == "'" + cell
    assert safe["customerID"] == escape_formulas(cell.strip())


@pytest.mark.parametrize("cell", ["-5", "+1.5", "-1e3", "abc", ""])
def test_numbers_and_plain_text_are_no_formulas(cell):
    assert escape_formulas(cell) == cell


def test_ndjson_states_what_the_csv_states(scorer):
    data = to_csv(ROW, BAD, ROW[:3], ["", *ROW[1:]])
    options = {"value_at_risk": True, "reasons": 2, "include_input": True}

    lines = [json.loads(line) for line in written(NdJson, scorer, data, **options).splitlines()]
    rows = table(scorer, data, **options)

    for line, row in zip(lines, rows, strict=True):
        assert str(line["row"]) == row["row"]
        assert line.get("customerID", "") == row["customerID"]
        if row["error"]:
            assert [error["code"] for error in line["errors"]] in (["unknown_word"], ["field_count"])
            assert "prediction" not in line
        else:
            assert (line["prediction"], line["tier"]) == (row["prediction"], row["tier"])
            assert f"{line['probability']:.4f}" == row["probability"]
            assert [reason["sentence"] for reason in line["reasons"]] == [row["reason_1"], row["reason_2"]]
            assert line["input"]["Contract"] == EXAMPLE["Contract"]


def test_the_last_line_is_the_summary():
    assert json.loads(last_line({"rows_in": 1})) == {"summary": {"rows_in": 1}}
