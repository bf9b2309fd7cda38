"""Expected figures of customers whose outcome is not known: as NannyML has them, and true where probabilities are."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import run_command
from other_schema import BAD, GOOD, SHOPPERS, to_csv, write_models

from model.bulk.estimate import Estimate

CASES = json.loads((Path(__file__).parents[2] / "benchmarks" / "cbpe.json").read_text())["cases"]
FIGURES = ["churn_rate", "roc_auc", "precision", "recall", "f1", "accuracy", "log_loss", "brier"]


def estimate(probability, threshold=0.5, blocks=1):
    estimated = Estimate(threshold)
    for part in np.array_split(np.array(probability, float), blocks):
        good = np.ones(len(part), bool)
        log_odds = np.log(part / (1 - part))
        estimated.add(SimpleNamespace(probability=part, log_odds=log_odds, good=good))
    return estimated.to_dict()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_figures_are_those_of_nannyml(case):
    result = estimate(case["probabilities"], case["threshold"])
    # Four decimals are printed, and NannyML rounds the curve at five.
    assert {name: result[name]["value"] for name in case["figures"]} == pytest.approx(case["figures"], abs=0.0001)


def test_the_expected_losses_are_means_over_customers():
    result = estimate([0.2, 0.6], 0.5)
    log_loss = (-0.2 * np.log(0.2) - 0.8 * np.log(0.8) - 0.6 * np.log(0.6) - 0.4 * np.log(0.4)) / 2
    assert result["log_loss"]["value"] == pytest.approx(log_loss, abs=0.00005)
    assert result["brier"]["value"] == pytest.approx((0.2 * 0.8 + 0.6 * 0.4) / 2)
    assert (result["customers"], result["expected_churners"], result["labelled_churn"]) == (2, 0.8, 1)


def test_the_figure_of_an_outcome_is_in_its_interval_in_95_percent_of_cases():
    from sklearn.metrics import brier_score_loss, f1_score, log_loss, precision_score, recall_score, roc_auc_score

    generator = np.random.default_rng(1)
    chance = generator.beta(1.2, 3.3, 1500)
    result, labelled = estimate(chance, 0.33), chance >= 0.33
    inside = dict.fromkeys(FIGURES, 0)
    for _ in range(300):
        left = (generator.random(1500) < chance).astype(int)
        actual = {
            "churn_rate": left.mean(),
            "roc_auc": roc_auc_score(left, chance),
            "precision": precision_score(left, labelled),
            "recall": recall_score(left, labelled),
            "f1": f1_score(left, labelled),
            "accuracy": (left == labelled).mean(),
            "log_loss": log_loss(left, chance),
            "brier": brier_score_loss(left, chance),
        }
        for name, figure in actual.items():
            inside[name] += result[name]["low"] - 5e-5 <= figure <= result[name]["high"] + 5e-5
    for name, count in inside.items():
        assert 0.91 < count / 300 < 0.99, name


def test_blocks_give_the_same_as_one_file_and_keep_no_rows():
    chance = np.random.default_rng(2).beta(2, 2, 5000)
    assert estimate(chance, blocks=7) == estimate(chance)


def test_one_customer_has_no_ranking_and_no_customer_has_no_figures():
    one = estimate([0.3])
    assert one["roc_auc"] is None
    assert one["precision"] is None
    assert one["accuracy"] == {"value": 0.7, "low": 0.0, "high": 1.0}
    assert one["recall"] == {"value": 0.0, "low": None, "high": None}
    nobody = Estimate(0.5).to_dict()
    assert nobody["customers"] == 0
    assert [nobody[name] for name in FIGURES] == [None] * len(FIGURES)


def test_an_interval_contains_its_figure_where_one_outcome_is_nearly_certain():
    for figure in (estimate([0.0001] * 3)[name] for name in ("churn_rate", "accuracy", "log_loss", "brier")):
        assert figure["low"] <= figure["value"] <= figure["high"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("shop") / "models")


def run(models, folder, rows, *words):
    (folder / "list.csv").write_bytes(to_csv(rows))
    return run_command("estimate", str(folder / "list.csv"), "--models", str(models), *words)


def test_the_command_prints_figures_caution_and_drift(models, tmp_path):
    rows = [shopper.row for shopper in SHOPPERS] * 60
    done = run(models, tmp_path, [*rows, next(row for row, _ in BAD.values())])
    assert done.exit_code == 0, done.output
    assert f"{len(rows)} scored, 1 rejected." in done.output
    for text in ("ROC AUC", "95 % interval", "These figures hold if", "compared with training", "what changed most"):
        assert text in done.output


def test_json_has_the_same_figures_and_the_indices(models, tmp_path):
    rows = [shopper.row for shopper in SHOPPERS] * 60
    result = json.loads(run(models, tmp_path, rows, "--json", "--threshold", "0.4").output)
    assert (result["customers"], result["rejected"], result["threshold"]) == (len(rows), 0, 0.4)
    assert result["caution"].startswith("These figures hold if")
    assert result["roc_auc"]["low"] < result["roc_auc"]["value"] < result["roc_auc"]["high"]
    assert result["drift"]["features"][-1]["feature"] == "probability"
    assert result["drift"]["drift_max"] is not None


def test_a_file_of_rejected_rows_is_no_estimate_and_no_error(models, tmp_path):
    done = run(models, tmp_path, [row for row, _ in BAD.values()])
    assert done.exit_code == 0
    assert done.output.splitlines()[1:] == ["Nothing can be estimated: no row could be scored."]


def test_one_customer_is_estimated_without_a_ranking(models, tmp_path):
    done = run(models, tmp_path, [GOOD.row])
    assert done.exit_code == 0
    assert "1 scored, 0 rejected." in done.output
    assert "Too few customers" in done.output
