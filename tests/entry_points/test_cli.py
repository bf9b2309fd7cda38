"""The command `churn`: terminals, signals, full disks, and the commands that have no tests of their own."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from commands import CLI, HEADER, LINE, ROOT, names, rows, write
from other_schema import NAMES as OTHER_NAMES
from other_schema import write_models
from shipped import NAMES, SCHEMA
from terminals import run_on_a_terminal

from app.cli.__main__ import churn
from model.json_schema import json_schema


def test_a_terminal_shows_a_bar_with_rows_per_second_and_time_left(folder):
    write("customers.csv", HEADER, LINE * 100_000)

    code, drawn = run_on_a_terminal([*CLI, "score", "customers.csv"])

    assert code == 0
    assert " rows/s, 00:00 left" in drawn
    assert "100 %|" in drawn


def test_a_pipe_gets_no_bar(folder):
    write("customers.csv", HEADER, LINE)

    done = subprocess.run([*CLI, "score", "customers.csv"], capture_output=True, text=True, check=True)

    assert done.stdout == ""
    assert "%" not in done.stderr
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_command_leaves_nothing_behind(folder, how):
    words = [*CLI, "score", "-", "-o", "out"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder) as process:
        process.stdin.write((HEADER + LINE * 60_000).encode())
        process.stdin.flush()
        _wait_for(lambda: any(path.stat().st_size for path in folder.glob(".out-*.part/predictions.csv")))
        process.send_signal(how)
        _, errors = process.communicate()

    assert process.returncode != 0
    assert b"Traceback" not in errors
    assert names(folder) == []


def _wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for 30 seconds")


@pytest.mark.no_cover
def test_a_full_disk_is_named_and_leaves_nothing_behind(folder):
    write("customers.csv", HEADER, LINE * 20_000)

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run([*CLI, "score", "customers.csv"], capture_output=True, text=True, preexec_fn=fill_up)

    assert done.returncode == 1
    assert done.stderr == "customers-scored: File too large.\n"
    assert names(folder) == ["customers.csv"]


def test_a_reader_that_closes_the_pipe_is_no_error(folder):
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run([*CLI, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)

    assert done.stderr == ""


def test_help_loads_nothing_heavy():
    heavy = ["flask", "numpy", "pyarrow", "pandas", "sklearn", "joblib", "tqdm"]
    code = f"""
import sys
from app.cli.__main__ import churn
churn(["--help"], standalone_mode=False)
print([name for name in {heavy} if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_schema_is_printed_as_json(run):
    assert json.loads(run("schema").stdout) == json_schema(SCHEMA)


def test_the_template_can_be_filled_in_and_scored(folder, run):
    Path("customers.csv").write_text(run("template").stdout)

    result = run("score", "customers.csv")

    assert result.exit_code == 0
    assert rows(Path("customers.csv"))[0].keys() == {"customerID", *NAMES}
    assert rows(Path("customers-scored/predictions.csv"))[0]["prediction"] == "churn"


def test_ask_names_the_command_to_start_if_nothing_listens(run):
    result = run("ask", "--port", "9")

    assert result.exit_code == 2
    assert result.stderr == "Nothing listens on port 9 of this machine. Start it: make run\n"


def test_training_without_its_libraries_names_the_command_that_installs_them(folder, run, monkeypatch):
    write("customers.csv", HEADER, LINE)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for name in list(sys.modules):
        if name.startswith("model.training."):
            monkeypatch.delitem(sys.modules, name)

    result = run("train", "--data", "customers.csv")

    assert result.exit_code == 2
    assert "make dev" in result.stderr


@pytest.mark.parametrize("target_format", ["csv", "parquet"])
def test_spark_refuses_to_add_the_columns_of_the_file(folder, run, target_format):
    result = run("spark", "customers.csv", "out", "--include-input", "--to", target_format)

    assert result.exit_code == 2
    assert "Spark does not add the columns of the file. Leave --include-input out" in result.stderr
    assert not Path("out").exists()


def test_training_refuses_a_file_without_the_outcome(folder, run):
    write("customers.csv", HEADER, LINE)

    result = run("train", "--data", "customers.csv", "--out", "models")

    assert result.exit_code == 2
    assert "lacks Churn" in result.stderr
    assert not Path("models").exists()


def test_evaluating_refuses_an_unknown_version(folder, run):
    write("customers.csv", HEADER, LINE)

    result = run("evaluate", "--data", "customers.csv", "--version", "9.9.9")

    assert result.exit_code == 2
    assert "There is no model version 9.9.9" in result.stderr


def test_training_gets_the_data_the_version_and_the_folder(folder, run, monkeypatch):
    calls = []

    def train(data, version, root, progress, recipes, trusted, **_options):
        calls.append((data, version, root, callable(progress), [recipe.name for recipe in recipes], trusted))
        return root / "2.0.0"

    monkeypatch.setitem(sys.modules, "model.training.train", SimpleNamespace(train=train))
    write("customers.csv", HEADER, LINE)

    result = run("train", "--data", "customers.csv", "--out", "models", "--version", "2.0.0", "--trust", "Partner")

    assert calls == [(Path("customers.csv"), "2.0.0", Path("models"), True, ["spline"], ("Partner",))]
    assert result.stdout == "models/2.0.0\n"


@pytest.mark.parametrize("words", [[], ["--version", "1.0.0"]])
def test_evaluating_prints_a_table_or_json(run, words):
    pytest.importorskip("sklearn")
    sample = str(ROOT / "tests" / "data" / "sample.csv")

    table = run("evaluate", "--data", sample, *words)
    figures = run("evaluate", "--data", sample, "--json", *words)

    assert table.stdout.startswith("Model 1.0.0 on 120 customers")
    assert json.loads(figures.stdout)["rows"] == 120


def test_the_schema_of_a_model_is_printed_as_its_file_and_for_programs(tmp_path):
    models = str(write_models(tmp_path / "models"))

    file = CliRunner().invoke(churn, ["schema", "--toml", "--models", models])
    described = CliRunner().invoke(churn, ["schema", "--models", models])
    both = CliRunner().invoke(churn, ["schema", "--toml", "--table"])

    assert [feature["name"] for feature in tomllib.loads(file.output)["features"]] == OTHER_NAMES
    assert list(json.loads(described.output)["properties"]) == OTHER_NAMES
    assert both.exit_code == 2
