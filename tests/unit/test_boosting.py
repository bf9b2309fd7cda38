"""A model that is not additive: trained, compared with its own trees, and served through every entry point."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from buckets import no_deadline
from click.testing import CliRunner
from shipped import EXAMPLE, FEATURES, NAMES, SCHEMA
from trainings import rewrite

from app.cli.__main__ import churn
from app.jobs import s3
from app.jobs.local import score_file
from app.jobs.scoring import Scoring
from app.settings import Settings
from app.web import create_app
from model import artifact, pipeline
from model.bulk.source import FileLimits
from model.engine import load_scorer
from model.errors import ArtifactError
from model.explain import explain
from model.outputs import OutputOptions
from model.training import boosting
from model.training.data import read
from model.validate import validate

pytest.importorskip("shap", reason="shap has no wheels for this machine")

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"
CUSTOMERS = [validate(row, FEATURES) for row in csv.DictReader(io.StringIO(SAMPLE.read_text()))]
VERSION = "2.0.0"


@pytest.fixture(scope="module")
def models(boosted_models) -> Path:
    return boosted_models


@pytest.fixture(scope="module")
def data_csv(models) -> Path:
    return models.parent / "customers.csv"


@pytest.fixture(scope="module")
def boosted(models) -> pipeline.PipelineScorer:
    return pipeline.load(VERSION, models)


@pytest.fixture(scope="module")
def client(boosted):
    return create_app(boosted, Settings()).test_client()


@pytest.fixture
def root(models, tmp_path) -> Path:
    shutil.copytree(models, tmp_path / "models")
    return tmp_path / "models"


# What training makes.


def test_the_artifact_has_outline_json_in_place_of_a_scorecard(models):
    folder = models / VERSION

    assert {path.name for path in folder.iterdir()} == {
        *("MODEL_CARD.md", "SHA256SUMS", "churn_prediction_model_v2_0.joblib", "metrics.json"),
        *("outline.json", "population.json", "run.json", "schema.json", "actions.csv"),
    }
    metadata = json.loads((folder / "outline.json").read_text())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metadata["version"], metadata["reasons_method"]) == (VERSION, "tree_shap")
    assert metrics["recipe"] == {"name": "boosting", "engines": ["pipeline"]}
    assert metadata["threshold"] == metrics["threshold"]["threshold"]


def test_the_card_reports_that_it_is_not_additive(models):
    card = " ".join((models / VERSION / "MODEL_CARD.md").read_text().split())

    assert "The model is **not additive**" in card
    assert "TreeSHAP" in card
    assert "leaves with" in card
    assert "the trees describe who left" in card
    assert "knots" not in card
    assert "terms" not in card


def test_fewer_trees_are_the_first_ones_of_more(data_csv):
    data = read(data_csv, SCHEMA)
    frame, churned = data.frame(), np.array(data.labels)
    train_rows, test_rows = np.arange(400), np.arange(400, 600)
    settings = [boosting.Setting(3, 10), boosting.Setting(3, 20)]

    result = dict(boosting.predict(SCHEMA, frame, churned, (train_rows, test_rows), settings))

    for setting in settings:
        model = boosting.fit(SCHEMA, frame.iloc[train_rows], churned[train_rows], setting)
        alone = model.predict_proba(frame.iloc[test_rows])[:, 1]
        assert np.max(np.abs(result[setting] - alone)) < 1e-11


@pytest.mark.parametrize(("name", "sign"), [("tenure", -1), ("MonthlyCharges", 1), ("TotalCharges", -1)])
def test_the_trees_keep_to_the_directions(boosted, name, sign):
    for customer in CUSTOMERS[:10]:
        log_odds = [boosted.score({**customer, name: value}).log_odds for value in (0, 5, 20, 50, 100, 3000)]

        assert all(sign * step >= 0 for step in np.diff(log_odds))


# What an engine makes of it.


def test_baseline_and_reasons_add_up_to_the_log_odds(boosted):
    for customer in CUSTOMERS[:40]:
        parts = explain(boosted, customer)

        assert sorted(part.features[0].name for part in parts) == sorted(NAMES)
        total = boosted.baseline + sum(part.contribution for part in parts)
        assert total == pytest.approx(boosted.score(customer).log_odds, abs=1e-9)


def test_a_feature_that_no_tree_asks_for_has_no_part(boosted):
    asked = {
        boosted.model[:-1].get_feature_names_out()[node["feature_idx"]]
        for (tree,) in boosted.model[-1]._predictors
        for node in tree.nodes
        if not node["is_leaf"]
    }

    for customer in CUSTOMERS[:10]:
        assert {part.features[0].name for part in explain(boosted, customer) if part.contribution} <= asked
    assert {"tenure", "Contract"} <= asked


def test_the_baseline_is_the_mean_log_odds_of_the_training_data(boosted, data_csv):
    log_odds = boosted.model.decision_function(read(data_csv, SCHEMA).frame())

    assert boosted.baseline == pytest.approx(log_odds.mean(), abs=1e-9)


def test_the_scorecard_engine_refuses_it_and_names_the_other(models):
    with pytest.raises(ArtifactError, match=r"Model 2\.0\.0 is not additive.*Set CHURN_ENGINE=pipeline"):
        artifact.load(VERSION, models)


def test_a_default_that_is_not_additive_stops_the_start_of_the_scorecard_engine(root):
    with pytest.raises(ArtifactError, match="is not additive"):
        load_scorer(models=str(root))


@pytest.mark.parametrize("name", ["outline.json", "churn_prediction_model_v2_0.joblib"])
def test_a_changed_file_is_never_read(root, name):
    path = root / VERSION / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(ArtifactError, match="was changed or damaged"):
        pipeline.load(VERSION, root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"schema_version": 99}, r"outline\.json was built for schema 99", id="schema"),
        pytest.param({"version": "3.0.0"}, r"has the version 3\.0\.0", id="version"),
        pytest.param({"reasons_method": "guess"}, "asks for reasons by guess, not known here", id="method"),
        pytest.param({"baseline": None}, r"outline\.json is incomplete", id="baseline"),
        pytest.param({"tiers": {}}, r"incomplete: tiers\.high is missing; the tiers are", id="tiers"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(root, change, message):
    metadata = json.loads((root / VERSION / "outline.json").read_text())
    rewrite(root / VERSION, "outline.json", json.dumps({**metadata, **change}).encode())

    with pytest.raises(ArtifactError, match=message):
        pipeline.load(VERSION, root)


def test_without_shap_the_start_reports_what_to_install(models, monkeypatch):
    monkeypatch.setattr("model.trees.find_spec", lambda _: None)

    with pytest.raises(ArtifactError, match=r"need shap, which is not installed. Install requirements/pipeline\.txt"):
        pipeline.load(VERSION, models)


def test_an_answer_without_reasons_does_without_shap(boosted):
    fresh = replace(boosted, reasons=type(boosted.reasons)(boosted.model, NAMES))
    client = create_app(fresh, Settings()).test_client()

    client.post("/v1/customer", json=dict(EXAMPLE))
    client.post("/v2/customers?reasons=0", json=dict(EXAMPLE))

    assert "_explainer" not in vars(fresh.reasons)


# The answers of the entry points.


def test_one_customer_over_http_has_reasons_with_their_method(client, boosted):
    answer = client.post("/v2/customers?reasons=all", json=dict(EXAMPLE)).json

    assert (answer["model_version"], answer["reasons_method"]) == (VERSION, "tree_shap")
    total = answer["baseline"] + sum(reason["contribution"] for reason in answer["reasons"])
    assert total == pytest.approx(answer["log_odds"], abs=1e-9)
    assert answer["prediction"] == client.post("/v1/customer", json=dict(EXAMPLE)).json["Prediction"]
    assert answer["log_odds"] == boosted.score(dict(EXAMPLE)).log_odds
    assert all(reason["sentence"] for reason in answer["reasons"])


def test_what_if_asks_the_trees(client, boosted):
    body = {"customer": dict(EXAMPLE), "changes": [{"tenure": 70, "TotalCharges": 4900}]}

    (result,) = client.post("/v2/what-if", json=body).json["alternatives"]

    changed = boosted.score({**EXAMPLE, "tenure": 70, "TotalCharges": 4900.0})
    assert result["probability"] == round(changed.probability, 4)


def test_the_model_route_reports_that_there_are_no_terms(client):
    model = client.get("/v2/model").json

    assert (model["additive"], model["terms"], model["reasons_method"]) == (False, [], "tree_shap")
    assert model["recipe"] == {"name": "boosting", "engines": ["pipeline"]}
    assert 0 < model["baseline"]["probability"] < 1


def test_files_get_the_answers_and_reasons_of_single_customers(client, boosted):
    headers = {"Content-Type": "text/csv", "Accept": "application/x-ndjson"}

    lines = client.post("/v2/batches?reasons=2", data=SAMPLE.read_bytes(), headers=headers).text.splitlines()

    rows = [json.loads(line) for line in lines]
    assert rows[-1]["summary"]["reasons_method"] == "tree_shap"
    for row, customer in zip(rows[:-1], CUSTOMERS, strict=True):
        score = boosted.score(customer)
        assert (row["prediction"], row["probability"]) == (score.label, round(score.probability, 4))
        for reason, part in zip(row["reasons"], explain(boosted, customer), strict=False):
            assert reason["feature"] == part.features[0].name
            assert reason["contribution"] == pytest.approx(part.contribution, abs=1e-12)


def test_a_file_is_compared_with_the_training_population(client):
    headers = {"Content-Type": "text/csv", "Accept": "application/json"}

    header, *lines = SAMPLE.read_bytes().splitlines(keepends=True)

    summary = client.post("/v2/batches", data=header + b"".join(lines) * 5, headers=headers).json

    assert set(summary["drift"]) == {*NAMES, "probability"}
    assert all(index >= 0 for index in summary["drift"].values())


def test_a_file_with_a_header_alone_is_answered(client):
    content = SAMPLE.read_bytes().splitlines(keepends=True)[0]

    answer = client.post("/v2/batches?reasons=3", data=content, headers={"Content-Type": "text/csv"})

    assert answer.status_code == 200
    assert answer.text.count("\n") == 1


def test_it_is_promoted_and_the_command_scores_with_it_and_goes_back(root, tmp_path, monkeypatch):
    shutil.copytree(artifact.ARTIFACTS / "1.0.0", root / "1.0.0")
    (root / "DEFAULT").write_text("1.0.0\n")
    monkeypatch.setenv("CHURN_MODELS", str(root))
    out = tmp_path / "out"

    def run(*words):
        return CliRunner().invoke(churn, words)

    promoted = run("promote", VERSION)
    refused = run("score", str(SAMPLE), "-o", str(out))
    scored = run("score", str(SAMPLE), "-o", str(out), "--engine", "pipeline")
    listed = run("models")

    assert "It needs CHURN_ENGINE=pipeline." in promoted.output
    assert (refused.exit_code, "Set CHURN_ENGINE=pipeline" in refused.output) == (2, True)
    assert scored.exit_code == 0, scored.output
    assert json.loads((out / "summary.json").read_text())["model_version"] == VERSION
    assert re.search(r"\*  2\.0\.0 +boosting +pipeline ", listed.output)
    assert run("promote", "1.0.0").exit_code == 0
    assert run("score", str(SAMPLE), "-o", str(out)).exit_code == 0


def test_the_folder_and_the_bucket_write_the_same(boosted, bucket, tmp_path):
    scoring = Scoring(boosted, OutputOptions(value_at_risk=True, reasons=3), FileLimits())
    store = bucket.store(scoring)

    score_file(io.BytesIO(SAMPLE.read_bytes()), "sample.csv", tmp_path / "out", scoring)
    assert s3.handle(bucket.put("sample.csv", SAMPLE.read_bytes()), store, no_deadline, lambda _: None) is None

    dropped = bucket.results_of("sample.csv")
    assert dropped["predictions.csv"] == (tmp_path / "out" / "predictions.csv").read_bytes()
    assert dropped["predictions.csv"].count(b"the risk") > 120
    assert json.loads(dropped["summary.json"])["model_version"] == VERSION
