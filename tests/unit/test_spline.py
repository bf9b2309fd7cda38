"""The model of splines: what is fitted, and that the compiled scorecard equals it."""

import numpy as np
import pytest
from scipy.optimize import minimize
from shipped import FEATURES, SCHEMA
from trainings import quick_recipe

from model.schema import Numeric
from model.terms import LineTerm
from model.training.compile import max_difference, random_customers, to_bytes
from model.training.fit import check_exact, fit_model
from model.training.monotone import Chain, fit_monotone_logistic
from model.training.spline import (
    Setting,
    directions_of,
    fit,
    knots_of,
    points_of,
    quantile_knots,
    round_digits,
)

DIRECTIONS = directions_of(SCHEMA)

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_coefficients_intercept_and_knots_have_six_digits(fitted):
    numbers = [point for points in points_of(SCHEMA, fitted.pipeline).values() for point in points]
    numbers += [knot for name in DIRECTIONS for knot in knots_of(SCHEMA, fitted.pipeline, name)]
    numbers += fitted.pipeline.named_steps["logistic"].intercept_.tolist()

    assert [number for number in numbers if number != float(f"{number:.6g}")] == []


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.12345649, 0.123456), (-1234567.0, -1234570.0), (1e-9 / 3, 3.33333e-10), (0.0, 0.0)]
)
def test_rounding_keeps_six_significant_digits(value, rounded):
    assert round_digits(value) == rounded


def test_knots_rise_though_many_customers_share_a_value():
    assert quantile_knots([1] * 50 + [2, 3, 72], 10) == [1.0, 72.0]
    assert quantile_knots([0, 10, 20], 3) == [0.0, 10.0, 20.0]


def test_each_curve_has_one_direction(fitted):
    for name, sign in DIRECTIONS.items():
        assert (np.diff(points_of(SCHEMA, fitted.pipeline)[name]) * sign >= 0).all(), name


def test_every_number_has_a_direction():
    assert set(DIRECTIONS) == {feature.name for feature in FEATURES if isinstance(feature, Numeric)}


@pytest.mark.parametrize("seed", range(5))
def test_the_directed_fit_is_the_optimum_under_its_constraints(seed):
    generator = np.random.default_rng(seed)
    design = generator.normal(size=(300, 9))
    churned = (generator.random(300) < 0.4).astype(int)
    chains = [Chain(1, 5, -1), Chain(5, 9, 1)]

    result = fit_monotone_logistic(design, churned, 0.5, chains)

    # Steps from one coefficient to the next as the unknowns turn the constraints into bounds, for another solver.
    steps = np.eye(9)
    steps[1:5, 1:5] = -np.tril(np.ones((4, 4)))
    steps[5:9, 5:9] = np.tril(np.ones((4, 4)))

    def loss(parameters):
        coefficients = steps @ parameters[:-1]
        log_odds = design @ coefficients + parameters[-1]
        residual = 1 / (1 + np.exp(-log_odds)) - churned
        gradient = np.append(steps.T @ (design.T @ residual + coefficients / 0.5), residual.sum())
        return np.logaddexp(0, log_odds).sum() - churned @ log_odds + coefficients @ coefficients, gradient

    free, positive = (None, None), (0, None)
    bounds = [free, free, *[positive] * 3, free, *[positive] * 3, free]
    other = minimize(
        loss,
        np.zeros(10),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 9999},
    )
    assert result.coef_[0] == pytest.approx(steps @ other.x[:-1], abs=1e-5)
    assert result.intercept_[0] == pytest.approx(other.x[-1], abs=1e-5)
    assert (np.diff(result.coef_[0][1:5]) <= 0).all()
    assert (np.diff(result.coef_[0][5:9]) >= 0).all()


def test_the_scorecard_equals_the_pipeline_to_the_twelfth_decimal(fitted, data):
    assert check_exact(fitted, data, seed=7, count=20_000) < 1e-12


def test_a_scorecard_that_differs_is_detected(fitted, data):
    scorecard = fitted.scorecard()
    other = fit(SCHEMA, data.frame(), 1 - np.array(data.labels), Setting(4, 0.3))

    assert max_difference(other, scorecard, data.customers[:10]) > 1e-3


def test_random_customers_include_the_knots_values_between_them_and_far_beyond(fitted):
    scorecard = fitted.scorecard()
    customers = random_customers(scorecard, 2_000, seed=1)

    for term in scorecard.terms:
        values = {customer[term.feature] for customer in customers}
        if isinstance(term, LineTerm):
            assert values >= set(term.knots)
            assert max(values) > 10 * scorecard.ranges[term.feature][1]
        else:
            assert values == set(term.points)


def test_terms_are_centred_so_the_intercept_is_the_average_customer(fitted, data):
    scorecard = fitted.scorecard()
    contributions = np.array([scorecard.contributions(customer) for customer in data.customers])

    assert np.abs(contributions.mean(axis=0)).max() < 1e-14
    assert scorecard.intercept == pytest.approx(
        np.mean([scorecard.score(customer).log_odds for customer in data.customers]), abs=1e-12
    )


def test_the_ranges_are_those_seen_in_training(fitted, data):
    months = [customer["tenure"] for customer in data.customers]

    assert fitted.scorecard().ranges["tenure"] == (min(months), max(months)) == (0, 72)


def test_fitting_twice_gives_the_same_bytes(fitted, data):
    assert to_bytes(fit_model(data, "1.0.0", recipe=quick_recipe()).document) == to_bytes(fitted.document)
