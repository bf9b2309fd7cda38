"""The command `churn`: what it writes, what it says, how it ends."""

import csv
import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from terminals import run_on_a_terminal

from app.cli.__main__ import churn
from model import artifact, describe
from model.schema import EXAMPLE, NAMES, json_schema

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, str(ROOT / "app/cli")]
HEADER, LINE = describe.template().splitlines(keepends=True)
BAD_LINE = LINE.replace(",12,", ",-1,")
RESULTS = ["predictions.csv", "rejects.csv", "summary.json"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, and an environment without settings."""
    for name in list(os.environ):
        if name.startswith("CHURN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder):
    """Run a command in the working folder."""

    def run(*words: str, input: bytes | None = None):
        before = signal.getsignal(signal.SIGTERM)
        try:
            return CliRunner().invoke(churn, words, input=input)
        finally:
            signal.signal(signal.SIGTERM, before)

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, *lines: str) -> bytes:
    content = "".join(lines).encode()
    Path(name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return content


def test_a_file_is_scored_into_a_folder_named_after_it(folder, run):
    write("customers.csv", HEADER, LINE, LINE)

    result = run("score", "customers.csv")

    score = artifact.load().score(dict(EXAMPLE))
    assert result.exit_code == 0
    assert names(folder) == ["customers-scored", "customers.csv"]
    assert names(folder / "customers-scored") == RESULTS
    assert rows(Path("customers-scored/predictions.csv")) == [
        {
            "row": row,
            "customerID": describe.EXAMPLE_ID,
            "prediction": "churn",
            "probability": f"{score.probability:.4f}",
            "tier": score.tier,
            "error": "",
        }
        for row in ("1", "2")
    ]
    assert Path("customers-scored/rejects.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("file", "results"),
    [
        ("list.csv", "list-scored"),
        ("list.csv.gz", "list-scored"),
        ("List.CSV.GZ", "List-scored"),
        ("list.v2.csv", "list.v2-scored"),
        ("list.txt", "list.txt-scored"),
        ("list", "list-scored"),
    ],
)
def test_the_folder_is_called_like_the_file_without_its_ending(folder, run, file, results):
    write(file, HEADER, LINE)

    result = run("score", file)

    assert result.exit_code == 0
    assert names(folder / results) == RESULTS


def test_bad_rows_are_rejected_and_the_command_still_succeeds(folder, run):
    write("customers.csv", HEADER, LINE, BAD_LINE, LINE)

    result = run("score", "customers.csv", "--out", "here")

    (rejected,) = rows(Path("here/rejects.csv"))
    summary = json.loads(Path("here/summary.json").read_text())
    assert result.exit_code == 0
    assert (rejected["row"], rejected["tenure"]) == ("2", "-1")
    assert rejected["errors"] == 'tenure must be a whole number of months from 0 to 1,200, not "-1".'
    assert [each["error"] != "" for each in rows(Path("here/predictions.csv"))] == [False, True, False]
    assert {name: summary[name] for name in ("rows_in", "rows_scored", "rows_rejected")} == {
        "rows_in": 3,
        "rows_scored": 2,
        "rows_rejected": 1,
    }


def test_mended_rejects_can_be_scored_as_they_are(folder, run):
    write("customers.csv", HEADER, LINE, BAD_LINE)
    run("score", "customers.csv")
    rejects = Path("customers-scored/rejects.csv").read_text()
    write("mended.csv", rejects.replace(",-1,", ",12,"))

    result = run("score", "mended.csv")

    assert result.exit_code == 0
    assert [row["prediction"] for row in rows(Path("mended-scored/predictions.csv"))] == ["churn"]


def test_the_closing_report_says_counts_tiers_and_where_the_rejects_are(folder, run):
    write("customers.csv", HEADER, LINE, BAD_LINE)

    result = run("score", "customers.csv")

    assert result.stdout == ""
    assert "2 rows in, 1 scored, 1 rejected." in result.stderr
    assert "1 high, 0 medium, 0 low" in result.stderr
    assert str(Path("customers-scored/rejects.csv")) in result.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "The file is empty.", id="empty"),
        pytest.param(b"PK\x03\x04 a workbook", "Save it as CSV (UTF-8) and send that.", id="workbook"),
        pytest.param(gzip.compress(HEADER.encode() * 9)[:-12], "cut off on its way", id="truncated"),
        pytest.param(HEADER.replace("Contract,", "").encode(), "The header lacks Contract.", id="column"),
        pytest.param(f'{HEADER}{LINE}"0002-OPEN,'.encode(), "Row 2 opens a quote", id="quote"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_its_sentence_and_leaves_nothing(folder, run, content, sentence):
    Path("customers.csv").write_bytes(content)

    result = run("score", "customers.csv")

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert names(folder) == ["customers.csv"]


def test_earlier_results_survive_a_file_that_cannot_be_read_to_its_end(folder, run):
    write("customers.csv", HEADER, LINE)
    run("score", "customers.csv")
    before = {name: Path("customers-scored", name).read_bytes() for name in RESULTS}
    write("customers.csv", HEADER, LINE * 30_000, '"0002-OPEN,')

    result = run("score", "customers.csv")

    assert result.exit_code == 2
    assert {name: Path("customers-scored", name).read_bytes() for name in RESULTS} == before
    assert names(folder) == ["customers-scored", "customers.csv"]


def test_results_replace_earlier_ones_and_leave_other_files_alone(folder, run):
    write("customers.csv", HEADER, LINE)
    run("score", "customers.csv")
    Path("customers-scored/notes.txt").write_text("mine")
    write("customers.csv", HEADER, LINE, BAD_LINE)

    result = run("score", "customers.csv")

    assert result.exit_code == 0
    assert names(folder / "customers-scored") == ["notes.txt", *RESULTS]
    assert len(rows(Path("customers-scored/predictions.csv"))) == 2
    assert len(rows(Path("customers-scored/rejects.csv"))) == 1


def test_a_file_is_never_overwritten_by_its_own_results(folder, run):
    content = write("predictions.csv", HEADER, LINE)

    result = run("score", "predictions.csv", "-o", ".")

    assert result.exit_code == 2
    assert "would overwrite predictions.csv" in result.stderr
    assert Path("predictions.csv").read_bytes() == content


def test_results_do_not_take_the_place_of_a_file(folder, run):
    write("customers.csv", HEADER, LINE)
    Path("out").write_text("mine")

    result = run("score", "customers.csv", "-o", "out")

    assert result.exit_code == 2
    assert "out is a file" in result.stderr
    assert names(folder) == ["customers.csv", "out"]


@pytest.mark.parametrize("out", [".", "here", "here/.."])
def test_results_can_go_into_a_folder_that_is_there(folder, run, out):
    (folder / "here").mkdir()
    (folder / "in.csv").write_text(HEADER + LINE)

    result = run("score", "in.csv", "-o", out)

    assert result.exit_code == 0, result.output
    assert set(RESULTS) <= set(names(folder / out))
    assert not [name for name in names(folder / out) if name.endswith(".part")]


def test_standard_input_is_scored_like_the_file(folder, run):
    content = write("customers.csv", HEADER, LINE, BAD_LINE)
    run("score", "customers.csv")

    result = run("score", "-", "-o", "piped", input=content)

    assert result.exit_code == 0
    for name in ("predictions.csv", "rejects.csv"):
        assert Path("piped", name).read_bytes() == Path("customers-scored", name).read_bytes()


def test_standard_input_needs_to_be_told_where_the_results_go(run):
    result = run("score", "-", input=HEADER.encode())

    assert result.exit_code == 2
    assert "-o FOLDER" in result.stderr


def test_the_same_file_is_the_same_job_and_another_threshold_another(folder, run):
    write("customers.csv", HEADER, LINE)

    jobs = []
    for words in ([], [], ["--threshold", "0.9"]):
        run("score", "customers.csv", *words)
        jobs.append(json.loads(Path("customers-scored/summary.json").read_text())["job"])

    assert jobs[0] == jobs[1] != jobs[2]


def test_a_threshold_changes_labels_and_not_probabilities(folder, run):
    write("customers.csv", HEADER, LINE)
    run("score", "customers.csv", "-o", "model")

    run("score", "customers.csv", "-o", "high", "--threshold", "0.9")

    (own,), (high,) = rows(Path("model/predictions.csv")), rows(Path("high/predictions.csv"))
    assert (own["prediction"], high["prediction"]) == ("churn", "not churn")
    assert own["probability"] == high["probability"]


def test_value_at_risk_is_a_column_when_asked_for(folder, run):
    write("customers.csv", HEADER, LINE)

    run("score", "customers.csv", "--value-at-risk")

    (row,) = rows(Path("customers-scored/predictions.csv"))
    expected = artifact.load().score(dict(EXAMPLE)).probability * 70.35
    assert row["value_at_risk"] == f"{expected:.2f}"


def test_a_charset_is_believed_when_given(folder, run):
    Path("customers.csv").write_bytes((HEADER + LINE.replace("EXMPL", "Größe")).encode("utf-16"))

    run("score", "customers.csv", "--charset", "latin-1")

    (row,) = rows(Path("customers-scored/predictions.csv"))
    assert row["customerID"] == "0001-Größe"  # the byte order mark beats what was declared


def test_a_folder_without_a_name_is_not_the_one_at_hand(folder, run):
    write("customers.csv", HEADER, LINE)
    before = sorted(Path().iterdir())

    done = run("score", "customers.csv", "-o", "")

    assert done.exit_code == 2
    assert "is empty, where a folder is to be named" in done.stderr
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--threshold", "2"], "must be a number between 0 and 1", id="threshold"),
        pytest.param(["--threshold", "nan"], "must be a number between 0 and 1", id="nan"),
        pytest.param(["--model", "9.9.9"], "There is no model version 9.9.9; versions: 1.0.0", id="version"),
        pytest.param(["--model", "../1.0.0"], "must look like 1.0.0", id="path"),
        pytest.param(["--engine", "abacus"], "must be scorecard or pipeline", id="engine"),
        pytest.param(["--charset", "klingon"], "latin-1", id="charset"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(folder, run, words, sentence):
    write("customers.csv", HEADER, LINE)

    result = run("score", "customers.csv", *words)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert names(folder) == ["customers.csv"]


def test_the_environment_sets_what_the_command_line_does_not(run, monkeypatch):
    write("customers.csv", HEADER, LINE)
    monkeypatch.setenv("CHURN_THRESHOLD", "0.9")

    run("score", "customers.csv", "-o", "set")
    run("score", "customers.csv", "-o", "given", "--threshold", "0.1")

    assert rows(Path("set/predictions.csv"))[0]["prediction"] == "not churn"
    assert rows(Path("given/predictions.csv"))[0]["prediction"] == "churn"


def test_a_bar_with_rows_a_second_and_time_left_is_drawn_on_a_terminal(folder):
    write("customers.csv", HEADER, LINE * 100_000)

    code, drawn = run_on_a_terminal([*CLI, "score", "customers.csv"])

    assert code == 0
    assert " rows/s, 00:00 left" in drawn
    assert "100 %|" in drawn


def test_no_bar_is_drawn_into_a_pipe(folder):
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
        _, said = process.communicate()

    assert process.returncode != 0
    assert b"Traceback" not in said
    assert names(folder) == []


def _wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for 30 seconds")


def test_a_full_disk_is_named_and_leaves_nothing_behind(folder):
    write("customers.csv", HEADER, LINE * 20_000)

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run([*CLI, "score", "customers.csv"], capture_output=True, text=True, preexec_fn=fill_up)

    assert done.returncode == 1
    assert done.stderr == "customers-scored: File too large.\n"
    assert names(folder) == ["customers.csv"]


def test_a_reader_who_goes_away_is_no_error(folder):
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
    assert json.loads(run("schema").stdout) == json_schema()


def test_the_template_can_be_filled_in_and_scored(folder, run):
    Path("customers.csv").write_text(run("template").stdout)

    result = run("score", "customers.csv")

    assert result.exit_code == 0
    assert rows(Path("customers.csv"))[0].keys() == {"customerID", *NAMES}
    assert rows(Path("customers-scored/predictions.csv"))[0]["prediction"] == "churn"


def test_asking_where_nothing_listens_says_what_to_start(run):
    result = run("ask", "--port", "9")

    assert result.exit_code == 2
    assert result.stderr == "Nothing listens on port 9 of this machine. Start it: make run\n"


def test_training_without_its_libraries_says_how_to_get_them(folder, run, monkeypatch):
    write("customers.csv", HEADER, LINE)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for name in list(sys.modules):
        if name.startswith("model.training."):
            monkeypatch.delitem(sys.modules, name)

    result = run("train", "--data", "customers.csv")

    assert result.exit_code == 2
    assert "make dev" in result.stderr


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


def test_training_is_told_the_data_the_version_and_the_place(folder, run, monkeypatch):
    told = []

    def train(data, version, root, progress, recipe, trusted):
        told.append((data, version, root, callable(progress), recipe.name, trusted))
        return root / "2.0.0"

    monkeypatch.setitem(sys.modules, "model.training.train", SimpleNamespace(train=train))
    write("customers.csv", HEADER, LINE)

    result = run("train", "--data", "customers.csv", "--out", "models", "--version", "2.0.0", "--trust", "Partner")

    assert told == [(Path("customers.csv"), "2.0.0", Path("models"), True, "additive", ("Partner",))]
    assert result.stdout == "models/2.0.0\n"


@pytest.mark.parametrize("words", [[], ["--version", "1.0.0"]])
def test_evaluating_prints_a_table_or_json(run, words):
    pytest.importorskip("sklearn")
    sample = str(ROOT / "tests" / "data" / "sample.csv")

    table = run("evaluate", "--data", sample, *words)
    figures = run("evaluate", "--data", sample, "--json", *words)

    assert table.stdout.startswith("Model 1.0.0 on 120 customers")
    assert json.loads(figures.stdout)["rows"] == 120
