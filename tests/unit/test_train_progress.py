"""Long commands without a terminal (CI, nohup, a container's log): plain lines report the stage and the time."""

import json
import re
import threading
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from app.cli import terminal, training
from app.cli.__main__ import churn


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `churn train` with a training in place of the real one."""
    (tmp_path / "customers.csv").touch()
    monkeypatch.chdir(tmp_path)

    def run(work, *words: str):
        def train(_data, _version, _root, *, progress, **_options):
            work(progress)
            return tmp_path / "1.1.0"

        modules = {"train": SimpleNamespace(train=train), "recipes": SimpleNamespace(recipes_of=lambda name: [name])}
        monkeypatch.setattr(training, "training_module", modules.__getitem__)
        return CliRunner().invoke(churn, ["train", "--data", "customers.csv", *words])

    return run


def test_each_stage_is_a_line_with_the_time_since_the_start(run, tmp_path):
    def work(progress):
        progress("Reading the customers", 0.0)
        for part in range(100):
            progress("Choosing the setting", 0.01 + part / 1000)
        progress("Done", 1.0)

    done = run(work)

    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path / '1.1.0'}\n", "standard output has the folder alone, for scripts"
    assert done.stderr.splitlines() == [
        "[0:00] Reading the customers",
        "[0:00] Choosing the setting, 1 % done",
        "[0:00] Done, 100 % done",
    ]


def test_a_stage_that_takes_long_is_reported_again_and_again(run, monkeypatch):
    monkeypatch.setattr(terminal, "LINE_INTERVAL_S", 0.1)

    def work(progress):
        progress("Measuring the procedure", 0.16)
        progress("Measuring the procedure", 0.5)
        time.sleep(0.55)

    lines = run(work).stderr.splitlines()

    assert len(lines) >= 4
    assert lines[0] == "[0:00] Measuring the procedure, 16 % done"
    assert {re.sub(r"\[.*\]", "", line) for line in lines[1:]} == {" Measuring the procedure, 50 % done"}


def test_a_line_comes_at_least_every_minute():
    assert terminal.LINE_INTERVAL_S <= 60


def test_minutes_and_hours_are_counted(run, monkeypatch):
    now = iter([0.0, 61.0, 3_723.0, 3_723.0])
    monkeypatch.setattr(terminal, "monotonic", lambda: next(now))

    def work(progress):
        progress("Reading", 0.0)
        progress("Measuring", 0.5)

    assert run(work).stderr.splitlines() == ["[1:01] Reading", "[1:02:03] Measuring, 50 % done"]


def test_an_error_ends_the_lines_too(run, monkeypatch):
    monkeypatch.setattr(terminal, "LINE_INTERVAL_S", 0.05)
    before = threading.active_count()

    def work(progress):
        progress("Reading the customers", 0.0)
        raise PermissionError(13, "Permission denied", "models")

    done = run(work)

    assert (done.exit_code, done.stderr) == (1, "[0:00] Reading the customers\nmodels: Permission denied.\n")
    assert threading.active_count() == before


def test_comparing_and_evaluating_report_their_stage_too(run, tmp_path, monkeypatch):
    def compare(*_words, progress):
        progress("Training again", 0.5)
        return {}

    def evaluate(*_words, progress):
        progress(0.5)
        time.sleep(0.3)
        return {}

    modules = {
        "compare": SimpleNamespace(compare=compare, losses=lambda _comparison: {}),
        "reports": SimpleNamespace(),
        "evaluate": SimpleNamespace(evaluate=evaluate),
    }
    monkeypatch.setattr(training, "training_module", modules.__getitem__)

    compared = CliRunner().invoke(churn, ["compare", "1.0.0", "1.1.0", "--data", "customers.csv", "--json"])
    monkeypatch.setattr(terminal, "LINE_INTERVAL_S", 0.1)
    evaluated = CliRunner().invoke(churn, ["evaluate", "--data", "customers.csv", "--json"])

    assert (json.loads(compared.stdout), compared.stderr) == ({}, "[0:00] Training again, 50 % done\n")
    # It mostly takes seconds, so it is reported once it takes longer.
    assert re.fullmatch(r"(\[0:00\] Resampling, 50 % done\n)+", evaluated.stderr)
    assert json.loads(evaluated.stdout) == {}
