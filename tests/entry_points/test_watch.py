"""A watched folder: which files are scored, which are ignored, and that the same file is scored once."""

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from shipped import SCHEMA

from app.cli.__main__ import churn
from app.jobs import layout, local
from app.jobs.folder import Folder
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.errors import ChurnError
from model.outputs import OutputOptions

ROOT = Path(__file__).parents[2]
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
GOOD = (HEADER + LINE).encode()
MIXED = (HEADER + LINE + LINE.replace(",12,", ",-1,")).encode()


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def scoring(toy_scorecard):
    return Scoring(toy_scorecard, OutputOptions(), FileLimits())


@pytest.fixture
def folder(inbox, outbox, scoring):
    return Folder(inbox, outbox, scoring)


def put(inbox: Path, name: str, content: bytes) -> Path:
    path = inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def sweep_twice(folder: Folder) -> list[dict]:
    return [*folder.sweep(), *folder.sweep()]


def tree(outbox: Path) -> dict[str, bytes]:
    return {
        path.relative_to(outbox).as_posix(): path.read_bytes() for path in sorted(outbox.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("name", ["customers.csv", "Customers.CSV", "small.csv.gz", "SMALL.CSV.GZ", "march/a b;ü.csv"])
def test_a_dropped_csv_is_scored_under_its_name(folder, inbox, outbox, name):
    put(inbox, name, gzip.compress(MIXED) if name.lower().endswith("gz") else MIXED)

    (line,) = sweep_twice(folder)

    results = tree(outbox)
    prefix = f"{name}/{line['job']}"
    assert (line["status"], line["rows_in"], line["rows_scored"], line["rows_rejected"]) == ("done", 2, 1, 1)
    assert sorted(results) == [f"{prefix}/{result}" for result in (layout.PREDICTIONS, layout.REJECTS, layout.SUMMARY)]
    assert json.loads(results[f"{prefix}/{layout.SUMMARY}"])["job"] == line["job"]


def test_a_name_that_is_not_utf_8_fails_in_a_sentence_like_any_other(folder, inbox, outbox):
    put(inbox, os.fsdecode(b"bad\xff.csv"), b"x")

    (line,) = sweep_twice(folder)

    assert (line["status"], line["code"]) == ("failed", "no_header")
    assert [path.name for path in outbox.rglob("*") if path.is_file()] == [layout.FAILURE]


def test_the_folder_gives_the_same_bytes_as_the_command_for_one_file(folder, inbox, outbox, scoring, tmp_path):
    path = put(inbox, "customers.csv", MIXED)
    (line,) = sweep_twice(folder)

    with path.open("rb") as source:
        local.score_file(source, path.name, tmp_path / "scored", scoring)

    assert tree(tmp_path / "scored") == tree(outbox / "customers.csv" / line["job"])


def test_a_file_that_still_grows_is_left_alone(folder, inbox, outbox):
    path = put(inbox, "customers.csv", GOOD)
    taken = [*folder.sweep()]

    for _ in range(3):
        with path.open("ab") as file:
            file.write(LINE.encode())
        taken += folder.sweep()

    assert taken == []
    assert [line["rows_in"] for line in folder.sweep()] == [4]


@pytest.mark.parametrize(
    "name",
    ["customers.csv.part", "customers.csv.PART", "customers.tmp", "customers.csv~", ".customers.csv", ".sync/a.csv"],
)
def test_a_draft_is_left_alone_until_it_is_renamed(folder, inbox, outbox, name):
    path = put(inbox, name, GOOD)
    assert sweep_twice(folder) == []
    assert not outbox.exists()

    path.rename(inbox / "customers.csv")

    assert [line["name"] for line in sweep_twice(folder)] == ["customers.csv"]


def test_a_file_is_scored_once_even_by_the_next_watcher(folder, inbox, outbox, scoring):
    put(inbox, "customers.csv", GOOD)
    sweep_twice(folder)
    before = tree(outbox)

    again = sweep_twice(folder) + sweep_twice(Folder(inbox, outbox, scoring))

    assert again == []
    assert tree(outbox) == before


def test_a_file_that_is_touched_or_dropped_again_is_the_same_job(folder, inbox, outbox):
    path = put(inbox, "customers.csv", GOOD)
    sweep_twice(folder)

    os.utime(path, (1, 1))
    touched = sweep_twice(folder)
    path.unlink()
    sweep_twice(folder)
    put(inbox, "customers.csv", GOOD)

    assert touched == sweep_twice(folder) == []
    assert len(list((outbox / "customers.csv").iterdir())) == 1


def test_new_content_under_an_old_name_is_a_new_job_next_to_the_old(folder, inbox, outbox):
    put(inbox, "customers.csv", GOOD)
    (first,) = sweep_twice(folder)
    put(inbox, "customers.csv", MIXED)

    (second,) = sweep_twice(folder)

    assert sorted(path.name for path in (outbox / "customers.csv").iterdir()) == sorted([first["job"], second["job"]])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda scoring: {"scorer": replace(scoring.scorer, sha256="1" * 64)}, id="model"),
        pytest.param(lambda scoring: {"scorer": scoring.scorer.with_threshold(0.9)}, id="threshold"),
        pytest.param(lambda scoring: {"options": OutputOptions(value_at_risk=True)}, id="columns"),
    ],
)
def test_whatever_changes_the_answer_changes_the_job(scoring, change):
    job = scoring.job_id("customers.csv", "0" * 64)

    assert replace(scoring, **change(scoring)).job_id("customers.csv", "0" * 64) != job


