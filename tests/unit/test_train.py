"""A whole training: what it stores, what it refuses, and that the shipped model is reproduced to the byte."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from shipped import EXAMPLE, NAMES, SCHEMA
from trainings import quick_recipe

from model import artifact
from model.artifact import ARTIFACTS
from model.errors import ArtifactError
from model.pipeline import joblib_name
from model.training.compile import RANDOM_CUSTOMERS, to_bytes
from model.training.data import read
from model.training.fit import check_exact, fit_model
from model.training.population import describe_population
from model.training.train import next_version, train

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_training_writes_a_whole_artifact_and_makes_the_first_one_the_default(two_versions):
    root, trained = two_versions, two_versions / "1.0.0"

    assert artifact.default_version(root) == "1.0.0", "the second training left the default"
    assert artifact.load(None, root).score(dict(EXAMPLE)).tier in {"high", "medium", "low"}
    assert (trained / "churn_prediction_model_v1_0.joblib").exists()
    assert list(root.glob(".draft*")) == []
    run = json.loads((trained / "run.json").read_text())
    assert run["greatest_difference"] < 1e-12
    for path in trained.iterdir():
        assert str(root).encode() not in path.read_bytes()


def test_training_again_gives_the_same_files(two_versions, tmp_path):
    again = train(two_versions.parent / "1.csv", "1.0.0", tmp_path, recipes=[quick_recipe(settings=1)])

    for path in (two_versions / "1.0.0").iterdir():
        if path.name != "run.json":
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_version_that_exists_is_refused_before_any_work(two_versions, tmp_path):
    with pytest.raises(ArtifactError, match=r"Model 1\.0\.0 exists already"):
        train(tmp_path / "absent.csv", "1.0.0", two_versions)


@pytest.mark.parametrize("folder_name", ["file", "file/models"])
def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, folder_name):
    (tmp_path / "file").touch()

    with pytest.raises(ArtifactError, match=f"No model can be written into .*{folder_name}: Not a directory"):
        train(tmp_path / "absent.csv", "1.0.0", tmp_path / folder_name)


def test_an_invalid_version_is_refused_before_any_work(tmp_path):
    with pytest.raises(ArtifactError, match=r"must look like 1\.0\.0"):
        train(tmp_path / "absent.csv", "../1.0.0", tmp_path)


def test_the_next_version_is_the_next_minor(tmp_path, two_versions):
    assert next_version(tmp_path / "absent") == "1.0.0"
    assert next_version(two_versions) == "1.2.0"


@pytest.mark.parametrize("moment", ["Reading", "Measuring", "Comparing", "Writing"])
def test_an_interrupted_training_leaves_nothing(two_versions, tmp_path, moment):
    def interrupt(stage: str, share: float) -> None:
        if stage.startswith(moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(two_versions.parent / "1.csv", root=tmp_path, progress=interrupt, recipes=[quick_recipe(settings=1)])

    assert list(tmp_path.iterdir()) == []


def test_the_progress_never_goes_back_and_ends_at_one(two_versions, training_progress):
    shares = training_progress[: training_progress.index(1.0) + 1]

    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_shares_of_the_stored_population_add_up_to_all():
    population = json.loads((artifact.folder_of() / "population.json").read_text())

    assert [part["feature"] for part in population["features"]] == list(NAMES)
    for part in [*population["features"], population["probability"]]:
        shares = list(part["words"].values()) if "words" in part else part["shares"]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert "words" in part or len(shares) == len(part["edges"]) + 1
    for segment in population["segments"]:
        assert sum(group["share"] for group in segment["groups"]) == pytest.approx(1, abs=1e-5)
    assert (artifact.folder_of() / "population.json").stat().st_size < 20_000


def test_a_value_on_an_edge_belongs_to_the_bin_above_it(fitted, data):
    months = [customer["tenure"] for customer in data.customers]
    population = describe_population(fitted.probabilities(data), data)
    tenure = next(part for part in population["features"] if part["feature"] == "tenure")

    first, second = tenure["edges"][:2]
    assert tenure["shares"][1] == round(sum(first <= month < second for month in months) / 600, 6)


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL.exists(),
    reason=f"the public data is not at {REAL}; TELCO_CSV names another folder_name",
)
def test_the_public_data_give_the_stored_scorecard_to_the_byte():
    import joblib
    import sklearn

    version = artifact.versions()[0]
    folder = ARTIFACTS / version
    data = read(REAL, SCHEMA)

    result = fit_model(data, version)

    # It was built before models carried their schema.
    assert to_bytes({**result.document, "schema_version": 1}) == (folder / "scorecard.json").read_bytes()
    assert to_bytes(describe_population(result.probabilities(data), data)) == (folder / "population.json").read_bytes()
    assert check_exact(result, data, 1, RANDOM_CUSTOMERS) < 1e-12
    metrics = json.loads((folder / "metrics.json").read_text())
    # A contact was taken to cost a monthly bill.
    threshold = {**result.threshold, "unit": "monthly bills"}
    assert (result.selection.setting._asdict(), threshold) == (metrics["setting"], metrics["threshold"])
    if metrics["trained_with"]["scikit-learn"] == sklearn.__version__:
        stored = joblib.load(folder / joblib_name(version))
        for name in ("coef_", "intercept_"):
            assert np.array_equal(getattr(stored[-1], name), getattr(result.pipeline[-1], name)), name
