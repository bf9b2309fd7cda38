"""The other engine: the joblib pipeline answers like the scorecard, and a pickle is trusted only after its hash."""

import csv
import json
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shipped import EXAMPLE, FEATURES
from trainings import rewrite

from model import artifact, pipeline
from model.errors import ArtifactError
from model.schema import Categorical
from model.validate import validate

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "sample.csv"


@pytest.fixture(scope="module")
def engine() -> pipeline.PipelineScorer:
    return pipeline.load()


@pytest.fixture(scope="module")
def sample() -> list[dict]:
    with SAMPLE.open(newline="") as file:
        return [validate(row, FEATURES) for row in csv.DictReader(file)]


def to_columns(customers: list[dict]) -> dict[str, np.ndarray]:
    columns = {}
    for feature in FEATURES:
        values = [customer[feature.name] for customer in customers]
        if isinstance(feature, Categorical):
            columns[feature.name] = np.array([feature.values.index(value) for value in values], dtype=np.int8)
        else:
            columns[feature.name] = np.array(values, dtype=np.float64)
    return columns


def test_a_customer_gets_the_score_of_the_scorecard(engine, scorer, sample):
    for customer in [dict(EXAMPLE), *sample[:20]]:
        ours, theirs = scorer.score(customer), engine.score(customer)

        assert theirs.log_odds == pytest.approx(ours.log_odds, abs=1e-12)
        assert (theirs.label, theirs.tier) == (ours.label, ours.tier)


def test_a_batch_gets_the_log_odds_of_the_scorecard(engine, scorer, sample):
    log_odds = engine.log_odds_batch(to_columns(sample))

    assert log_odds.dtype == np.float64
    assert log_odds.shape == (120,)
    assert np.max(np.abs(log_odds - [scorer.score(customer).log_odds for customer in sample])) < 1e-12


def test_several_customers_at_once_get_the_scores_of_each_alone(engine, sample):
    result = engine.score_all(sample[:10])

    for customer, score in zip(sample, result, strict=False):
        assert score.log_odds == pytest.approx(engine.score(customer).log_odds, abs=1e-12)


def test_an_empty_batch_is_answered_with_none(engine):
    assert engine.log_odds_batch(to_columns([])).shape == (0,)


def test_threshold_tiers_and_ranges_are_those_of_the_scorecard(engine, scorer):
    assert engine.version == scorer.version
    assert engine.threshold == scorer.threshold
    assert dict(engine.tiers) == dict(scorer.tiers)
    assert dict(engine.ranges) == dict(scorer.ranges)


def test_another_threshold_changes_the_label_alone(engine):
    strict = engine.with_threshold(0.99)

    assert strict.score(dict(EXAMPLE)).label == "not churn"
    assert strict.score(dict(EXAMPLE)).probability == engine.score(dict(EXAMPLE)).probability


def test_the_file_is_named_for_major_and_minor():
    assert pipeline.joblib_name("1.0.0") == "churn_prediction_model_v1_0.joblib"
    assert pipeline.joblib_name("2.13.5") == "churn_prediction_model_v2_13.joblib"


def test_the_pipeline_holds_no_class_of_ours(engine):
    # Protocol 2 spells each class out as "module name" in one opcode.
    opcodes = pickletools.genops(pickle.dumps(engine.model, protocol=2))
    modules = {argument.split(" ")[0] for opcode, argument, _ in opcodes if opcode.name == "GLOBAL"}

    assert {module.split(".")[0] for module in modules} <= {
        "sklearn",
        "scipy",
        "numpy",
        "copy_reg",
        "__builtin__",
        "_codecs",
    }
    assert "sklearn.pipeline" in modules


class Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_joblib_file_that_does_not_match_its_sum_is_never_unpickled(root, tmp_path):
    folder = artifact.folder_of(None, root)
    sprung = tmp_path / "sprung"
    (folder / pipeline.joblib_name(folder.name)).write_bytes(pickle.dumps(Trap(sprung)))

    with pytest.raises(ArtifactError, match="was changed or damaged"):
        pipeline.load(None, root)

    assert not sprung.exists()


def test_another_scikit_learn_is_refused_with_both_versions_named(root):
    import sklearn

    folder = artifact.folder_of(None, root)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["trained_with"]["scikit-learn"] = "0.24.2"
    rewrite(folder, "metrics.json", json.dumps(metrics).encode())

    with pytest.raises(ArtifactError, match=rf"trained with scikit-learn 0\.24\.2, but {sklearn.__version__}"):
        pipeline.load(None, root)


def test_an_artifact_for_another_schema_is_refused(root):
    folder = artifact.folder_of(None, root)
    document = json.loads((folder / "scorecard.json").read_text())
    document["schema_version"] += 1
    rewrite(folder, "scorecard.json", json.dumps(document).encode())

    with pytest.raises(ArtifactError, match="built for schema"):
        pipeline.load(None, root)


@pytest.mark.parametrize("name", ["metrics.json", "scorecard.json", "churn_prediction_model_v1_0.joblib"])
def test_a_missing_file_is_named(root, name):
    folder = artifact.folder_of(None, root)
    (folder / name).unlink()

    with pytest.raises(ArtifactError, match=rf"incomplete: .*{name}"):
        pipeline.load(folder.name, root)


def test_metrics_that_name_no_versions_are_refused(root):
    folder = artifact.folder_of(None, root)
    rewrite(folder, "metrics.json", b"{}")

    with pytest.raises(ArtifactError, match=r"incomplete: .*trained_with"):
        pipeline.load(None, root)


def test_importing_the_engine_imports_nothing_heavy():
    code = "import sys, model.pipeline; print({'joblib', 'pandas', 'sklearn', 'numpy'} & set(sys.modules))"

    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "set()"
