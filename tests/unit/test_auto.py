"""`--recipe auto`: the simplest recipe that is not worse beyond chance, with boosted trees in the card."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from model import artifact
from model.engine import load_scorer
from model.errors import ArtifactError
from model.schema import Categorical, Numeric, Schema, Target
from model.training import auto, boosting, ebm, spline
from model.training.cross_validation import make_folds
from model.training.data import LabelledData
from model.training.metrics import round_probabilities
from model.training.recipes import BOOSTING, EBM, EXACT_RECIPES, SPLINE, recipes_of
from model.training.train import train

pytestmark = pytest.mark.usefixtures("one_blas_thread")

SCHEMA = Schema(
    features=(
        Numeric(name="Calls (30d)", minimum=-100, maximum=100),
        Categorical(name="plan", values=("A", "B")),
        Numeric(name="fee", minimum=0, maximum=1000, accepts_missing=True, direction="rises"),
    ),
    example={"Calls (30d)": 0.0, "plan": "A", "fee": 10.0},
    target=Target("Left?", "Left", "Stayed"),
)
QUICK = (
    replace(SPLINE, settings=(spline.Setting(2, 1.0), spline.Setting(4, 1.0)), repeats=1, random_customers=500),
    replace(EBM, settings=(ebm.Setting(pairs=2, steps=16, pair_steps=8, bags=2),), repeats=1, random_customers=500),
)


def invent(rows, has_interaction):
    generator = np.random.default_rng(3)
    calls, plan, fee = generator.normal(0, 3, rows), generator.integers(0, 2, rows), generator.gamma(2, 30, rows)
    slope = np.where(plan == 1, 0.6, -0.6) if has_interaction else 0.4
    log_odds = calls * slope + fee / 60 - 1.5
    labels = (generator.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(int)
    fee[generator.random(rows) < 0.05] = np.nan
    return LabelledData(SCHEMA, {"Calls (30d)": calls, "plan": plan, "fee": fee}, labels, [], "0" * 64)


@pytest.fixture(scope="module", autouse=True)
def few_boosted_trees():
    quick = replace(BOOSTING, settings=(boosting.Setting(3, 20), boosting.Setting(3, 40)), repeats=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "BOOSTING", quick)
        yield


def choose(data, recipes=QUICK):
    return auto.choose_recipe(data, recipes, seed=0, report=lambda _stage, _share: None)


@pytest.mark.parametrize(("has_interaction", "expected"), [(False, "spline"), (True, "ebm")])
def test_the_richer_recipe_is_chosen_only_where_the_simpler_one_is_worse_beyond_chance(has_interaction, expected):
    choice = choose(invent(1000, has_interaction))

    assert choice.recipe.name == expected
    rows = {row["name"]: row for row in choice.facts["auto"]["recipes"]}
    assert list(rows) == ["spline", "ebm"]
    assert (rows["spline"]["low"] > 0) is has_interaction
    assert rows[expected]["low"] <= 0 <= rows[expected]["high"]
    boosted = choice.facts["auto"]["boosting"]
    assert set(boosted) == {"setting", "log_loss", "roc_auc", "pr_auc", "difference", "low", "high"}
    assert boosted["low"] <= boosted["difference"] <= boosted["high"]
    assert 0.6 < boosted["roc_auc"] < 0.9


def test_a_recipe_that_chooses_nothing_is_fitted_once_a_fold():
    data, fits = invent(600, has_interaction=True), []

    def predict(schema, customers, y, fold, settings):
        fits.append(fold)
        return ebm.predict(schema, customers, y, fold, settings)

    choice = choose(data, [replace(QUICK[1], predict=predict)])

    assert len(fits) == 5
    assert choice.facts == {}
    assert choice.selection.setting == QUICK[1].settings[0]
    for (_, test), (outer_test, _, outer), own in zip(
        make_folds(data.labels, 0, repeats=1), choice.outer, choice.selection.probabilities, strict=True
    ):
        assert np.array_equal(test, outer_test)
        assert np.array_equal(round_probabilities(outer), own)


def test_auto_names_the_exact_recipes_simplest_first():
    assert recipes_of("auto") == EXACT_RECIPES == (SPLINE, EBM)
    assert recipes_of("additive") == (SPLINE,)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a version that `auto` chose, and what training reported."""
    root, sentences = tmp_path_factory.mktemp("auto"), []
    data = invent(1000, has_interaction=True)
    lines = ["Left?,fee,plan,Calls (30d)"]
    for customer, label in zip(data.customers, data.labels.tolist(), strict=True):
        fee = "" if customer["fee"] is None else customer["fee"]
        lines.append(f"{'Left' if label else 'Stayed'},{fee},{customer['plan']},{customer['Calls (30d)']}")
    (root / "customers.csv").write_text("\n".join(lines) + "\n")
    folder = train(root / "customers.csv", root=root / "models", recipes=QUICK, schema=SCHEMA, warn=sentences.append)
    return folder, sentences


def test_training_reports_what_was_chosen_and_the_card_shows_the_figures(trained):
    folder, sentences = trained

    metrics = json.loads((folder / "metrics.json").read_text())
    card = (folder / "MODEL_CARD.md").read_text()
    assert metrics["recipe"] == {"name": "ebm", "engines": ["scorecard"]}
    assert re.match(
        r"Chose ebm \(log loss 0\.\d{4}\)\. spline is worse by more than chance \(0\.\d{4}\)\.$", sentences[0]
    )
    assert "## Other kinds of models" in card
    assert "| **ebm** |" in card
    assert "| spline |" in card
    assert "Boosted trees, whose reasons are not exact" in card
    assert "interpret-core" in card
    assert "fee rises" in card


def test_the_artifact_has_no_pickle_and_only_the_scorecard_serves_it(trained):
    folder, _ = trained

    assert {name for name in artifact.names(folder) if name.endswith(".joblib")} == set()
    scorer = load_scorer(folder.name, models=str(folder.parent))
    assert scorer.pairs
    with pytest.raises(ArtifactError, match=r"has no pipeline.*Set CHURN_ENGINE=scorecard"):
        load_scorer(folder.name, "pipeline", models=str(folder.parent))


def test_its_figures_are_those_of_the_folds_on_which_it_was_chosen(trained):
    metrics = json.loads((trained[0] / "metrics.json").read_text())

    (row,) = [row for row in metrics["auto"]["recipes"] if row["name"] == "ebm"]
    assert metrics["out_of_fold"]["log_loss"]["mean"] == row["log_loss"]
    assert metrics["setting_out_of_fold"] == metrics["out_of_fold"]
    assert metrics["exactness"] == {"within": 1e-12, "random_customers": 500}
