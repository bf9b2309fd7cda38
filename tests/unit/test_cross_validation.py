"""How a setting is selected and measured: folds, nesting, intervals, and the sample of many customers."""

import math

import numpy as np
import pytest
from shipped import SCHEMA
from trainings import quick_recipe

from model.errors import TrainingError
from model.training import cross_validation
from model.training.fit import fit_model
from model.training.recipes import recipe_of
from model.training.spline import predict

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_every_customer_is_tested_once_a_repeat_and_never_by_a_model_trained_on_them():
    churned = np.array([1] * 60 + [0] * 140)

    folds = cross_validation.make_folds(churned, seed=0)

    assert len(folds) == 10
    for repeat in (folds[:5], folds[5:]):
        assert sorted(np.concatenate([test for _, test in repeat]).tolist()) == list(range(200))
    for known, unknown in folds:
        assert set(known) & set(unknown) == set()
        assert churned[unknown].sum() == 12


def test_the_setting_of_an_outer_fold_is_selected_without_its_test_rows(data):
    frame, churned = data.frame(), np.array(data.labels)
    test = cross_validation.make_folds(churned, 0)[0][1]
    spoilt = frame.copy()
    spoilt.loc[test, ["tenure", "MonthlyCharges", "TotalCharges"]] = [5.0, 1e6, 1e9]

    ours, theirs = (
        next(cross_validation.nested_cross_validation(SCHEMA, X, churned, 0, quick_recipe())) for X in (frame, spoilt)
    )

    assert (ours[0].tolist(), ours[1]) == (theirs[0].tolist(), theirs[1])
    (_, honest), (_, expected) = (
        next(predict(SCHEMA, X, churned, cross_validation.make_folds(churned, 0)[0], [ours[1]]))
        for X in (frame, spoilt)
    )
    assert ours[2].tolist() == honest.tolist()
    assert theirs[2].tolist() == expected.tolist()


def test_the_interval_of_paired_differences_is_widened_for_shared_training_rows():
    mean, margin = cross_validation.paired_interval(np.array([1.0, 2.0, 3.0]), test_to_train=0.25)

    # t(0.975, 2) = 4.302653; SD 1; variance times 1/3 + 1/4.
    assert mean == 2.0
    assert margin == pytest.approx(4.302653 * math.sqrt(1 / 3 + 1 / 4), rel=1e-6)


def test_the_simplest_setting_that_is_not_measurably_worse_is_chosen(fitted):
    table = fitted.selection.table
    qualified = [(row["knots"], row["C"]) for row in table if row["qualifies"]]

    assert tuple(fitted.selection.setting) == qualified[0]
    for row in table:
        assert row["qualifies"] == (row["difference"] <= 0.001 and row["low"] <= 0)


def test_many_customers_are_measured_on_a_sample_with_the_same_share_and_fitted_whole(data, monkeypatch):
    monkeypatch.setattr(cross_validation, "MAX_ROWS", 400)

    result = fit_model(data, "1.0.0", recipe=quick_recipe())

    assert len(result.measured.labels) == 400
    assert sum(result.measured.labels) == round(400 * sum(data.labels) / 600)
    assert set(result.measured.ids) < set(data.ids)
    assert max(test.max() for _, test in result.selection.folds) == 399
    assert result.document["trained_on"]["rows"] == 600


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(TrainingError, match=r'A recipe must be spline.*, not "alchemy"'):
        recipe_of("alchemy")
