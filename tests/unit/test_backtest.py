"""`churn backtest`: last month's predictions compared with this month's outcomes, with nothing lost on the way."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import brier_score_loss, roc_auc_score

from app.cli.__main__ import churn
from model.bulk import outcomes

HEADER = "row,customerID,prediction,probability,tier,error,value_at_risk"
DATA = Path(__file__).parents[1] / "data"


def line(row: int, identity: str, chance: float, charges: float = 50.0) -> str:
    tier = "high" if chance >= 0.5 else "medium" if chance >= 0.25 else "low"
    label = "churn" if chance >= 0.33 else "not churn"
    return f"{row},{identity},{label},{chance:.4f},{tier},,{chance * charges:.2f}"


def write(folder: Path, predictions: list[str], truth: list[str], header: str = HEADER) -> list[str]:
    (folder / "predictions.csv").write_text("\n".join([header, *predictions]) + "\n")
    (folder / "truth.csv").write_text("\n".join(truth) + "\n")
    return [str(folder / "predictions.csv"), str(folder / "truth.csv")]


def backtest(*words: str):
    return CliRunner().invoke(churn, ["backtest", *words])


def figures(*words: str) -> dict:
    done = backtest(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.fixture
def four(tmp_path) -> list[str]:
    """Two labelled churn, one of them left, and two others, one of them left."""
    predictions = [line(1, "a", 0.8, 100), line(2, "b", 0.4, 50), line(3, "c", 0.2, 20), line(4, "d", 0.1, 10)]
    return write(tmp_path, predictions, ["customerID,Churn", "d,No", "c,Yes", "b,0", "a,1"])


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> list[str]:
    draw = random.Random(3).random
    chances = [round(draw() ** 2, 4) for _ in range(3000)]
    predictions = [line(row, f"c{row}", chance) for row, chance in enumerate(chances, start=1)]
    truth = [f"c{row},{'Yes' if draw() < chance else 'No'}" for row, chance in enumerate(chances, start=1)]
    return write(tmp_path_factory.mktemp("many"), predictions, ["customerID,Churn", *reversed(truth)])


def test_customers_are_matched_by_id_in_any_order(four):
    result = figures(*four)

    assert (result["customers"], result["churners"], result["labelled_churn"]) == (4, 2, 2)
    assert (result["precision"]["value"], result["recall"]["value"]) == (0.5, 0.5)
    assert result["expected_churners"] == 1.5
    assert result["roc_auc"]["value"] == 0.75


def test_money_is_what_was_at_risk_and_what_was_lost(four):
    assert figures(*four)["money"] == {
        "monthly_charges": 180.0,
        "value_at_risk": 105.0,
        "value_lost": 120.0,
        "value_lost_labelled_churn": 100.0,
    }


def test_charges_of_the_truth_are_used_where_the_predictions_have_no_money(tmp_path):
    header = HEADER.removesuffix(",value_at_risk")
    predictions = [line(1, "a", 0.8).rpartition(",")[0], line(2, "b", 0.1).rpartition(",")[0]]

    result = figures(*write(tmp_path, predictions, ["customerID,Churn,MonthlyCharges", "a,Yes,70", "b,No,30"], header))

    assert (result["money"]["monthly_charges"], result["money"]["value_lost"]) == (100.0, 70.0)


def test_without_charges_money_is_left_out(tmp_path):
    header = HEADER.removesuffix(",value_at_risk")
    predictions = [line(1, "a", 0.8).rpartition(",")[0]]

    result = figures(*write(tmp_path, predictions, ["customerID,Churn", "a,Yes"], header))

    assert result["money"] is None
    assert any("Score with --value-at-risk" in note for note in result["notes"])


def test_every_row_is_matched_or_counted_and_named(tmp_path):
    predictions = [
        line(1, "a", 0.8),
        line(2, "b", 0.4),
        line(3, "twice", 0.4),
        line(4, "twice", 0.5),
        line(5, "", 0.4),
        line(6, "gone", 0.3),
        '7,bad,,,,"tenure must be a whole number, not ""x"".",',
    ]
    truth = ["customerID,Churn", "a,Yes", "b,No", "b,Yes", "twice,No", "new,Yes", ",No", ""]

    result = figures(*write(tmp_path, predictions, truth))

    assert result["predictions"] == {
        "rows": 7,
        "matched": 1,
        "unmatched": 2,
        "duplicates": 2,
        "without_id": 1,
        "rejected": 1,
        "unmatched_ids": ["b", "gone"],
        "duplicate_ids": ["twice"],
    }
    assert result["truth"] == {
        "rows": 6,
        "matched": 1,
        "unmatched": 2,
        "duplicates": 2,
        "without_id": 1,
        "rejected": 0,
        "unmatched_ids": ["twice", "new"],
        "duplicate_ids": ["b"],
    }
    text = backtest(*write(tmp_path, predictions, truth)).output
    assert "predictions: 7 rows = 1 matched + 2 unmatched + 2 duplicates + 1 without id + 1 rejected" in text
    assert "unmatched b, gone; duplicate twice" in text
    assert "The truth is known of 17% of the scored customers" in text


@pytest.mark.parametrize("word", ["Yes", "yes", " YES ", "1", "true"])
def test_a_label_is_read_as_in_training(tmp_path, word):
    result = figures(
        *write(tmp_path, [line(1, "a", 0.8), line(2, "b", 0.1)], ["customerID,Churn", f"a,{word}", "b,no"])
    )

    assert result["churners"] == 1


def test_columns_are_found_in_any_place_and_case_and_separator(tmp_path):
    truth = ["\ufeffChurn;Region;CUSTOMERID", "Yes;North;a", ";;", "No;South;b"]

    assert figures(*write(tmp_path, [line(1, "a", 0.8), line(2, "b", 0.1)], truth))["customers"] == 2


PREDICTIONS = [line(1, "a", 0.8), line(2, "b", 0.1)]
TRUTH = ["customerID,Churn", "a,Yes", "b,No"]


@pytest.mark.parametrize(
    ("predictions", "truth", "message"),
    [
        pytest.param(
            PREDICTIONS,
            ["customerID,Churn", "a,maybe", "b,"],
            'truth.csv: Row 1: Churn must be "Yes", "No"',
            id="label",
        ),
        pytest.param(
            PREDICTIONS,
            ["customerID,Churn", "a,Yes", "b,"],
            'Row 2: Churn must be "Yes", "No", 1 or 0, not ""',
            id="blank",
        ),
        pytest.param(PREDICTIONS, ["customerID,Left", "a,Yes"], "truth.csv: The header lacks Churn.", id="no Churn"),
        pytest.param(PREDICTIONS, ["id,Churn", "a,Yes"], "truth.csv: The header lacks customerID.", id="no customerID"),
        pytest.param(PREDICTIONS, [""], "truth.csv: The file is empty.", id="empty"),
        pytest.param(
            PREDICTIONS,
            ["customerID,Churn", "x,Yes"],
            'the predictions have customerID "a" first, the truth has customerID "x" first',
            id="none",
        ),
        pytest.param(PREDICTIONS, ["customerID,Churn"], "the truth has no customerID", id="no truth"),
        pytest.param(
            PREDICTIONS,
            ["customerID,Churn", "a,Yes,1"],
            "Row 1: The row has 3 fields, but the header has 2",
            id="ragged",
        ),
        pytest.param(
            ["1,a,churn,1.8,high,,"],
            TRUTH,
            'predictions.csv: Row 1: probability must be a number from 0 to 1, not "1.8"',
            id="chance",
        ),
        pytest.param(["1,a,churn,nan,high,,"], TRUTH, "probability must be a number from 0 to 1", id="nan"),
        pytest.param(
            ["1,a,Churn,0.8,high,,"], TRUTH, 'prediction must be "churn" or "not churn", not "Churn"', id="prediction"
        ),
        pytest.param(["1,a,churn,0.8,severe,,"], TRUTH, 'tier must be high, medium or low, not "severe"', id="tier"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_file_and_the_rule(tmp_path, predictions, truth, message):
    done = backtest(*write(tmp_path, predictions, truth))

    assert done.exit_code == 2
    assert message in done.output


def test_twenty_wrong_labels_are_named_and_the_rest_counted(tmp_path):
    truth = ["customerID,Churn", *(f"c{row},?" for row in range(30))]

    done = backtest(*write(tmp_path, PREDICTIONS, truth))

    assert done.output.count("Row ") == 20
    assert "... and 10 more" in done.output


def test_the_files_in_the_wrong_order_are_refused(four):
    assert "truth.csv: The header lacks prediction, probability and tier." in backtest(*reversed(four)).output


def test_all_stayed_leaves_out_what_needs_both_kinds(tmp_path):
    result = figures(*write(tmp_path, PREDICTIONS, ["customerID,Churn", "a,No", "b,No"]))

    assert (result["roc_auc"], result["recall"]) == (None, None)
    assert result["deciles"][0]["lift"] is None
    assert backtest(*write(tmp_path, PREDICTIONS, ["customerID,Churn", "a,No", "b,No"])).exit_code == 0


def test_probabilities_that_are_right_come_true(many):
    result = figures(*many)

    gap = result["calibration_gap"]
    assert gap["low"] < 0 < gap["high"]
    for group in [*result["deciles"], *result["tiers"]]:
        assert abs(group["churners"] - group["expected_churners"]) < 4 * math.sqrt(group["expected_churners"] + 1)
    assert [group["customers"] for group in result["deciles"]] == [300] * 10
    assert result["deciles"][0]["lift"] > 2
    assert sum(group["customers"] for group in result["tiers"]) == 3000
    nothing = sum(",0.0000," in row for row in Path(many[0]).read_text().splitlines())
    assert result["notes"] == [
        f"Of {nothing} customers MonthlyCharges is not known; the money is estimated without them."
    ]


def test_the_figures_are_those_of_scikit_learn():
    generator = np.random.default_rng(5)
    chance = np.round(generator.random(2000) ** 2, 2)
    churned = (generator.random(2000) < chance).astype(np.int64)

    result = outcomes.measure(churned, chance, chance > 0.3)

    assert result["roc_auc"]["value"] == pytest.approx(roc_auc_score(churned, chance), abs=5e-5)
    assert result["brier"]["value"] == pytest.approx(brier_score_loss(churned, chance), abs=5e-5)
    bins = [(chance >= low / 10) & (chance < (low + 1) / 10 + (low == 9)) for low in range(10)]
    gaps = [abs(float(churned[members].mean() - chance[members].mean())) * members.mean() for members in bins]
    assert result["ece"] == pytest.approx(sum(gaps), abs=5e-5)


@pytest.mark.parametrize("name", ["roc_auc", "brier", "churn_rate"])
def test_an_interval_covers_the_truth_about_as_often_as_it_claims(name):
    generator = np.random.default_rng(6)
    large = generator.random(200_000) ** 2
    outcomes_of_all = (generator.random(200_000) < large).astype(np.int64)
    right = outcomes.measure(outcomes_of_all, large, large > 0.3)[name]["value"]

    hits = 0
    for _ in range(200):
        chance = generator.random(400) ** 2
        churned = (generator.random(400) < chance).astype(np.int64)
        result = outcomes.measure(churned, chance, chance > 0.3)[name]
        hits += result["low"] <= right <= result["high"]

    assert 180 <= hits <= 199


def test_a_rate_of_none_has_an_interval_all_the_same():
    assert outcomes.rate(0, 20) == {"value": 0.0, "low": 0.0, "high": 0.1611}
    assert outcomes.rate(0, 0) is None