def test_a_job_belongs_to_a_name_and_a_content(scoring):
    jobs_made = {scoring.job_id(name, content) for name in ("a.csv", "b.csv") for content in ("0" * 64, "1" * 64)}

    assert len(jobs_made) == 4


@pytest.mark.parametrize(
    ("name", "content", "code", "advice"),
    [
        pytest.param("customers.xlsx", b"PK\x03\x04", "not_csv", ".csv or .csv.gz", id="another ending"),
        pytest.param("customers.csv", b"PK\x03\x04", "not_csv", "Save it as CSV", id="a workbook in disguise"),
        pytest.param("customers.csv", b"", "empty_file", "Expected a CSV", id="empty"),
        pytest.param("customers.csv", b"a,b\n1,2\n", "no_header", "column names first", id="no header"),
        pytest.param("customers.csv", GOOD * 3_000 + b'"', "open_quote", "Close it", id="late"),
    ],
)
def test_an_unreadable_file_gets_a_failure_with_advice(folder, inbox, outbox, name, content, code, advice):
    put(inbox, name, content)

    (line,) = sweep_twice(folder)

    ((path, written),) = tree(outbox).items()
    failure = json.loads(written)
    assert path == f"{name}/{line['job']}/{layout.FAILURE}"
    assert (line["status"], line["code"]) == ("failed", code)
    assert (failure["name"], failure["job"], failure["code"]) == (name, line["job"], code)
    assert advice in failure["message"]
    assert sweep_twice(folder) == []


def test_one_bad_file_does_not_keep_the_others_waiting(folder, inbox):
    put(inbox, "a.csv", b"")
    put(inbox, "b.csv", GOOD)

    assert [(line["name"], line["status"]) for line in sweep_twice(folder)] == [("a.csv", "failed"), ("b.csv", "done")]


def test_a_fault_of_ours_in_one_file_is_named_without_its_text_and_the_others_go_on(
    inbox, outbox, scoring, monkeypatch
):
    def fail_once(source, name, *rest, write=local.write_results):
        if name == "a.csv":
            raise ZeroDivisionError("0001-EXMPL")
        return write(source, name, *rest)

    monkeypatch.setattr(local, "write_results", fail_once)
    put(inbox, "a.csv", GOOD)
    put(inbox, "b.csv", GOOD)

    first, second = sweep_twice(Folder(inbox, outbox, scoring))

    assert first["status"] == "error"
    assert first["reason"].startswith("ZeroDivisionError at test_watch.py:")
    assert second["status"] == "done"
    assert [path.split("/")[0] for path in tree(outbox)] == ["b.csv"] * 3


