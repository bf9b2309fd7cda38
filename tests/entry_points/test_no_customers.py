"""A file with a header and no customers: no report on the terminal shows zeros that look like a result."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from shipped import SCHEMA

from app.cli.__main__ import churn
from model import describe

HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("none.csv").write_text(HEADER)
    Path("bad.csv").write_text(HEADER + LINE.replace(",12,", ",soon,"))
    return lambda *words: CliRunner().invoke(churn, words)


def test_the_report_states_that_nothing_was_scored(run):
    done = run("score", "none.csv")

    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "Nothing was scored.",
        "The file has a header and no rows.",
        "Results: none-scored",
    ]
    summary = json.loads(Path("none-scored/summary.json").read_text())
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (0, 0, 0)
    assert "The file has a header and no rows." in summary["notes"]


def test_a_file_of_bad_rows_alone_has_no_risk_in_its_report(run):
    done = run("score", "bad.csv")

    assert done.exit_code == 0
    assert done.stderr.startswith("1 rows in, 0 scored, 1 rejected.\nResults: bad-scored\nRejected rows")


@pytest.mark.parametrize("words", [("none.csv",), ("bad.csv",), ("none.csv", "none.csv")])
def test_drift_of_no_customers_is_a_sentence_and_not_a_table(run, words):
    done = run("drift", *words)

    assert done.exit_code == 0
    assert "has 0 customers" in done.stdout
    assert "tenure" not in done.stdout
