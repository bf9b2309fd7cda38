"""interval.json from training: the posterior of a penalized regression, in few numbers, and whether it covers."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from model.training.interval import LEAST, MOST, MOST_NUMBERS, UNIT, Z, posterior, to_bytes, to_interval


def drawn(rows, columns, seed):
    generator = np.random.default_rng(seed)
    design = (generator.random((rows, columns)) < 0.4).astype(float)
    return design, design @ generator.normal(size=columns) * 0.5 - 1.0, generator


def covariance(design, log_odds, penalty):
    """The inverse of the information, written out."""
    chance = 1 / (1 + np.exp(-log_odds))
    ones = np.column_stack([np.ones(len(design)), design])
    information = ones.T @ np.diag(chance * (1 - chance)) @ ones
    return np.linalg.inv(information + np.diag([0.0, *[penalty] * design.shape[1]]))


def test_the_squares_of_deviations_add_up_to_the_covariance():
    design, log_odds, _ = drawn(300, 7, 1)
    deviations = posterior(design, log_odds, 0.3, [[column] for column in range(7)])
    np.testing.assert_allclose(deviations.T @ deviations, covariance(design, log_odds, 1 / 0.3), rtol=1e-9)


def test_a_sparse_design_gives_the_same():
    from scipy import sparse

    design, log_odds, _ = drawn(300, 7, 1)
    groups = [[0], [1, 2], [3], [4], [5], [6]]
    np.testing.assert_allclose(
        posterior(sparse.csr_matrix(design), log_odds, 0.3, groups), posterior(design, log_odds, 0.3, groups)
    )


def test_coefficients_that_a_direction_ties_are_off_together_and_less():
    design, log_odds, _ = drawn(300, 4, 2)
    tied = posterior(design, log_odds, 1.0, [[0], [1, 2], [3]])
    assert (tied[:, 2] == tied[:, 3]).all()
    # As if the two columns were one, penalized twice.
    joined = np.column_stack([design[:, 0], design[:, 1] + design[:, 2], design[:, 3]])
    chance = 1 / (1 + np.exp(-log_odds))
    ones = np.column_stack([np.ones(300), joined])
    information = ones.T @ np.diag(chance * (1 - chance)) @ ones + np.diag([0, 1, 2, 1])
    np.testing.assert_allclose((tied.T @ tied)[np.ix_([0, 1, 2, 4], [0, 1, 2, 4])], np.linalg.inv(information))


def test_many_coefficients_are_represented_by_fewer_deviations():
    design, log_odds, _ = drawn(4000, 200, 3)
    deviations = posterior(design, log_odds, 0.3, [[column] for column in range(200)])
    assert deviations.shape == (MOST, 201)
    points = np.column_stack([np.ones(4000), design])
    exact = np.sqrt(np.einsum("ij,jk,ik->i", points, covariance(design, log_odds, 1 / 0.3), points))
    ratio = np.sqrt(((deviations @ points.T) ** 2).sum(axis=0)) / exact
    assert 0.95 < ratio.mean() < 1.05
    assert np.quantile(ratio, 0.01) > 0.75


def test_points_that_are_off_together_share_a_column():
    document = to_interval(np.array([[0.5, 0.1, 0.1, 0.2], [0.0, 0.3, 0.3, 0.2]]))
    columns = document["columns"]
    assert columns[1] == columns[2]
    assert len(document["deviations"][0]) == 3
    assert document["deviations"][0][columns[0]] == round(0.5 * Z / UNIT)
    assert json.loads(to_bytes(document)) == document


def test_a_model_of_many_points_has_fewer_deviations_and_one_of_too_many_none():
    generator = np.random.default_rng(4)
    deviations = generator.normal(size=(MOST, 15_000))
    document = to_interval(deviations)
    assert len(document["deviations"]) == MOST_NUMBERS // 15_000 == 20
    squares = (np.array(document["deviations"]) ** 2).sum(axis=0) * UNIT**2
    assert squares.mean() == pytest.approx(MOST * Z**2, rel=0.05)
    assert to_interval(generator.normal(size=(MOST, MOST_NUMBERS // LEAST + 1))) is None


def test_intervals_cover_the_true_probability_of_95_percent_of_customers():
    from sklearn.linear_model import LogisticRegression

    covered = []
    for seed in range(40):
        design, truth, generator = drawn(1500, 12, seed)
        left = (generator.random(1500) < 1 / (1 + np.exp(-truth))).astype(int)
        fitted = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(design, left)
        log_odds = fitted.decision_function(design)
        deviations = posterior(design, log_odds, 1.0, [[column] for column in range(12)])
        off = deviations[:, :1] + deviations[:, 1:] @ design.T
        covered.append((np.abs(truth - log_odds) <= Z * np.sqrt((off**2).sum(axis=0))).mean())
    assert 0.93 < np.mean(covered) < 0.97


def test_bags_that_differ_give_the_deviations_of_an_explainable_boosting_machine():
    from copy import copy
    from types import SimpleNamespace

    import pandas as pd

    from model.interval import Interval
    from model.schema import OTHER, Categorical, Numeric, Schema, Target
    from model.scorecard_file import read_scorecard

    ebm = pytest.importorskip("model.training.ebm")
    schema = Schema(
        features=(
            Numeric(name="age", minimum=0, maximum=120, whole=True, accepts_missing=True),
            Categorical(name="plan", values=("A", "B", "C"), accepts_missing=True, accepts_other=True),
            Numeric(name="bill", minimum=0, maximum=1e6),
        ),
        example={},
        target=Target("left"),
    )
    generator = np.random.default_rng(6)
    ages = [None if age < 5 else age for age in generator.integers(0, 90, 1500).tolist()]
    plans = [["A", "B", OTHER, None][code] for code in generator.integers(0, 4, 1500).tolist()]
    bills = generator.gamma(2, 40, 1500).round(2).tolist()
    customers = pd.DataFrame(
        {"age": pd.Series(ages, dtype=float), "plan": pd.Series(plans, dtype=object), "bill": bills}
    )
    chance = np.where(customers["plan"] == "A", 0.5, 0.2) + 0.3 * (customers["bill"] > 80)
    setting = ebm.Setting(pairs=2, steps=32, pair_steps=8, bags=4)
    pipeline = ebm.fit(schema, customers, (generator.random(1500) < chance).astype(int), setting)
    header = {"version": "1.0.0", "threshold": 0.5, "tiers": {"high": 0.5, "medium": 0.25, "low": 0}, "ranges": {}}
    scorecard = read_scorecard({**header, **ebm.compile_terms(pipeline, schema)}, schema, sha256="")

    document = to_interval(ebm.deviations_of(SimpleNamespace(schema=schema), pipeline, setting))

    machine, codes = pipeline.named_steps["ebm"], pipeline.named_steps["codes"].transform(customers)
    bags = []
    for number in range(4):
        bag = copy(machine)
        bag.term_scores_ = [scores[number] for scores in machine.bagged_scores_]
        bag.intercept_ = machine.bagged_intercept_[[number]]
        bags.append(bag.decision_function(codes))
    expected = 1.959964 * np.std(bags, axis=0, ddof=1) * np.sqrt(85 / 15)
    interval = Interval(scorecard, document["unit"], document["columns"], document["deviations"])
    typed = [dict(zip(schema.names, values, strict=True)) for values in zip(ages, plans, bills, strict=True)]
    widths = [interval.half_width(customer) for customer in typed]
    assert widths == pytest.approx(expected, abs=0.002)
    assert min(expected) > 0.01
