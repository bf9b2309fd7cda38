"""A column of model/outputs.py is offered by every entry point, and a column that is added there needs nothing else."""

import ast
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import plain_environment
from shipped import EXAMPLE

from app.cli.__main__ import churn
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from model import artifact, outputs
from model.bulk.source import FileLimits
from model.output_option import OutputOption
from model.outputs import ComputedColumn, OutputOptions, output_options

ROOT = Path(__file__).parents[2]
YEARLY_BILL = 844.2
"""Twelve times the 70.35 of the example."""

OTHER_MEANINGS = {
    ("row", "model/errors.py"): "of a problem",
    ("reasons", "app/web/form_fields.py"): "an id of the page",
    ("probability", "app/settings.py"): "a unit",
    ("error", "model/bulk/ndjson.py"): "the last line of a list that broke off",
    ("error", "app/log.py"): "a level",
    ("error", "app/server.py"): "a level",
    ("error", "app/web/v2.py"): "a level",
}
"""Where the name of a column means something else, by name and file."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict:
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    environment = {**plain_environment(), **keys, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, str(ROOT / "tests" / "extra_column.py"), str(tmp_path_factory.mktemp("column"))]

    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("entry_point", ["csv", "score", "watch", "bucket"])
def test_an_added_column_is_in_every_csv(answers, entry_point):
    (row,) = csv.DictReader(io.StringIO(answers[entry_point]))

    assert list(row)[:6] == ["row", "customerID", "prediction", "probability", "tier", "error"]
    assert row["yearly_bill"] == "844.20"


def test_an_added_column_is_in_ndjson_and_in_json(answers):
    row, _ = map(json.loads, answers["ndjson"].splitlines())

    assert row["yearly_bill"] == YEARLY_BILL
    assert answers["customers"]["yearly_bill"] == YEARLY_BILL


def test_an_added_column_is_described_in_openapi_and_in_the_settings(answers):
    schemas = answers["openapi"]["components"]["schemas"]
    described = {"type": "number", "description": "Twelve times MonthlyCharges"}
    parameters = answers["openapi"]["paths"]["/v2/batches"]["post"]["parameters"]

    assert schemas["Row"]["properties"]["yearly_bill"] == described
    assert schemas["Result"]["properties"]["yearly_bill"] == described
    assert "yearly_bill" in [parameter["name"] for parameter in parameters]
    assert "| `CHURN_YEARLY_BILL` | `no` | yes or no |" in answers["settings"]


def test_each_name_of_a_column_or_an_option_is_written_in_one_source_file():
    names = {column.name for column in outputs.COLUMNS if column != outputs.IDENTITY}
    names |= {option.name for option in output_options()}
    # "input" and "error" are words of other protocols too; the reports of training have keys of their own.
    sources = [path for top in ("app", "model") for path in (ROOT / top).rglob("*.py") if "training" not in path.parts]
    written = {
        (node.value, path.relative_to(ROOT).as_posix())
        for path in [*sources, ROOT / "handler.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }

    statuses = {("error", file) for name, file in written if name == "error" and file.startswith("app/jobs/")}
    # Answers about a file have notes too, and alternatives.
    others = {("notes", file) for name, file in written if name == "notes" and file != "model/outputs.py"}
    assert {file for _, file in written - OTHER_MEANINGS.keys() - statuses - others} == {"model/outputs.py"}
    assert {name for name, file in written if file == "model/outputs.py"} == names


EVERYTHING = ["value_at_risk", "reason_1", "reason_2", "note"]


@pytest.fixture
def noted() -> bytes:
    names = [*EXAMPLE, "note"]
    return f"{','.join(names)}\n{','.join(map(str, EXAMPLE.values()))},=1+1\n".encode()


def last_columns(content: str) -> list[str]:
    header, row = csv.reader(io.StringIO(content))
    cells = dict(zip(header, row, strict=True))
    assert cells["value_at_risk"] == "36.62"
    assert cells["reason_1"].startswith("Fiber optic internet: raises")
    assert cells["note"] == "'=1+1"
    return [name for name in header if name in EVERYTHING]


def test_every_option_is_offered_by_command_folder_settings_and_http_alike(scorer, tmp_path, noted, monkeypatch):
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "customers.csv"
    file.write_bytes(noted)
    flags = ["--value-at-risk", "--reasons", "2", "--include-input", "--spreadsheet-safe"]
    query = "value_at_risk=true&reasons=2&include_input=true&spreadsheet_safe=true"

    scored = CliRunner().invoke(churn, ["score", str(file), "-o", str(tmp_path / "scored"), *flags])
    assert scored.exit_code == 0, scored.output
    answer = (
        create_app(scorer, Settings()).test_client().post(f"/v2/batches?{query}", data=noted, content_type="text/csv")
    )
    for name, value in [
        ("VALUE_AT_RISK", "yes"),
        ("REASONS", "2"),
        ("INCLUDE_INPUT", "yes"),
        ("SPREADSHEET_SAFE", "yes"),
    ]:
        monkeypatch.setenv(f"CHURN_{name}", value)
    watched = CliRunner().invoke(
        churn, ["watch", str(tmp_path / "in"), str(tmp_path / "out"), "--once", "--interval", "0.05"]
    )
    assert watched.exit_code == 0, watched.output

    command = (tmp_path / "scored" / "predictions.csv").read_text()
    (folder,) = (tmp_path / "out").rglob("predictions.csv")
    assert command == folder.read_text() == answer.text
    assert last_columns(command) == EVERYTHING


@pytest.mark.parametrize(("flag", "value"), [("--reasons", "11"), ("--reasons", "some"), ("--reasons", "-1")])
def test_a_number_that_is_out_of_range_is_refused_by_the_command(tmp_path, noted, flag, value):
    (tmp_path / "customers.csv").write_bytes(noted)

    done = CliRunner().invoke(churn, ["score", str(tmp_path / "customers.csv"), flag, value])

    assert done.exit_code == 2
    assert 'a whole number from 0 to 10, or "all"' in done.output


def test_an_option_that_is_not_in_the_table_is_refused():
    with pytest.raises(TypeError, match="colour"):
        OutputOptions(colour=True)


def test_a_job_keeps_its_identity_when_an_option_is_added(toy_scorecard, monkeypatch):
    def job(**values: object) -> str:
        return Scoring(toy_scorecard, OutputOptions(**values), FileLimits()).job_id("customers.csv", "0" * 64)

    before, with_reasons = job(), job(reasons=3)
    option = OutputOption("yearly_bill", "Add twelve times MonthlyCharges")
    column = ComputedColumn(
        "yearly_bill", "", {}, option, compute=lambda features, score: features["MonthlyCharges"] * 12
    )
    monkeypatch.setattr(outputs, "COLUMNS", (*outputs.COLUMNS, column))

    assert OutputOptions()["yearly_bill"] is False
    assert (job(), job(reasons=3)) == (before, with_reasons)
    assert job(yearly_bill=True) not in {before, with_reasons}


def test_a_job_of_the_options_so_far_is_called_as_before_the_table():
    scorer = artifact.load("1.0.0")

    # Computed by the release before, for the same file.
    ids = {"b5a8ec4e64e662f3abbbbb7ce6cf3c18": {}, "5f4dfab356caa7f6225a0317afb511fc": {"value_at_risk": True}}
    for job_id, options in ids.items():
        scoring = Scoring(scorer, OutputOptions(**options), FileLimits())
        assert scoring.job_id("customers.csv", "0" * 64) == job_id
