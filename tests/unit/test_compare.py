"""Two versions side by side: what is measured on which customers, which labels change and why, and the exit status."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from test_evaluate import check_page

from app.cli.__main__ import churn
from model import artifact
from model.training.compare import compare, losses
from model.training.comparison import to_page, to_text
from model.training.data import read
from model.training.evaluate import probabilities_of
from model.training.label_changes import changes


@pytest.fixture(scope="module")
def unseen(two_versions) -> Path:
    path = two_versions.parent / "3.csv"
    path.write_text(to_csv(invent(3, 300)))
    return path


@pytest.fixture(scope="module")
def found(two_versions, unseen):
    return compare("1.0.0", "1.1.0", unseen, two_versions, number=50)


def row(part, name):
    return next(each for each in part["figures"] if each["figure"] == name)


def test_versions_that_have_not_seen_the_customers_score_them_as_they_stand(found, two_versions, unseen):
    data = read(unseen)
    scorers = [artifact.load(version, two_versions) for version in ("1.0.0", "1.1.0")]
    briers = [np.mean((probabilities_of(scorer, data) - data.labels) ** 2) for scorer in scorers]

    brier = row(found, "brier")

    assert (brier["first"], brier["second"]) == pytest.approx(briers, abs=1e-6)
    assert brier["difference"] == pytest.approx(briers[1] - briers[0], abs=2e-6)
    assert brier["interval"][0] <= brier["difference"] <= brier["interval"][1]
    assert [found[side]["out_of_fold"] for side in ("first", "second")] == [False, False]
    assert "trained on this very file" not in to_text(found)


def test_a_version_that_was_trained_on_them_is_measured_out_of_fold(two_versions):
    data = two_versions.parent / "2.csv"
    stored = probabilities_of(artifact.load("1.1.0", two_versions), read(data))
    flattering = np.mean((stored - read(data).labels) ** 2)

    found = compare("1.0.0", "1.1.0", data, two_versions, number=20)

    assert [found[side]["out_of_fold"] for side in ("first", "second")] == [False, True]
    assert row(found, "brier")["second"] > flattering + 0.001
    assert "1.1.0 was trained on this very file. So its recipe was trained anew on folds" in to_text(found)


def test_the_same_recipe_trained_anew_on_the_same_folds_is_the_same_model(found):
    assert found["anew"]["same_recipe"]
    assert all((each["difference"], each["interval"]) == (0, [0, 0]) for each in found["anew"]["figures"])
    assert "trained anew on the same folds they are the same model" in to_text(found)


def test_a_version_differs_from_itself_in_nothing(two_versions, unseen):
    found = compare("1.1.0", "1.1.0", unseen, two_versions, number=10)

    assert all(each["difference"] == 0 for each in found["figures"])
    assert found["changed"] == []
    assert set(losses(found).values()) == {0}


def test_labels_are_counted_and_those_that_change_are_listed_with_the_largest_move_first(found):
    labels = found["labels"]

    assert sum(labels.values()) == 300
    assert len(found["changed"]) == labels["newly_churn"] + labels["no_longer_churn"] > 0
    moves = [abs(each["second"]["probability"] - each["first"]["probability"]) for each in found["changed"]]
    assert moves == sorted(moves, reverse=True)
    for each in found["changed"]:
        assert each["first"]["prediction"] != each["second"]["prediction"]
        assert each["customerID"] == f"{each['row'] - 1:04d}-SMPLE"


def test_the_reasons_of_a_change_are_the_terms_that_moved_the_customer_that_way(scorer):
    data = read(Path(__file__).parents[1] / "data" / "sample.csv")
    payment = scorer.terms[7]
    points = {word: value + (3.0 if word == "Mailed check" else 0.0) for word, value in payment.points.items()}
    moved = replace(scorer, terms=(*scorer.terms[:7], replace(payment, points=points), *scorer.terms[8:]))

    found = changes(data, [scorer, moved], [probabilities_of(each, data) for each in (scorer, moved)])

    assert found["labels"]["no_longer_churn"] == 0
    assert found["changed"]
    for each in found["changed"]:
        assert each["why"] == [{"feature": "PaymentMethod", "value": "Mailed check", "log_odds": 3.0}]


def test_a_comparison_with_trees_says_how_their_reasons_come_about(boosted_models, two_versions, unseen, tmp_path):
    root = shutil.copytree(two_versions, tmp_path / "models")
    shutil.copytree(boosted_models / "2.0.0", root / "2.0.0")

    found = compare("1.1.0", "2.0.0", unseen, root, number=20)

    assert (found["first"]["reasons_method"], found["second"]["reasons_method"]) == ("exact", "tree_shap")
    assert found["changed"]
    assert all(each["why"] for each in found["changed"])
    said = "no exact part of 2.0.0, which is not additive: its reasons are by tree_shap."
    assert to_text(found).count(said) == to_page(found).count(said) == 1


def test_a_change_by_the_threshold_alone_is_put_down_to_it(scorer):
    data = read(Path(__file__).parents[1] / "data" / "sample.csv")
    stricter = scorer.with_threshold(0.6)

    found = changes(data, [scorer, stricter], [probabilities_of(scorer, data)] * 2)

    assert found["labels"]["newly_churn"] == 0
    assert {json.dumps(each["why"]) for each in found["changed"]} == {'[{"threshold": [0.33, 0.6]}]'}


def test_too_few_of_a_kind_for_folds_leave_out_what_needs_them(two_versions, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text(to_csv(invent(4, 40)))

    found = compare("1.0.0", "1.1.0", path, two_versions, number=5)

    assert found["anew"] is None
    assert "trained anew" not in to_text(found)


def test_many_customers_are_trained_anew_on_a_sample_of_them(two_versions, monkeypatch):
    from model.training import cross_validation

    monkeypatch.setattr(cross_validation, "MOST_ROWS", 260)

    found = compare("1.0.0", "1.1.0", two_versions.parent / "2.csv", two_versions, number=5)

    assert (found["rows"], found["compared_rows"], found["anew"]["rows"]) == (300, 260, 260)
    assert sum(found["labels"].values()) == 300


def test_the_page_of_a_comparison_stands_by_itself(found):
    page = to_page(found)

    check_page(page, plots=1)
    assert "Customers whose label changes" in page


@pytest.fixture
def run(two_versions, unseen, monkeypatch):
    monkeypatch.setenv("CHURN_MODELS", str(two_versions))
    return lambda *words: CliRunner().invoke(churn, ["compare", "1.0.0", "1.1.0", "--data", str(unseen), *words])


def test_the_exit_status_says_whether_the_second_is_worse_by_more_than_is_allowed(run, found):
    lost = losses(found)
    name, loss = max(lost.items(), key=lambda each: each[1])
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


def test_a_bound_on_what_cannot_be_told_is_refused(two_versions, tmp_path):
    path = tmp_path / "stayed.csv"
    path.write_text(to_csv([{**each, "Churn": "No"} for each in invent(1, 30)]))
    words = ["compare", "1.0.0", "1.1.0", "--data", str(path), "--models", str(two_versions)]

    result = CliRunner().invoke(churn, [*words, "--max-loss-of", "auc=1"])

    assert result.exit_code == 2
    assert "auc cannot be computed from" in result.stderr


def test_a_version_that_is_not_there_is_named_with_those_that_are(two_versions, unseen):
    words = ["compare", "1.0.0", "3.0.0", "--data", str(unseen), "--models", str(two_versions)]

    result = CliRunner().invoke(churn, words)

    assert (result.exit_code, result.stderr) == (2, "There is no model version 3.0.0; versions: 1.0.0, 1.1.0.\n")
