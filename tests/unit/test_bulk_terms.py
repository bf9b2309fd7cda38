"""Columns of any schema and terms of every kind: each row as the customer alone, to the last bit and word."""

import csv
import io
import json
import random

import numpy as np
import pyarrow as pa
import pytest

from model.bulk.columns import Columns
from model.bulk.csv_writer import Predictions
from model.bulk.ndjson import NdJson
from model.bulk.run import Run
from model.bulk.score import BulkScorer, bins_of
from model.bulk.table import TableRecords
from model.errors import CustomerError
from model.explain import explain
from model.outputs import OutputOptions
from model.result import to_reason
from model.schema_file import read_schema
from model.scorecard_file import read_scorecard
from model.strict_json import Member
from model.validate import validate

BRANCHES = [f"Straße {number}" for number in range(140)]
FEATURES = [
    {"name": "branch", "kind": "category", "values": BRANCHES, "other": "accept", "missing": "accept"},
    {"name": "online", "kind": "flag", "values": ["no", "yes"]},
    {"name": "grade", "kind": "category", "values": [0, 1, 2], "missing": "accept"},
    {"name": "age", "kind": "number", "whole": True, "minimum": 18, "maximum": 110},
    {"name": "balance", "kind": "number", "minimum": -1e6, "maximum": 1e9, "missing": "accept"},
    {"name": "visits", "kind": "number", "whole": True, "minimum": 0, "maximum": 1e9, "missing": "accept"},
    {"name": "degrees", "kind": "number", "whole": True, "minimum": -40, "maximum": 60, "missing": "accept"},
    {
        "name": "total",
        "kind": "number",
        "minimum": 0,
        "maximum": 1e6,
        "missing": {"equals": 0.5, "when": {"online": "no"}},
    },
    {
        "name": "orders",
        "kind": "number",
        "whole": True,
        "minimum": 1,
        "maximum": 500,
        "missing": {"equals": 7, "when": {"degrees": 0}},
    },
    {
        "name": "points",
        "kind": "number",
        "whole": True,
        "minimum": -5,
        "maximum": 1e9,
        "missing": {"equals": 3, "when": {"grade": 0}},
    },
]
EDGES = [round(1.5**step) + step for step in range(51)]
SCHEMA = read_schema(Member({"id": "no", "target": "left", "money": "balance", "features": FEATURES}, "schema.json"))


def draw_points(*counts: int) -> list:
    if len(counts) > 1:
        return [draw_points(*counts[1:]) for _ in range(counts[0])]
    return [RANDOM.uniform(-1, 1) for _ in range(counts[0])]


