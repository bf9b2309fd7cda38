"""Versions of the model side by side: what is listed, what may be promoted, and who names the version."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from shipped import SCHEMA
from trainings import rewrite

from app.cli.__main__ import churn
from model import artifact, describe, versions
from model.engine import load_scorer
from model.errors import ArtifactError
from model.pipeline import joblib_name


@pytest.fixture
def root(two_versions, tmp_path) -> Path:
    return Path(shutil.copytree(two_versions, tmp_path / "models"))


@pytest.fixture
def run(root, monkeypatch):
    """Run a command of churn with CHURN_MODELS set."""
    monkeypatch.setenv("CHURN_MODELS", str(root))
    return lambda *words: CliRunner().invoke(churn, words)


def test_versions_are_listed_oldest_first_with_the_default_marked(root):
    listed = versions.list_versions(root)

    assert [(version["version"], version["default"]) for version in listed] == [("1.0.0", True), ("1.1.0", False)]
    assert [(version["recipe"], version["engines"], version["rows"]) for version in listed] == [
        ("spline", ["scorecard", "pipeline"], 300)
    ] * 2
    assert 0.5 < listed[1]["roc_auc"] < 1


def test_a_damaged_version_is_listed_with_what_is_wrong(root):
    (root / "1.1.0" / "metrics.json").write_bytes(b"{}")

    sound, damaged = versions.list_versions(root)

    assert "fault" not in sound
    assert "It was changed or damaged." in damaged["fault"]


def test_a_promoted_version_is_served_and_going_back_is_promoting_the_former(root):
    former = versions.promote("1.1.0", root)

    assert (former, load_scorer(models=str(root)).version) == ("1.0.0", "1.1.0")
    assert versions.promote("1.0.0", root) == "1.1.0"
    assert load_scorer(models=str(root)).version == "1.0.0"
    assert sorted(path.name for path in root.iterdir()) == ["1.0.0", "1.1.0", "DEFAULT", versions.FORMER]
    assert (root / "DEFAULT").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["scorecard.json", "metrics.json", "MODEL_CARD.md", joblib_name("1.1.0")])
def test_a_version_with_a_changed_file_is_not_promoted(root, name):
    path = root / "1.1.0" / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(ArtifactError, match="was changed or damaged"):
        versions.promote("1.1.0", root)

    assert artifact.default_version(root) == "1.0.0"


def test_a_version_for_another_schema_is_not_promoted(root):
    document = json.loads((root / "1.1.0" / "scorecard.json").read_text())
    document["schema_version"] += 1
    rewrite(root / "1.1.0", "scorecard.json", json.dumps(document).encode())

    with pytest.raises(ArtifactError, match="built for schema 3"):
        versions.promote("1.1.0", root)

    assert artifact.default_version(root) == "1.0.0"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("9.9.9", "There is no model version 9.9.9; versions: 1.0.0, 1.1.0."),
        ("../1.0.0", "A model version must look like 1.0.0, not '../1.0.0'."),
        ("/etc", "A model version must look like 1.0.0, not '/etc'."),
        ("", "A model version must look like 1.0.0, not ''."),
    ],
)
def test_what_is_no_version_is_not_promoted(run, root, version, message):
    result = run("promote", version)

    assert (result.exit_code, result.stderr) == (2, message + "\n")
    assert artifact.default_version(root) == "1.0.0"


@pytest.mark.parametrize("content", ["", "latest", "1.0.0\n1.1.0"])
def test_promoting_corrects_a_file_that_names_no_version(run, root, content):
    (root / "DEFAULT").write_text(content)

    listed = run("models")
    promoted = run("promote", "1.1.0")

    assert (listed.exit_code, promoted.exit_code) == (2, 0)
    assert f"{root / 'DEFAULT'} names no version, but {content!r}." in listed.stderr
    assert artifact.default_version(root) == "1.1.0"


def test_no_version_is_not_the_default_one_where_two_are_compared(run):
    done = run("compare", "1.0.0", "", "--data", __file__)

    assert (done.exit_code, done.stderr) == (2, "A model version must look like 1.0.0, not ''.\n")


def test_the_command_promotes_and_prints_how_to_go_back(run, root):
    result = run("promote", "1.1.0")

    assert result.exit_code == 0
    assert result.stdout == (
        "1.1.0 is served by default from now on, in place of 1.0.0.\n"
        "Running servers keep the version they loaded: restart them.\n"
        "To go back: churn promote 1.0.0\n"
    )
    assert run("promote", "1.1.0").stdout == "1.1.0 is served by default, as before.\n"
    marked = [line.split()[:2] for line in run("models").stdout.splitlines() if line.startswith("*")]
    assert marked == [["*", "1.1.0"]]
    assert [version["default"] for version in json.loads(run("models", "--json").stdout)] == [False, True]


def test_a_damaged_version_keeps_its_line_in_the_table(run, root):
    (root / "1.1.0" / "metrics.json").unlink()

    lines = run("models").stdout.splitlines()

    assert lines[1].startswith("*  1.0.0    spline  scorecard, pipeline")
    assert "is incomplete: No such file" in lines[2]


@pytest.mark.parametrize("words", [(), ("--models", "elsewhere")])
def test_a_folder_of_models_is_named_where_it_is_not_there(run, root, words, monkeypatch):
    monkeypatch.setenv("CHURN_MODELS", "elsewhere")

    result = run("models", *words)

    assert result.exit_code == 2
    assert result.stderr == "There is no folder elsewhere. It has the versions of the model once one is trained.\n"


def test_a_folder_of_models_is_scored_with_by_variable_and_by_option(run, root, tmp_path, monkeypatch):
    versions.promote("1.1.0", root)
    (tmp_path / "customers.csv").write_text(describe.template(SCHEMA))

    def version_of(*words: str) -> str:
        result = run("score", str(tmp_path / "customers.csv"), "-o", str(tmp_path / "out"), *words)
        assert result.exit_code == 0, result.stderr
        return json.loads((tmp_path / "out" / "summary.json").read_text())["model_version"]

    assert version_of() == "1.1.0"
    assert version_of("--model", "1.0.0") == "1.0.0"
    monkeypatch.delenv("CHURN_MODELS")
    assert version_of("--models", str(root)) == "1.1.0"


def test_where_there_is_no_model_the_folder_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=f"There is no model version 1.0.0; versions: none in {tmp_path}/absent"):
        versions.promote("1.0.0", tmp_path / "absent")
