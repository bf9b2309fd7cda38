"""The metrics of labels and probabilities, and the threshold of least cost."""

import numpy as np
import pytest

from model.bulk.outcomes import calibration_error
from model.training import metrics
from model.training.threshold import choose_threshold, expected_cost


@pytest.mark.parametrize(
    ("threshold", "cost"), [(0.1, 1.0), (0.3, (3 * 1 + 0) / 4), (0.5, (2 * 1 + 3) / 4), (0.95, (0 + 6) / 4)]
)
def test_the_cost_counts_contacts_and_missed_churners(threshold, cost):
    churned, probability = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.3, 0.2])

    assert expected_cost(churned, probability, threshold) == cost


def test_the_threshold_of_calibrated_probabilities_is_near_the_theoretical_one():
    generator = np.random.default_rng(0)
    probability = generator.random(200_000)
    churned = (generator.random(200_000) < probability).astype(int)

    result = choose_threshold([(churned, probability)], {"high": 0.5, "medium": 0.25, "low": 0})

    assert result["threshold"] == pytest.approx(1 / 3, abs=0.02)
    assert result["theoretical"] == 0.333333


def test_the_threshold_never_exceeds_a_half_and_ties_contact_fewer():
    churned, probability = np.array([1] * 9 + [0] * 91), np.array([0.9] * 9 + [0.1] * 91)

    result = choose_threshold([(churned, probability)], {"high": 0.5, "medium": 0.25, "low": 0})

    assert result["threshold"] == 0.5
    assert (result["precision"], result["recall"], result["contacted"]) == (1.0, 1.0, 0.09)


def test_the_lift_is_the_churn_of_the_top_tenth_over_that_of_all():
    churned = np.array([1, 1, 0, 1] + [0] * 16)
    probability = np.linspace(1, 0, 20)

    assert metrics.top_decile_lift(churned, probability) == pytest.approx(1 / 0.15)


def test_ties_at_the_border_of_the_top_tenth_count_in_proportion_whatever_the_order():
    churned = np.array([1, 0, 1, 0] + [0] * 16)
    probability = np.array([0.9, 0.5, 0.5, 0.5] + [0.1] * 16)

    forth, back = (metrics.top_decile_lift(churned[::step], probability[::step]) for step in (1, -1))

    assert forth == back == pytest.approx((1 + 1 / 3) / 2 / 0.1)


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    churned = np.array([1, 0, 1, 1])
    probability = np.array([0.25, 0.25, 0.85, 1.0])

    # Bin 0.2 to 0.3: |0.5 - 0.25| of two; 0.8 to 0.9: |1 - 0.85| of one; the last holds 1.0: no gap.
    assert calibration_error(churned, probability) == pytest.approx((2 * 0.25 + 0.15) / 4)
    assert [bin["customers"] for bin in metrics.calibration_curve(churned, probability)] == [2, 1, 1]


def test_the_roc_points_are_the_shares_that_reach_each_threshold():
    points = metrics.roc_points(np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1, 0.0]))

    by_threshold = {point["threshold"]: (point["true_positive_rate"], point["false_positive_rate"]) for point in points}
    assert [by_threshold[threshold] for threshold in (1.0, 0.9, 0.5, 0.1, 0.0)] == [
        (0, 0),
        (0.5, 0),
        (1, 0.333333),
        (1, 0.666667),
        (1, 1),
    ]
    assert len(points) == 51


def test_perfect_probabilities_have_an_error_too_and_less_with_more_customers():
    few, many = (np.random.default_rng(1).random(count) for count in (100, 10_000))

    errors = [metrics.calibration_error_by_chance([threshold], seed=0, draws=20) for threshold in (few, many)]

    assert errors[0] > 0.05
    assert errors[1] < 0.02
