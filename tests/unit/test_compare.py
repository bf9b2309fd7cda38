"""Two versions side by side: what is measured on which customers, which labels change and why, and the exit status."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from report_pages import check_page
from shipped import SCHEMA
from trainings import quick_recipe

from app.cli.__main__ import churn
from model import artifact
from model.schema import Numeric
from model.training import cross_validation
from model.training.compare import compare, losses
from model.training.data import read
from model.training.evaluate import probabilities_of
from model.training.label_changes import label_changes
from model.training.recalibrate import recalibrate
from model.training.reports import comparison_page, comparison_text
from model.training.train import train


@pytest.fixture(scope="module")
def unseen(two_versions) -> Path:
    path = two_versions.parent / "3.csv"
    path.write_text(to_csv(invent(3, 300)))
    return path


@pytest.fixture(scope="module")
def comparison(two_versions, unseen):
    return compare("1.0.0", "1.1.0", unseen, two_versions, draws=50)


def metric_row(part, name):
    return next(metric for metric in part["figures"] if metric["figure"] == name)


def test_versions_that_have_not_seen_the_customers_score_them_unchanged(comparison, two_versions, unseen):
    data = read(unseen, SCHEMA)
    scorers = [artifact.load(version, two_versions) for version in ("1.0.0", "1.1.0")]
    briers = [np.mean((probabilities_of(scorer, data) - data.labels) ** 2) for scorer in scorers]

    brier = metric_row(comparison, "brier")

    assert (brier["first"], brier["second"]) == pytest.approx(briers, abs=1e-6)
    assert brier["difference"] == pytest.approx(briers[1] - briers[0], abs=2e-6)
    assert brier["interval"][0] <= brier["difference"] <= brier["interval"][1]
    assert [comparison[side]["out_of_fold"] for side in ("first", "second")] == [False, False]
    assert "trained on this very file" not in comparison_text(comparison)


def test_a_version_that_was_trained_on_them_is_measured_out_of_fold(two_versions):
    data = two_versions.parent / "2.csv"
    stored = probabilities_of(artifact.load("1.1.0", two_versions), read(data, SCHEMA))
    flattering = np.mean((stored - read(data, SCHEMA).labels) ** 2)

    comparison = compare("1.0.0", "1.1.0", data, two_versions, draws=20)

    assert [comparison[side]["out_of_fold"] for side in ("first", "second")] == [False, True]
    assert metric_row(comparison, "brier")["second"] > flattering + 0.001
    assert "1.1.0 was trained on this very file. So its recipe was retrained on folds" in comparison_text(comparison)


def test_the_same_recipe_retrained_on_the_same_folds_is_the_same_model(comparison):
    assert comparison["anew"]["same_recipe"]
    assert all((metric["difference"], metric["interval"]) == (0, [0, 0]) for metric in comparison["anew"]["figures"])
    assert "retrained on the same folds they are the same model" in comparison_text(comparison)


def test_the_same_recipe_with_another_schema_is_another_model(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(to_csv(invent(1, 300)))
    features = [
        replace(feature, direction="free") if isinstance(feature, Numeric) else feature for feature in SCHEMA.features
    ]
    for schema in (SCHEMA, replace(SCHEMA, features=tuple(features))):
        train(path, root=tmp_path / "models", recipes=[quick_recipe(settings=1)], schema=schema)

    comparison = compare("1.0.0", "1.1.0", path, tmp_path / "models", draws=10)

    assert (comparison["anew"]["same_recipe"], comparison["anew"]["same_schema"]) == (True, False)
    for report in (comparison_text(comparison), comparison_page(comparison)):
        assert "Both have the same recipe and setting; their schemas differ." in report
        assert "the same model" not in report


def test_a_version_differs_from_itself_in_nothing(two_versions, unseen):
    comparison = compare("1.1.0", "1.1.0", unseen, two_versions, draws=10)

    assert all(metric["difference"] == 0 for metric in comparison["figures"])
    assert comparison["changed"] == []
    assert set(losses(comparison).values()) == {0}


def test_labels_are_counted_and_those_that_change_are_listed_with_the_largest_move_first(comparison):
    labels = comparison["labels"]

    assert sum(labels.values()) == 300
    assert len(comparison["changed"]) == labels["newly_churn"] + labels["no_longer_churn"] > 0
    moves = [abs(change["second"]["probability"] - change["first"]["probability"]) for change in comparison["changed"]]
    assert moves == sorted(moves, reverse=True)
    for change in comparison["changed"]:
        assert change["first"]["prediction"] != change["second"]["prediction"]
        assert change["customerID"] == f"{change['row'] - 1:04d}-SMPLE"


def test_the_reasons_of_a_change_are_the_terms_that_moved_the_customer_that_way(scorer):
    data = read(Path(__file__).parents[1] / "data" / "sample.csv", SCHEMA)
    payment = scorer.terms[7]
    points = {word: value + (3.0 if word == "Mailed check" else 0.0) for word, value in payment.points.items()}
    moved = replace(scorer, terms=(*scorer.terms[:7], replace(payment, points=points), *scorer.terms[8:]))

    comparison = label_changes(
        [data, data], [scorer, moved], [probabilities_of(model, data) for model in (scorer, moved)]
    )

    assert comparison["labels"]["no_longer_churn"] == 0
    assert comparison["changed"]
    for change in comparison["changed"]:
        assert change["why"] == [{"feature": "PaymentMethod", "value": "Mailed check", "log_odds": 3.0}]


def test_a_comparison_with_trees_reports_how_their_reasons_are_computed(boosted_models, two_versions, unseen, tmp_path):
    root = shutil.copytree(two_versions, tmp_path / "models")
    shutil.copytree(boosted_models / "2.0.0", root / "2.0.0")

    comparison = compare("1.1.0", "2.0.0", unseen, root, draws=20)

    assert (comparison["first"]["reasons_method"], comparison["second"]["reasons_method"]) == ("exact", "tree_shap")
    assert comparison["changed"]
    assert all(change["why"] for change in comparison["changed"])
    sentence = "not exact for 2.0.0, which is not additive: its contributions are by tree_shap."
    assert comparison_text(comparison).count(sentence) == comparison_page(comparison).count(sentence) == 1


def test_a_change_by_the_threshold_alone_is_put_down_to_it(scorer):
    data = read(Path(__file__).parents[1] / "data" / "sample.csv", SCHEMA)
    stricter = scorer.with_threshold(0.6)

    comparison = label_changes([data, data], [scorer, stricter], [probabilities_of(scorer, data)] * 2)

    assert comparison["labels"]["newly_churn"] == 0
    assert {json.dumps(change["why"]) for change in comparison["changed"]} == {'[{"threshold": [0.33, 0.6]}]'}


def test_too_few_of_a_kind_for_folds_leave_out_what_needs_them(two_versions, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text(to_csv(invent(4, 40)))

    comparison = compare("1.0.0", "1.1.0", path, two_versions, draws=5)

    assert comparison["anew"] is None
    assert "retrained" not in comparison_text(comparison)


def test_many_customers_are_retrained_on_a_sample_of_them(two_versions, monkeypatch):
    monkeypatch.setattr(cross_validation, "MAX_ROWS", 260)

    comparison = compare("1.0.0", "1.1.0", two_versions.parent / "2.csv", two_versions, draws=5)

    assert (comparison["rows"], comparison["compared_rows"], comparison["anew"]["rows"]) == (300, 260, 260)
    assert sum(comparison["labels"].values()) == 300


def test_the_page_of_a_comparison_is_one_file(comparison):
    page = comparison_page(comparison)

    check_page(page, plots=1)
    assert "Customers whose label changes" in page


@pytest.fixture
def run(two_versions, unseen, monkeypatch):
    monkeypatch.setenv("CHURN_MODELS", str(two_versions))
    return lambda *words: CliRunner().invoke(churn, ["compare", "1.0.0", "1.1.0", "--data", str(unseen), *words])


def test_the_exit_status_reports_whether_the_second_is_worse_by_more_than_is_allowed(run, comparison):
    lost = losses(comparison)
    name, loss = max(lost.items(), key=lambda item: item[1])
    option = {"roc_auc": "auc", "top_decile_lift": "lift"}.get(name, name)

    allowed = run("--json", "--max-loss-of", f"{option}={loss + 0.001}")
    refused = run("--max-loss-of", f"{option}={loss - 0.001}", "--max-loss-of", "log_loss=9")

    assert loss > 0.001
    assert (allowed.exit_code, refused.exit_code) == (0, 1)
    assert json.loads(allowed.stdout)["max_loss_of"][option]["loss"] == pytest.approx(loss)
    assert f"1.1.0 is worse than 1.0.0 by {loss:.4f} in {option}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("bound", ["auc", "auc=", "auc=-1", "auc=nan", "size=1", "=1"])
def test_a_bound_that_cannot_be_read_is_refused_with_an_example(run, bound):
    result = run("--max-loss-of", bound)

    assert result.exit_code == 2
    assert "such as auc=0.005" in result.stderr


def test_a_bound_on_an_undefined_metric_is_refused(two_versions, tmp_path):
    path = tmp_path / "stayed.csv"
    path.write_text(to_csv([{**customer, "Churn": "No"} for customer in invent(1, 30)]))
    words = ["compare", "1.0.0", "1.1.0", "--data", str(path), "--models", str(two_versions)]

    result = CliRunner().invoke(churn, [*words, "--max-loss-of", "auc=1"])

    assert result.exit_code == 2
    assert "auc cannot be computed from" in result.stderr


def test_a_version_that_is_not_there_is_named_with_those_that_are(two_versions, unseen):
    words = ["compare", "1.0.0", "3.0.0", "--data", str(unseen), "--models", str(two_versions)]

    result = CliRunner().invoke(churn, words)

    assert (result.exit_code, result.stderr) == (2, "There is no model version 3.0.0; versions: 1.0.0, 1.1.0.\n")


def test_a_recalibrated_version_is_named_as_one_and_nothing_is_retrained(two_versions, unseen, tmp_path):
    root = shutil.copytree(two_versions, tmp_path / "models")
    recalibrate("1.0.0", "1.0.1", root, rate=0.05)

    comparison = compare("1.0.0", "1.0.1", unseen, root, draws=10)

    shift = comparison["recalibration"]["shift"]
    assert shift < 0
    assert comparison["anew"] is None
    sentence = f"1.0.1 is 1.0.0 with the intercept shifted by {shift:.2f}"
    assert sentence in comparison_text(comparison)
    assert sentence in comparison_page(comparison)
    assert metric_row(comparison, "roc_auc")["difference"] == 0
    assert compare("1.0.1", "1.0.0", unseen, root, draws=10)["recalibration"] == comparison["recalibration"]
