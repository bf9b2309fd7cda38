"""Models whose mean probability is shifted, and the gate before a model becomes the default."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from other_schema import SHOP, VERSION, write_models
from shipped import SCHEMA
from trainings import rewrite, write_customers

from app.cli.__main__ import churn
from model import artifact
from model.actions import load_of
from model.engine import load_scorer
from model.errors import ArtifactError, TrainingError
from model.explain import explain
from model.training.data import read
from model.training.recalibrate import _rising, recalibrate, solve_shift
from model.training.threshold import choose_tiers, keep_threshold
from model.versions import base_rate_fault, check_usable, current_default, promote

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture
def root(two_versions, tmp_path) -> Path:
    return Path(shutil.copytree(two_versions, tmp_path / "models"))


def mean_probability(root: Path, version: str, data, engine: str = "scorecard") -> float:
    scorer = load_scorer(version, engine, models=str(root))
    return float(np.mean([score.probability for score in scorer.score_all(data.customers)]))


def test_the_mean_probability_of_the_training_data_becomes_the_rate(root, two_versions):
    data = read(two_versions.parent / "1.csv", SCHEMA)

    recalibrate("1.0.0", "1.5.0", root, rate=0.02)

    for engine in ("scorecard", "pipeline"):
        assert mean_probability(root, "1.5.0", data, engine) == pytest.approx(0.02, abs=0.0003)


def test_the_reasons_and_all_other_files_stay(root):
    recalibrate("1.0.0", "1.5.0", root, rate=0.02)

    old, new = (load_scorer(version, models=str(root)) for version in ("1.0.0", "1.5.0"))
    example = dict(old.schema.example)
    assert [part.sentence for part in explain(old, example)] == [part.sentence for part in explain(new, example)]
    assert new.schema == old.schema
    assert load_of(new) == load_of(old)
    assert new.tiers == {"high": 0.04, "medium": 0.02, "low": 0.0}
    metrics = json.loads((root / "1.5.0" / "metrics.json").read_text())
    assert metrics["recalibrated_from"]["version"] == "1.0.0"
    assert metrics["recalibrated_from"]["rate"] == 0.02
    population = json.loads((root / "1.5.0" / "population.json").read_text())
    assert population["mean_probability"] == 0.02
    assert all(group["churn_rate"] is None for segment in population["segments"] for group in segment["groups"])
    card = " ".join((root / "1.5.0" / "MODEL_CARD.md").read_text().split())
    assert "so that the mean probability is 2.00% and no longer" in card


def test_the_shipped_model_is_recalibrated_too(tmp_path):
    shutil.copytree(artifact.ARTIFACTS / "1.0.0", tmp_path / "1.0.0")

    recalibrate("1.0.0", "1.5.0", tmp_path, rate=0.02)
    recalibrate("1.5.0", "1.6.0", tmp_path, rate=0.265370)

    first, last = (load_scorer(version, models=str(tmp_path)) for version in ("1.0.0", "1.6.0"))
    assert last.intercept == pytest.approx(first.intercept, abs=0.01)
    assert (last.tiers, load_of(last)) == (first.tiers, load_of(first))
    shift = json.loads((tmp_path / "1.6.0" / "metrics.json").read_text())["recalibrated_from"]["total_shift"]
    assert shift == pytest.approx(last.intercept - first.intercept, abs=1e-6)


def test_recent_customers_give_the_rate_and_become_the_population(root, tmp_path):
    path = write_customers(tmp_path, invent(seed=5, count=400))
    data = read(path, SCHEMA)

    recalibrate("1.0.0", "1.5.0", root, data_path=path)

    assert mean_probability(root, "1.5.0", data) == pytest.approx(data.churners / data.rows, abs=1e-9)
    population = json.loads((root / "1.5.0" / "population.json").read_text())
    assert population["customers"] == 400
    assert population["churn_rate"] == pytest.approx(data.churners / data.rows, abs=1e-6)


def test_trees_are_recalibrated(boosted_models, tmp_path):
    root = Path(shutil.copytree(boosted_models, tmp_path / "models"))
    data = read(boosted_models.parent / "customers.csv", SCHEMA)

    recalibrate("2.0.0", "2.1.0", root, rate=0.05)

    assert mean_probability(root, "2.1.0", data, "pipeline") == pytest.approx(0.05, abs=0.001)
    scorer = load_scorer("2.1.0", "pipeline", models=str(root))
    customer = data.customers[0]
    total = scorer.baseline + sum(part.contribution for part in explain(scorer, customer))
    assert total == pytest.approx(scorer.score(customer).log_odds, abs=1e-9)


def test_what_cannot_be_done_is_refused_and_nothing_is_written(root, tmp_path):
    few = tmp_path / "few.csv"
    few.write_text(to_csv(invent(4, 40)))
    before = sorted(path.name for path in root.iterdir())

    with pytest.raises(ArtifactError, match=r"Model 1\.1\.0 exists already"):
        recalibrate("1.0.0", "1.1.0", root, rate=0.02)
    for rate in (0.0, 1e-9, 1.0, float("nan")):
        with pytest.raises(TrainingError, match=r"A churn rate must be from 0\.0001 to 0\.99"):
            recalibrate("1.0.0", "1.5.0", root, rate=rate)
    with pytest.raises(TrainingError, match="At least 50 who churned and 50 who stayed are needed"):
        recalibrate("1.0.0", "1.5.0", root, data_path=few)

    assert sorted(path.name for path in root.iterdir()) == before


@pytest.mark.parametrize("rate", [0.0001, 0.02, 0.5, 0.98])
def test_the_shift_makes_the_mean_the_rate(rate):
    log_odds = np.random.default_rng(0).normal(-1, 2, 10_000)

    shifted = 1 / (1 + np.exp(-(log_odds + solve_shift(log_odds, rate))))

    assert shifted.mean() == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(
    ("rate", "high", "medium"), [(0.26537, 0.5, 0.25), (0.6, 0.5, 0.25), (0.1416, 0.28, 0.14), (0.01, 0.02, 0.01)]
)
def test_tiers_follow_from_the_churn_rate(rate, high, medium):
    assert choose_tiers(rate) == {"high": high, "medium": medium, "low": 0.0}


def test_a_threshold_that_nobody_reaches_any_more_is_where_high_begins():
    threshold = {"threshold": 0.33, "contact_cost": 1.0, "saved_value": 3.0, "theoretical": 0.333333}
    threshold["criterion"] = "least mean expected cost out of fold, in steps of 0.01 up to 0.50"
    tiers = choose_tiers(0.02)

    assert keep_threshold(threshold, np.full(100, 0.02), 0.02, tiers)["threshold"] == 0.04
    assert keep_threshold(threshold, np.full(100, 0.4), 0.4, tiers)["threshold"] == 0.33


@pytest.mark.parametrize("rate", [0.0001, 0.99])
def test_an_extreme_rate_gives_a_version_that_loads(root, rate):
    recalibrate("1.0.0", "1.5.0", root, rate=rate)
    recalibrate("1.5.0", "1.6.0", root, rate=0.0001)

    edges = json.loads((root / "1.6.0" / "population.json").read_text())["probability"]["edges"]
    assert all(low < high for low, high in pairwise(edges))
    for version in ("1.5.0", "1.6.0"):
        load_scorer(version, models=str(root))


def test_bins_between_equal_edges_are_one():
    assert _rising([0.1, 0.1, 0.2], [0.4, 0.1, 0.2, 0.3]) == ([0.1, 0.2], [0.4, 0.30000000000000004, 0.3])


def test_a_version_that_does_not_load_is_not_published(root):
    files = {path.name: path.read_bytes() for path in (root / "1.0.0").iterdir() if path.name != artifact.SUMS}
    files["population.json"] = b"{}"
    before = sorted(path.name for path in root.iterdir())

    with pytest.raises(ArtifactError, match=r"population\.json"):
        artifact.save({**files, "scorecard.json": renamed(files)}, "1.7.0", root, check_usable)

    assert sorted(path.name for path in root.iterdir()) == before


def renamed(files: dict[str, bytes]) -> bytes:
    return files["scorecard.json"].replace(b'"version": "1.0.0"', b'"version": "1.7.0"')


def test_a_model_written_by_hand_keeps_its_card_below_the_shift(tmp_path):
    root = write_models(tmp_path / "models")
    former = (SHOP / "MODEL_CARD.md").read_text(encoding="utf-8")

    recalibrate(VERSION, "9.0.0", root, rate=0.05)

    card = (root / "9.0.0" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("# Churn model 9.0.0")
    assert "so that the mean probability is 5.00%" in card
    assert card.endswith(former)


@pytest.mark.parametrize("name", ["roc", "threshold"])
def test_metrics_without_what_a_shift_needs_are_refused(tmp_path, name):
    root = write_models(tmp_path / "models")
    metrics = json.loads((SHOP / "metrics.json").read_text(encoding="utf-8"))
    metrics[name] = {"threshold": 0.2} if name == "threshold" else None
    rewrite(root / VERSION, "metrics.json", json.dumps(metrics).encode())

    with pytest.raises(ArtifactError, match=rf"metrics\.json is incomplete.*: {name}"):
        recalibrate(VERSION, "9.0.0", root, rate=0.05)

    assert not (root / "9.0.0").exists()


# The gate.


def spoil(root: Path, version: str) -> None:
    """Make a model look as good as giving everybody the churn rate."""
    metrics = json.loads((root / version / "metrics.json").read_text())
    rate = metrics["trained_on"]["churners"] / metrics["trained_on"]["rows"]
    metrics["out_of_fold"]["log_loss"]["mean"] = float(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate))
    rewrite(root / version, "metrics.json", json.dumps(metrics).encode())


def test_a_model_no_better_than_its_base_rate_is_not_promoted(root):
    assert base_rate_fault("1.1.0", root) is None
    spoil(root, "1.1.0")

    result = CliRunner().invoke(churn, ["promote", "1.1.0", "--models", str(root)])

    assert result.exit_code != 0
    assert "Model 1.1.0 is no better than its base rate: log loss" in result.stderr
    assert current_default(root) == "1.0.0"
    assert CliRunner().invoke(churn, ["promote", "1.1.0", "--anyway", "--models", str(root)]).exit_code == 0
    assert current_default(root) == "1.1.0"


def test_going_back_is_never_refused(root):
    promote("1.1.0", root)
    spoil(root, "1.0.0")

    result = CliRunner().invoke(churn, ["promote", "1.0.0", "--models", str(root)])

    assert (result.exit_code, current_default(root)) == (0, "1.0.0")
    assert "It was the default before, so nothing was compared." in result.stdout
    assert f"To go back: churn promote 1.1.0 --models {root}" in result.stdout


def test_a_model_that_is_worse_on_recent_customers_is_not_promoted(root, tmp_path):
    recalibrate("1.0.0", "1.5.0", root, rate=0.001)
    path = write_customers(tmp_path, invent(seed=6, count=300))

    result = CliRunner().invoke(churn, ["promote", "1.5.0", "--data", str(path), "--models", str(root)])

    assert result.exit_code != 0
    assert "Model 1.5.0 is worse than 1.0.0 on" in result.stderr
    assert re.search(r"beyond chance: log loss \d\.\d{4} instead of \d\.\d{4}\.", result.stderr)
    assert current_default(root) == "1.0.0"

    # Nor where it was the default before: data that is named is always looked at.
    promote("1.5.0", root)
    promote("1.0.0", root)
    words = ["promote", "1.5.0", "--data", str(path), "--models", str(root)]
    assert "Model 1.5.0 is worse than 1.0.0" in CliRunner().invoke(churn, words).stderr


@pytest.mark.parametrize(("rate", "shown"), [(0.02, "2.0%"), (0.0001, "0.01%"), (0.000123, "0.0123%"), (0.26, "26.0%")])
def test_the_list_of_versions_marks_one_that_was_recalibrated(root, rate, shown):
    recalibrate("1.0.0", "1.5.0", root, rate=rate)

    result = CliRunner().invoke(churn, ["models", "--models", str(root)])

    assert f"1.5.0    spline, {shown} (from 1.0.0)  scorecard" in result.stdout


@pytest.mark.parametrize("is_default", [True, False])
def test_without_another_default_a_version_must_be_better_than_the_churn_rate_of_the_file(root, tmp_path, is_default):
    if not is_default:
        (root / "DEFAULT").unlink()
    customers = invent(seed=6, count=300)
    outcomes = [customer["Churn"] for customer in customers]
    good = write_customers(tmp_path, customers)
    words = ["promote", "1.0.0", "--models", str(root), "--data"]

    assert CliRunner().invoke(churn, [*words, str(good)]).exit_code == 0

    if not is_default:
        (root / "DEFAULT").unlink()
    shuffled = zip(customers, [*outcomes[100:], *outcomes[:100]], strict=True)
    bad = write_customers(tmp_path, [{**customer, "Churn": outcome} for customer, outcome in shuffled])
    result = CliRunner().invoke(churn, [*words, str(bad)])

    assert result.exit_code == 2
    assert f"Model 1.0.0 is no better than the base rate on {bad}: log loss" in result.stderr
    assert ("It was not promoted" in result.stderr) != is_default
    assert current_default(root) == ("1.0.0" if is_default else None)


@pytest.mark.parametrize("rows", ["two rows", "no leavers", "five rows of leavers"])
def test_customers_who_show_nothing_are_no_pass(root, tmp_path, rows):
    customers = invent(seed=6, count=300)
    stayed = [customer for customer in customers if customer["Churn"] == "No"]
    left = [customer for customer in customers if customer["Churn"] == "Yes"]
    files = {"two rows": [left[0], stayed[0]], "no leavers": stayed, "five rows of leavers": left[:5]}
    words = ["promote", "1.1.0", "--data", str(write_customers(tmp_path, files[rows])), "--models", str(root)]

    result = CliRunner().invoke(churn, words)

    assert result.exit_code != 0
    assert "At least 50 who churned and 50 who stayed are needed to decide which model is better." in result.stderr
    assert current_default(root) == "1.0.0"
    assert CliRunner().invoke(churn, [*words, "--anyway"]).exit_code == 0


def test_a_rate_that_nobody_measured_is_noted(root, tmp_path):
    path = write_customers(tmp_path, invent(seed=5, count=400))
    recalibrate("1.0.0", "1.5.0", root, rate=0.02)
    recalibrate("1.0.0", "1.6.0", root, data_path=path)

    passed, measured = (
        CliRunner().invoke(churn, ["promote", version, "--models", str(root)]) for version in ("1.5.0", "1.6.0")
    )

    assert "shifted to a churn rate of 0.02, which was passed and not measured" in passed.stdout
    assert measured.exit_code == 0
    assert "not measured" not in measured.stdout
