"""The model on disk: what is written in one step and checked against its sha256, and what is refused."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from shipped import EXAMPLE

from model import artifact
from model.artifact import ARTIFACTS
from model.errors import ArtifactError


@pytest.fixture
def folder(root) -> Path:
    return artifact.folder_of(None, root)


def test_the_stored_default_model_loads_and_predicts_churn_for_the_example():
    scorecard = artifact.load()

    score = scorecard.score(dict(EXAMPLE))

    assert score.label == "churn"
    assert 0.51 < score.probability < 0.57
    assert scorecard.threshold <= 0.5


def test_every_stored_version_holds_the_promised_files():
    for version in artifact.versions():
        major, minor, _ = version.split(".")
        names = {path.name for path in (ARTIFACTS / version).iterdir()}

        assert names - {"peers.json"} == {
            "scorecard.json",
            f"churn_prediction_model_v{major}_{minor}.joblib",
            "metrics.json",
            "MODEL_CARD.md",
            "population.json",
            "run.json",
            "SHA256SUMS",
            # The first was trained before models carried these.
            *(["schema.json", "actions.csv", "interval.json"] if version != "1.0.0" else []),
        }


def test_the_cheaper_of_two_bills_is_never_the_riskier_one_in_1_1_0():
    scorecard = artifact.load("1.1.0")
    low, high = scorecard.ranges["MonthlyCharges"]
    steps = [low + (high - low) * step / 50 for step in range(51)]
    for tenure in (1, 12, 60):
        bills = [{**EXAMPLE, "tenure": tenure, "MonthlyCharges": bill, "TotalCharges": bill * tenure} for bill in steps]
        probabilities = [scorecard.score(customer).probability for customer in bills]

        assert probabilities == sorted(probabilities)
    assert scorecard.score(dict(EXAMPLE)).label == "churn"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_itself_accepts_the_sums_of_the_stored_model():
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=artifact.folder_of(), capture_output=True, text=True
    )

    assert check.returncode == 0, check.stdout + check.stderr


def test_the_sums_cover_every_file_but_the_run(folder):
    summed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}

    assert summed == {path.name for path in folder.iterdir()} - {"SHA256SUMS", "run.json"}


def test_a_run_json_of_another_day_changes_nothing(root, folder):
    (folder / "run.json").write_text("{}")

    assert artifact.load(None, root).version == folder.name


def test_a_changed_byte_is_noticed(root, folder):
    path = folder / "scorecard.json"
    path.write_bytes(path.read_bytes().replace(b"0.33", b"0.34"))

    with pytest.raises(ArtifactError, match="was changed or damaged"):
        artifact.load(None, root)


@pytest.mark.parametrize("name", ["scorecard.json", "SHA256SUMS"])
def test_a_missing_file_is_named(root, folder, name):
    (folder / name).unlink()

    with pytest.raises(ArtifactError, match=rf"incomplete: .*{name}"):
        artifact.load(None, root)


def test_a_file_without_a_sum_is_refused(root, folder):
    (folder / "SHA256SUMS").write_text("")

    with pytest.raises(ArtifactError, match="has None"):
        artifact.load(None, root)


def test_a_folder_under_another_name_is_refused(root, folder):
    folder.rename(root / "9.0.0")

    with pytest.raises(ArtifactError, match=f"has the version {folder.name}"):
        artifact.load("9.0.0", root)


@pytest.mark.parametrize("version", ["../1.0.0", "1.0", "v1.0.0", "1.0.0/..", "01.0.0", "1.0.0\n", "", "١.٠.٠"])
def test_a_version_can_never_be_a_path(root, version):
    with pytest.raises(ArtifactError, match=r"must look like 1\.0\.0"):
        artifact.check_version(version)


def test_an_unknown_version_is_answered_with_those_there_are(root, folder):
    with pytest.raises(ArtifactError, match=rf"no model version 7\.0\.0; versions: {folder.name}"):
        artifact.load("7.0.0", root)


def test_without_a_default_the_start_fails_with_a_sentence(tmp_path):
    with pytest.raises(ArtifactError, match="names the version to serve"):
        artifact.load(None, tmp_path)


def test_versions_are_ordered_by_number_and_other_folders_ignored(tmp_path):
    for name in ("1.10.0", "1.9.0", "1.0.0", ".draft-x", "notes", "1.0"):
        (tmp_path / name).mkdir()

    assert artifact.versions(tmp_path) == ["1.0.0", "1.9.0", "1.10.0"]


def test_what_is_saved_is_read_back_and_a_version_is_never_overwritten(tmp_path):
    folder = artifact.save({"a.json": b"{}\n", "run.json": b"1"}, "1.0.0", tmp_path / "new")

    assert artifact.read_checked(folder, "a.json") == b"{}\n"
    with pytest.raises(ArtifactError, match="exists already"):
        artifact.save({"a.json": b"other"}, "1.0.0", tmp_path / "new")
    assert artifact.read_checked(folder, "a.json") == b"{}\n"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        artifact.save({"a.json": b"{}", "no/such/folder": b"{}"}, "1.0.0", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_no_stored_file_names_a_folder_of_the_machine_that_trained():
    for path in artifact.folder_of().iterdir():
        for word in (b"/home/", b"/work/", b"/root/", b"/tmp/", b"/Users/"):
            assert word not in path.read_bytes(), f"{path.name} holds {word!r}"


def test_the_metrics_reach_what_was_promised():
    metrics = json.loads(artifact.read_checked(artifact.folder_of(), "metrics.json"))
    means = {name: figure["mean"] for name, figure in metrics["out_of_fold"].items()}

    assert metrics["protocol"]["nested"]
    assert (metrics["protocol"]["resampling"], metrics["protocol"]["class_weights"]) == ("none", "none")
    assert means["roc_auc"] >= 0.844
    assert means["pr_auc"] >= 0.650
    assert means["brier"] <= 0.136
    assert means["ece"] <= 0.025
    assert means["top_decile_lift"] >= 2.75
