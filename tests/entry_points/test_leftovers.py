"""What a killed process leaves behind is swept at the next start, and what a running one fills is not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shipped import SCHEMA

from app.jobs import local
from app.jobs.folder import Folder
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

CLI = [sys.executable, str(Path(__file__).parents[2] / "app/cli")]
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
GOOD = (HEADER + LINE).encode()
JOB = "0123456789abcdef" * 2


@pytest.fixture
def scoring(toy_scorecard):
    return Scoring(toy_scorecard, OutputOptions(), FileLimits())


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*.part"))


def leave(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names or ("predictions.csv", "rejects.csv"):
        (folder / name).write_text("a customer's data")
    return folder


def kill_while_scoring(folder: Path, *words: str) -> None:
    """Start `churn score` on a pipe that never ends, and kill it once its draft is there."""
    with subprocess.Popen(
        [*CLI, "score", "-", *words], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
    ) as process:
        assert process.stdin
        deadline = time.monotonic() + 30
        process.stdin.write(HEADER.encode() + LINE.encode() * 30_000)
        process.stdin.flush()
        while not hidden(folder) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("is_there", [False, True], ids=["next to the results", "in their folder"])
def test_the_draft_of_a_killed_command_is_gone_after_the_next(tmp_path, is_there):
    if is_there:
        (tmp_path / "out").mkdir()
    kill_while_scoring(tmp_path, "-o", "out")
    assert len(hidden(tmp_path)) == 1

    done = subprocess.run([*CLI, "score", "-", "-o", "out"], input=GOOD, cwd=tmp_path, capture_output=True)

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "out",
        "predictions.csv",
        "rejects.csv",
        "summary.json",
    ]


def test_the_draft_of_a_running_command_stays(tmp_path, scoring):
    with local.draft(tmp_path / "one") as running:
        (running / "predictions.csv").write_bytes(b"half")
        with (tmp_path / "list.csv").open("w+b") as file:
            file.write(GOOD)
            file.seek(0)
            local.score_file(file, "list.csv", tmp_path / "two", scoring)
        done = subprocess.run([*CLI, "score", "-", "-o", "three"], input=GOOD, cwd=tmp_path, capture_output=True)

        assert done.returncode == 0, done.stderr
        assert hidden(tmp_path) == [running.name]
        assert (running / "predictions.csv").read_bytes() == b"half"
        local.publish(running, tmp_path / "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.csv", "one", "three", "two"]


def test_a_watcher_sweeps_its_outbox_when_it_starts(tmp_path, scoring):
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "march/b.csv", "."):
        leave(tmp_path / "out" / name / f".{JOB}-01234567.part")
    whole = leave(tmp_path / "out" / "a.csv" / JOB, "summary.json")

    Folder(tmp_path / "in", tmp_path / "out", scoring)

    assert hidden(tmp_path) == []
    assert whole.exists()


def test_only_what_is_surely_a_draft_of_ours_is_swept(tmp_path):
    kept = [
        leave(tmp_path / ".notes-0123abcd.part", "thesis.txt"),
        leave(tmp_path / ".out-0123abcd.part", "predictions.csv", "mine.csv"),
        leave(tmp_path / ".out-0123abc.part"),
        leave(tmp_path / "out-0123abcd.part"),
    ]
    (tmp_path / ".file-0123abcd.part").write_text("a file")
    elsewhere = leave(tmp_path / "elsewhere")
    (tmp_path / ".link-0123abcd.part").symlink_to(elsewhere)

    local.sweep(tmp_path)

    assert all((path.exists() and list(path.iterdir())) for path in (*kept, elsewhere))
    assert {".file-0123abcd.part", ".link-0123abcd.part"} <= {path.name for path in tmp_path.iterdir()}


def test_where_folders_cannot_be_locked_drafts_are_made_and_none_is_swept(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    left = leave(tmp_path / ".out-0123abcd.part")

    with local.draft(tmp_path / "out") as path:
        (path / "summary.json").write_text("{}")
        local.publish(path, tmp_path / "out")

    assert left.exists()
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == {}


def test_no_draft_is_swept_between_its_making_and_its_locking(tmp_path, monkeypatch):
    make, swept = os.open, []

    def sweep_first(path, *rest, **more):
        if not swept and local.DRAFT_NAME.fullmatch(Path(path).name):
            swept.append(path)
            local.sweep(tmp_path)
        return make(path, *rest, **more)

    monkeypatch.setattr(os, "open", sweep_first)
    with local.draft(tmp_path / "out") as path:
        assert path.is_dir()
        assert path != swept[0]