def test_a_place_that_cannot_be_written_is_named_once_and_tried_again(folder, inbox, outbox):
    put(inbox, "customers.csv", GOOD)
    outbox.write_text("in the way")

    lines = [line for _ in range(4) for line in folder.sweep()]
    outbox.unlink()

    assert [(line["status"], line["reason"]) for line in lines] == [("error", "Not a directory")]
    assert [line["status"] for line in folder.sweep()] == ["done"]


def test_a_file_changed_while_it_is_scored_is_not_published_but_taken_later(folder, inbox, outbox, monkeypatch):
    path = put(inbox, "customers.csv", GOOD)
    write = local.write_results

    def meddle(*everything):
        summary = write(*everything)
        with path.open("ab") as file:
            file.write(LINE.encode())
        return summary

    monkeypatch.setattr(local, "write_results", meddle)
    assert sweep_twice(folder) == []
    assert tree(outbox) == {}
    monkeypatch.undo()

    assert [line["rows_in"] for line in sweep_twice(folder)] == [2]


def test_a_link_to_nothing_and_a_pipe_are_left_alone(folder, inbox):
    (inbox / "gone.csv").symlink_to(inbox / "nowhere.csv")
    os.mkfifo(inbox / "pipe.csv")

    assert sweep_twice(folder) == []


def test_the_inbox_is_only_read(folder, inbox):
    put(inbox, "a.csv", MIXED)
    put(inbox, "notes.txt", b"")

    sweep_twice(folder)

    assert tree(inbox) == {"a.csv": MIXED, "notes.txt": b""}


@pytest.mark.parametrize(("inner", "outer"), [("in", "in/results"), ("in/incoming", "in"), ("in", "in")])
def test_results_can_never_become_input(tmp_path, scoring, inner, outer):
    with pytest.raises(ChurnError, match="must lie apart"):
        Folder(tmp_path / inner, tmp_path / outer, scoring)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_command_watches_until_it_is_stopped(inbox, outbox, how):
    words = [sys.executable, str(ROOT / "app/cli"), "watch", str(inbox), str(outbox), "--interval", "0.05"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        put(inbox, "customers.csv", MIXED)
        line = json.loads(process.stdout.readline())
        process.send_signal(how)
        output, errors = process.communicate(timeout=30)

    assert (line["name"], line["status"]) == ("customers.csv", "done")
    assert (process.returncode, output) == (0, "")
    assert errors.endswith("Stopped.\n")
    assert len(tree(outbox)) == 3


def test_the_command_rests_between_two_looks(inbox, outbox, monkeypatch):
    looks, rests = [], []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "sweep", lambda folder: looks.append(folder) or [])
    monkeypatch.setattr("time.sleep", rest)

    done = CliRunner().invoke(churn, ["watch", str(inbox), str(outbox), "--interval", "1.5"])

    assert done.exit_code == 0
    assert (len(looks), rests) == (4, [1.5] * 4)


@pytest.mark.parametrize("words", [["", "--once"], ["out", "--interval", "nan"]])
def test_a_folder_without_a_name_and_a_pause_that_is_no_number_are_refused(inbox, words):
    done = CliRunner().invoke(churn, ["watch", str(inbox), *words])

    assert done.exit_code == 2


def test_a_single_sweep_scores_what_rests_and_ends(inbox, outbox):
    put(inbox, "customers.csv", MIXED)
    words = [sys.executable, str(ROOT / "app/cli"), "watch", str(inbox), str(outbox), "--once", "--interval", "0.05"]

    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["rows_in"] == 2
    assert len(tree(outbox)) == 3
