"""The options of `churn`: one name for one meaning in every command, and errors that name what was typed."""

import json
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from shipped import SCHEMA

from app.cli.__main__ import churn
from app.settings import Settings
from model import artifact, describe

ROOT = Path(__file__).parents[2]
SETTINGS = {field.name for field in fields(Settings)}
WRONG = {"threshold": "33", "engine": "onnx", "port": "abc", "url": "ftp://a", "reasons": "11"}
"""Of each setting that has a rule and an option, a value against the rule. A new one has to be added here."""

FREE = {
    *("host", "models", "model_version", "api_key"),
    *("value_at_risk", "notes", "include_input", "spreadsheet_safe", "probability_interval"),
}
"""Those whose option takes any text, is a flag, or names a file."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder with customers.csv, and an environment without settings."""
    for field in fields(Settings):
        monkeypatch.delenv(field.metadata["variable"], raising=False)
    monkeypatch.chdir(tmp_path)
    Path("customers.csv").write_text(describe.template(SCHEMA))
    Path("inbox").mkdir()
    return lambda *words, **more: CliRunner().invoke(churn, words, **more)


def options(name: str) -> list[click.Option]:
    return [param for param in churn.commands[name].params if isinstance(param, click.Option)]


def arguments(name: str) -> list[str]:
    """Return what a command needs to get as far as reading its settings."""
    needed = {
        "score": ["customers.csv"],
        "submit": ["customers.csv"],
        "drift": ["customers.csv"],
        "estimate": ["customers.csv"],
        "watch": ["inbox", "outbox"],
        "spark": ["customers.csv", "scored"],
        "promote": ["1.0.0"],
        "compare": ["1.0.0", "1.0.0", "--data", "customers.csv"],
        "train": ["--data", "customers.csv"],
        "evaluate": ["--data", "customers.csv"],
    }
    return needed.get(name, [])


READ = [
    (name, option.name, option.opts[0])
    for name in churn.commands
    for option in options(name)
    if option.name in SETTINGS
]


def test_a_threshold_beyond_one_is_refused_under_the_name_that_was_typed(run):
    done = run("score", "customers.csv", "--threshold", "33")

    assert done.exit_code == 2
    assert done.stderr == '--threshold must be a number between 0 and 1, such as 0.35, not "33".\n'


# "make test-slow" runs the command spark, in an environment of its own.
HERE = [item for item in READ if item[1] not in FREE and (item[0] != "spark" or find_spec("pyspark"))]


@pytest.mark.parametrize(("command", "setting", "option"), HERE)
def test_a_wrong_value_is_refused_under_the_name_of_the_option(run, command, setting, option):
    done = run(command, *arguments(command), option, WRONG[setting])

    assert done.exit_code == 2
    assert done.stderr.startswith(f"{option} must be ")
    assert WRONG[setting] in done.stderr


def test_a_key_that_is_none_is_refused_under_the_name_of_its_option(run):
    Path("key").write_text("two words")

    done = run("submit", "customers.csv", "--key-file", "key")

    assert done.exit_code == 2
    assert done.stderr.startswith("--key-file must be a key")
    assert "two words" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("score", "--threshold"),
        ("score", "--models"),
        ("drift", "--version"),
        ("ask", "--port"),
        ("models", "--models"),
    ],
)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_option_of_a_variable_that_is_not_set_is_refused(run, command, option, empty):
    done = run(command, *arguments(command), option, empty)

    assert done.exit_code == 2
    assert done.stderr == f"{option} is empty. Give it a value, or leave it out.\n"


def test_a_wrong_variable_keeps_its_own_name(run, monkeypatch):
    monkeypatch.setenv("CHURN_THRESHOLD", "33")

    assert run("score", "customers.csv").stderr.startswith("CHURN_THRESHOLD must be ")


def test_one_name_means_one_option_in_every_command():
    destinations: dict[str, set[str]] = {}
    for name in churn.commands:
        for item in options(name):
            destinations.setdefault(item.opts[0], set()).add(item.help or "")

    shared = {option: helps for option, helps in destinations.items() if len(helps) > 1}

    # The version that train makes, and the one that all others take; a folder of results, with its own default name;
    # customers to train on, and recent ones to hold a version to, by whichever command.
    assert set(shared) == {"--version", "-o", "--data"}


@pytest.mark.parametrize(
    ("command", "former", "option"),
    [
        *[(command, "--model", "--version") for command in ("score", "watch", "spark", "drift")],
        ("train", "--out", "--models"),
    ],
)
def test_a_former_name_still_works_and_is_not_shown(run, command, former, option):
    shown = run(command, "--help").stdout

    assert f"{option} " in shown
    assert f"{former} " not in shown
    assert f"{former}," not in shown
    assert any({former, option} <= set(item.opts) for item in options(command))


@pytest.mark.parametrize("option", ["--version", "--model"])
def test_the_version_to_score_with_can_be_named(run, option):
    good = run("score", "customers.csv", option, "1.0.0")
    bad = run("drift", "customers.csv", option, "9.9.9")

    assert good.exit_code == 0
    assert json.loads(Path("customers-scored/summary.json").read_text())["model_version"] == "1.0.0"
    note = "" if option == "--version" else "Note: --model is now --version; the old name will be removed.\n"
    error = "--version 9.9.9: There is no model version 9.9.9; versions: 1.0.0, 1.1.0.\n"
    assert (bad.exit_code, bad.stderr) == (2, note + error)


def test_the_version_of_the_command_and_of_the_model_are_printed(run):
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    done = run("--version")

    assert done.exit_code == 0
    assert done.stdout == f"churn {package}, model {artifact.default_version()}\n"


def test_the_version_that_is_served_is_printed_where_another_is_set(run, monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "DEFAULT").write_text("3.2.1\n")

    monkeypatch.setenv("CHURN_MODELS", str(tmp_path / "models"))
    assert run("--version").stdout.endswith(", model 3.2.1\n")
    monkeypatch.setenv("CHURN_MODEL_VERSION", "2.0.0")
    assert run("--version").stdout.endswith(", model 2.0.0\n")


def test_the_version_of_the_command_is_printed_without_any_model_too(run, monkeypatch):
    monkeypatch.setenv("CHURN_MODELS", "nowhere")

    done = run("--version")

    assert done.exit_code == 2
    assert done.stdout.startswith("churn ")
    assert done.stderr == "There is no readable nowhere/DEFAULT that names the version to serve.\n"
