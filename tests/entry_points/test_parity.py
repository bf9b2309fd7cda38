"""The scorecard against the scikit-learn pipeline it was compiled from, over real and random customers."""

import csv
import os
import random
from pathlib import Path

import numpy as np
import pytest
from shipped import FEATURES

from model import pipeline
from model.bulk.run import Run
from model.explain import explain
from model.schema import Categorical
from model.validate import validate

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))
SAMPLE = ROOT / "tests" / "data" / "sample.csv"

TOLERANCE = 1e-12
"""The two add the same numbers in another order; seen at most 2e-15 in log-odds."""


@pytest.fixture(scope="module", params=["sample", "real"])
def customers_csv(request) -> Path:
    path = SAMPLE if request.param == "sample" else REAL
    if not path.exists():
        pytest.skip(f"the real data is not at {REAL}; TELCO_CSV names another place")
    return path


@pytest.fixture(scope="module")
def engine():
    return pipeline.load()


def test_scorecard_and_pipeline_agree_on_every_customer(customers_csv, scorer, engine):
    with customers_csv.open("rb") as file:
        for block in Run(file, scorer):
            theirs = engine.log_odds_batch(block.columns)

            assert np.abs(block.log_odds - theirs).max() < TOLERANCE
            assert np.abs(block.probability - 1 / (1 + np.exp(-theirs))).max() < TOLERANCE
            assert ((block.probability >= scorer.threshold) == (1 / (1 + np.exp(-theirs)) >= scorer.threshold)).all()


def test_both_engines_print_the_same_predictions(customers_csv, scorer, engine):
    from model.bulk.csv_writer import Predictions

    def printed(scorer) -> bytes:
        with customers_csv.open("rb") as file:
            return b"".join(map(Predictions(scorer).lines, Run(file, scorer)))

    assert printed(scorer) == printed(engine)


def test_scorecard_and_pipeline_agree_on_customers_of_every_kind(scorer, engine):
    rng = np.random.default_rng(11)
    columns = {}
    for feature in FEATURES:
        if isinstance(feature, Categorical):
            columns[feature.name] = rng.integers(0, len(feature.values), 20_000)
        else:
            _, high = scorer.ranges[feature.name]
            spread = rng.uniform(feature.minimum, high * 3, 20_000)
            columns[feature.name] = np.round(spread) if feature.whole else spread

    theirs = engine.log_odds_batch(columns)

    from model.bulk.score import BulkScorer

    assert np.abs(BulkScorer(scorer)._log_odds(columns, 20_000) - theirs).max() < TOLERANCE


def test_reasons_add_up_to_the_log_odds_and_come_strongest_first(customers_csv, scorer):
    with customers_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    for row in random.Random(3).sample(rows, 100):
        customer = validate(row, FEATURES)
        reasons = explain(scorer, customer)

        assert scorer.intercept + sum(reason.contribution for reason in reasons) == pytest.approx(
            scorer.score(customer).log_odds, abs=TOLERANCE
        )
        sizes = [abs(reason.contribution) for reason in reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert {reason.features[0].name for reason in reasons} == {feature.name for feature in FEATURES}


def test_the_intercept_is_the_average_customer_of_the_training_data(scorer):
    if not REAL.exists():
        pytest.skip(f"the real data is not at {REAL}; TELCO_CSV names another place")
    with REAL.open("rb") as file:
        (block, *more) = list(Run(file, scorer))

    assert not more
    assert block.log_odds.mean() == pytest.approx(scorer.intercept, abs=1e-12)
