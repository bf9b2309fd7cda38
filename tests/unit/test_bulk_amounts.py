"""Amounts read as numbers and amounts read as text are the same amounts, and the same are refused."""

import io

import pytest
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from model.bulk.columns import Columns
from model.bulk.csv_writer import Predictions, Rejects
from model.bulk.run import Run

HEADER = [CUSTOMER_ID, *NAMES]
AMOUNTS = ["70.35", " 70.35 ", ".5", "5.", "+1", "-0", "1e2", "1E2", "0", "1e-400", "999999.99"]
ODD = ["nan", "NaN", "inf", "-inf", "infinity", "nan(1)", "1e400", "-1", "1000001", "", " "]
NO_NUMBERS = [
    "0x10",
    "1_000",
    "1,000",
    "--5",
    "1.2.3",
    "1e",
    "e5",
    ".",
    "Ja",
    "１２",
    "\t",
    "  ",
    "9" * 401,
    "1." + "0" * 450,
]


def file_of(cells: list[str]) -> bytes:
    lines = [",".join(HEADER)]
    for number, cell in enumerate(cells):
        quoted = '"' + cell + '"' if "," in cell else cell
        values = {**EXAMPLE, CUSTOMER_ID: f"C{number}", "MonthlyCharges": quoted}
        lines.append(",".join(str(values[name]) for name in HEADER))
        new = {**EXAMPLE, CUSTOMER_ID: f"N{number}", "tenure": 0, "TotalCharges": quoted}
        lines.append(",".join(str(new[name]) for name in HEADER))
    return ("\n".join(lines) + "\n").encode()


def outputs(data: bytes, scorer) -> tuple[bytes, bytes]:
    run = Run(io.BytesIO(data), scorer)
    predictions, rejects = Predictions(scorer), Rejects(run.header, run.delimiter)
    lines = [(predictions.lines(block), rejects.lines(block)) for block in run]
    return b"".join(line for line, _ in lines), b"".join(line for _, line in lines)


@pytest.mark.parametrize(
    "cells", [AMOUNTS, AMOUNTS + ODD, *([cell, "70.35"] for cell in NO_NUMBERS)], ids=lambda cells: cells[0][:8]
)
def test_both_ways_give_the_same_bytes(toy_scorecard, monkeypatch, cells):
    data = file_of(cells)
    as_numbers = outputs(data, toy_scorecard)
    monkeypatch.setattr(Columns, "_may_be_numbers", lambda self, records: False)

    assert outputs(data, toy_scorecard) == as_numbers


@pytest.fixture
def tries(monkeypatch) -> list[bool]:
    """Whether amounts were to be numbers, for each time that a block was split."""
    result: list[bool] = []
    split = Columns._split

    def watch(self, data, types, records):
        result.append(types is self._numbers)
        return split(self, data, types, records)

    monkeypatch.setattr(Columns, "_split", watch)
    return result


def test_amounts_are_really_read_as_numbers_where_they_can_be(toy_scorecard, tries):
    outputs(file_of(AMOUNTS + ODD), toy_scorecard)
    outputs(file_of(["Ja"]), toy_scorecard)

    assert tries == [True, True, False]


def test_after_an_amount_that_is_no_number_the_next_blocks_are_text(toy_scorecard, monkeypatch, tries):
    monkeypatch.setattr("model.bulk.reader.BLOCK_BYTES", 2_000)
    monkeypatch.setattr("model.bulk.reader.HEADER_BYTES", 2_000)

    outputs(file_of(["Ja"] + AMOUNTS * 400), toy_scorecard)

    assert tries[:2] == [True, False]
    assert tries[2:17] == [False] * 14 + [True]