RANDOM = random.Random(18)
SCORER = read_scorecard(
    {
        "version": "1.0.0",
        "schema_version": 2,
        "threshold": 0.4,
        "tiers": {"high": 0.6, "medium": 0.3, "low": 0},
        "intercept": -0.7,
        "ranges": {},
        "terms": [
            {
                "feature": "branch",
                "table": dict(zip(BRANCHES, draw_points(140), strict=True)),
                "other": 0.3,
                "missing": -0.1,
            },
            {"feature": "online", "table": {"no": 0.1, "yes": -0.2}},
            {"feature": "grade", "table": {"0": 0.4, "1": 0.05, "2": -0.3}, "missing": 0.7},
            {"feature": "age", "edges": [25, 40.5, 70], "points": draw_points(4)},
            {"feature": "balance", "knots": [-10, 0, 99.9, 1e4], "points": draw_points(4), "missing": 0.21},
            {"feature": "visits", "edges": EDGES, "points": draw_points(52), "missing": -0.33},
            {"feature": "degrees", "knots": [-20, 3, 30], "points": draw_points(3), "missing": 0.9},
            {"feature": "total", "knots": [0, 0.5, 100], "points": draw_points(3)},
            {"feature": "orders", "edges": [3, 7, 100], "points": draw_points(4)},
            {"feature": "points", "knots": [0], "points": [0.3]},
        ],
        "pairs": [
            {"features": ["branch", "visits"], "edges": [None, [1, 1000]], "points": draw_points(142, 4)},
            {"features": ["age", "balance"], "edges": [[30], [0, 500.5]], "points": draw_points(2, 4)},
            {"features": ["grade", "online"], "edges": [None, None], "points": draw_points(4, 2)},
        ],
    },
    SCHEMA,
    "0" * 64,
)
CELLS = {
    "branch": [*BRANCHES, "straße 3", " Straße 4 ", "STRAßE 5", "elsewhere", "elsewhere, too", "", " ", "\u00a0"],
    "online": ["no", "yes", "No", " YES", "true", "false"],
    "grade": ["0", "1", "2", "", " "],
    "age": ["18", "25", "40", "41", "70.0", "110", "+33", "1e2", "033"],
    "balance": ["-10", "-0", "0", "99.9", "1234567.89", "1e9", "", " ", "\t", "-1e6", "5.", ".5"],
    "visits": ["0", "1", "999999999", "1000000000", "1e3", "12.0", "", " ", *map(str, EDGES)],
    "degrees": ["-40", "60", "-20", "3", "0", "-0", "30.0", "", " "],
    "total": ["0", "0.5", "1e6", "17.25", "", " "],
    "orders": ["1", "3", "7", "500", "", " ", "99.0"],
    "points": ["-5", "0", "12", "1e9", "", " ", "\u2003"],
}
WRONG = ["x", "12.5", "1e99", "nan", "inf", "-41", "1,5", '"', "1_000", "--3", "Nein", "", "\u200b", "9" * 401]


def draw_rows(count: int, wrong_share: float) -> list[dict[str, str]]:
    draw = random.Random(f"{count} {wrong_share}")
    return [
        {
            name: draw.choice(WRONG if draw.random() < wrong_share else cells)
            for name, cells in {"no": [f"{row:06d}"], **CELLS}.items()
        }
        for row in range(count)
    ]


