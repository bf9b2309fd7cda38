"""`churn score`: what it writes, what it refuses, and its options."""

import gzip
import json
from pathlib import Path

import pytest
from commands import BAD_LINE, HEADER, LINE, RESULTS, names, rows, write
from shipped import EXAMPLE

from model import artifact, describe


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
def test_the_folder_has_the_name_of_the_file_without_its_ending(folder, run, file, results):
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
    assert [row["error"] != "" for row in rows(Path("here/predictions.csv"))] == [False, True, False]
    assert {name: summary[name] for name in ("rows_in", "rows_scored", "rows_rejected")} == {
        "rows_in": 3,
        "rows_scored": 2,
        "rows_rejected": 1,
    }


def test_corrected_rejects_can_be_scored(folder, run):
    write("customers.csv", HEADER, LINE, BAD_LINE)
    run("score", "customers.csv")
    rejects = Path("customers-scored/rejects.csv").read_text()
    write("corrected.csv", rejects.replace(",-1,", ",12,"))

    result = run("score", "corrected.csv")

    assert result.exit_code == 0
    assert [row["prediction"] for row in rows(Path("corrected-scored/predictions.csv"))] == ["churn"]


def test_the_closing_report_has_counts_tiers_and_the_path_of_the_rejects(folder, run):
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
        pytest.param(gzip.compress(HEADER.encode() * 9)[:-12], "cut off during the transfer", id="truncated"),
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


def test_results_do_not_replace_a_file(folder, run):
    write("customers.csv", HEADER, LINE)
    Path("out").write_text("mine")

    result = run("score", "customers.csv", "-o", "out")

    assert result.exit_code == 2
    assert "out is a file" in result.stderr
    assert names(folder) == ["customers.csv", "out"]


@pytest.mark.parametrize("out", [".", "here", "here/.."])
def test_results_can_be_written_into_an_existing_folder(folder, run, out):
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


def test_standard_input_needs_the_name_of_a_folder(run):
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


def test_value_at_risk_is_an_optional_column(folder, run):
    write("customers.csv", HEADER, LINE)

    run("score", "customers.csv", "--value-at-risk")

    (row,) = rows(Path("customers-scored/predictions.csv"))
    expected = artifact.load().score(dict(EXAMPLE)).probability * 70.35
    assert row["value_at_risk"] == f"{expected:.2f}"


def test_a_byte_order_mark_takes_precedence_over_the_charset(folder, run):
    Path("customers.csv").write_bytes((HEADER + LINE.replace("EXMPL", "Größe")).encode("utf-16"))

    run("score", "customers.csv", "--charset", "latin-1")

    (row,) = rows(Path("customers-scored/predictions.csv"))
    assert row["customerID"] == "0001-Größe"  # the byte order mark beats what was declared


def test_an_empty_folder_name_is_not_the_current_folder(folder, run):
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


def test_the_environment_sets_options_that_the_command_line_does_not(run, monkeypatch):
    write("customers.csv", HEADER, LINE)
    monkeypatch.setenv("CHURN_THRESHOLD", "0.9")

    run("score", "customers.csv", "-o", "set")
    run("score", "customers.csv", "-o", "given", "--threshold", "0.1")

    assert rows(Path("set/predictions.csv"))[0]["prediction"] == "not churn"
    assert rows(Path("given/predictions.csv"))[0]["prediction"] == "churn"