def to_csv(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, SCHEMA.columns, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def alone(row: dict[str, str]) -> tuple:
    """Return a customer alone: the typed values, the bits of the log-odds and of each contribution, or the problems."""
    try:
        customer = validate(row, SCHEMA.features)
    except CustomerError as error:
        return tuple(problem[:5] for problem in error.problems)
    score = SCORER.score(customer)
    parts = [part.hex() for part in SCORER.contributions(customer)]
    return customer, score.log_odds.hex(), score.probability.hex(), parts


def in_bulk(blocks: list) -> list[tuple]:
    scorer = BulkScorer(SCORER)
    results = []
    for block in blocks:
        scorer.score(block)
        parts = scorer.contributions(block.columns, block.rows).tolist()
        for index in range(block.rows):
            if index in block.problems:
                results.append(tuple(problem[:5] for problem in block.problems[index]))
                continue
            results.append(
                (
                    block.customer(index),
                    block.log_odds[index].hex(),
                    block.probability[index].hex(),
                    [part.hex() for part in parts[index]],
                )
            )
    return results


@pytest.mark.parametrize("wrong_share", [0, 0.002, 0.1])
def test_each_row_is_scored_as_the_customer_alone(wrong_share):
    rows = draw_rows(4000, wrong_share)

    results = in_bulk(list(Run(io.BytesIO(to_csv(rows)), SCORER)))

    expected = [alone(row) for row in rows]
    assert results == expected
    assert any(isinstance(result[0], dict) for result in expected)


@pytest.mark.parametrize("wrong_share", [0, 0.1])
def test_rows_of_a_table_are_scored_as_the_customers_alone(wrong_share):
    rows = draw_rows(1000, wrong_share)
    positions = {name: index for index, name in enumerate(SCHEMA.columns)}
    columns = Columns(SCHEMA, list(SCHEMA.columns), positions, ",", id_required=False)
    table = TableRecords([pa.array([row[name] or None for row in rows], pa.string()) for name in SCHEMA.columns])

    assert in_bulk([columns.parse_table(table, 1)]) == [alone(row) for row in rows]


def test_numbers_may_have_decimal_commas_between_semicolons():
    rows = draw_rows(1000, 0)
    with_commas = [
        {name: cell if name in ("no", "branch") else cell.replace(".", ",") for name, cell in row.items()}
        for row in rows
    ]

    results = in_bulk(list(Run(io.BytesIO(to_csv(with_commas, ";")), SCORER)))

    assert results == [alone(row) for row in rows]


def test_reasons_name_pairs_and_missing_values_as_for_the_customer_alone():
    rows = draw_rows(300, 0)
    options = OutputOptions(reasons=13, value_at_risk=True)
    lines = b"".join(map(NdJson(SCORER, options).lines, Run(io.BytesIO(to_csv(rows)), SCORER)))

    for row, line in zip(rows, map(json.loads, lines.splitlines()), strict=True):
        expected = alone(row)
        if isinstance(expected[0], dict):
            customer = expected[0]
            reasons = [to_reason(reason) for reason in explain(SCORER, customer)]
            at_risk = None if customer["balance"] is None else customer["balance"] * SCORER.score(customer).probability
            assert line["reasons"] == json.loads(json.dumps(reasons))
            assert line["value_at_risk"] == (None if at_risk is None else pytest.approx(at_risk, abs=0.005))
        else:
            assert [error["code"] for error in line["errors"]] == [problem[0] for problem in expected]


def test_a_cell_of_money_that_is_not_known_is_blank():
    row = {name: cells[0] for name, cells in CELLS.items()}
    rows = [{**row, "no": "1", "balance": "200"}, {**row, "no": "2", "balance": ""}]
    run = Run(io.BytesIO(to_csv(rows)), SCORER, top=2)
    writer = Predictions(SCORER, OutputOptions(value_at_risk=True))
    content = (writer.header + b"".join(map(writer.lines, run))).decode()

    first, second = csv.DictReader(io.StringIO(content))
    summary = run.summary()
    assert (float(first["value_at_risk"]) > 0, second["value_at_risk"]) == (True, "")
    assert summary["value_at_risk"] == float(first["value_at_risk"])
    assert [(entry["no"], entry["value_at_risk"] is None) for entry in summary["top"]] == [("1", False), ("2", True)]


def test_a_row_without_any_value_is_blank_where_all_may_be_missing():
    features = [{**feature, "missing": "accept"} for feature in FEATURES if feature["name"] in ("grade", "balance")]
    schema = read_schema(Member({"id": "no", "target": "left", "features": features}, "schema.json"))
    columns = Columns(schema, ["no", "grade", "balance"], {"no": 0, "grade": 1, "balance": 2}, ",", False)
    table = TableRecords([pa.array(cells, pa.string()) for cells in (["a", "", "c"], ["", "", "1"], [None, None, "5"])])

    block = columns.parse_table(table, 1)

    assert (block.rows, block.blank_lines, block.ids.to_pylist()) == (2, 1, ["a", "c"])
    assert [block.customer(index) for index in range(2)] == [
        {"grade": None, "balance": None},
        {"grade": 1, "balance": 5.0},
    ]


def test_a_row_of_separators_is_blank_where_only_some_may_be_missing():
    row = {name: cells[0] for name, cells in CELLS.items()}
    blank = "," * (len(row) - 1) + "\n"

    run = Run(io.BytesIO(to_csv([row]) + blank.encode() + to_csv([row]).partition(b"\n")[2]), SCORER)
    list(run)

    summary = run.summary()
    assert {feature.accepts_missing for feature in SCHEMA.features} == {False, True}
    assert (summary["rows_in"], summary["rows_rejected"], summary["blank_lines"]) == (2, 0, 1)


@pytest.mark.parametrize("count", [0, 1, 47, 48, 49, 300])
def test_bins_are_those_of_a_search(count):
    edges = np.sort(np.random.default_rng(count).choice(1000, count, replace=False)).tolist()
    values = np.array([*range(-5, 1005), 0.5, np.inf])

    assert bins_of(values, edges).tolist() == np.searchsorted(edges, values, "right").tolist()
    assert bins_of(np.array([np.nan]), edges).tolist() == [0]
