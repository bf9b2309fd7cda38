"""The summary of a file: counts that add up, thresholds, segments, drift, and the customers with most at stake."""

import io
import json
import math
from itertools import pairwise

import numpy as np
import pytest
from shipped import CUSTOMER_ID, EXAMPLE, FEATURES, NAMES

from model.artifact import ARTIFACTS
from model.bulk.population import LEAST_CUSTOMERS, population_stability_index
from model.bulk.run import Run
from model.bulk.summary import _steps_of
from model.schema import Categorical

POPULATION = json.loads((ARTIFACTS / "1.0.0" / "population.json").read_text(encoding="utf-8"))


def summary_of(scorer, customers: list[dict[str, object]], **options) -> dict:
    lines = [",".join([CUSTOMER_ID, *NAMES])]
    lines += [",".join([f"{i:04d}", *map(str, customer.values())]) for i, customer in enumerate(customers)]
    run = Run(io.BytesIO("\n".join(lines).encode()), scorer, **options)
    list(run)
    return run.summary()


@pytest.fixture(scope="module")
def mixed(scorer):
    customers = [
        {**EXAMPLE, "tenure": tenure, "MonthlyCharges": 20 + tenure, "Contract": contract}
        for tenure in range(73)
        for contract in next(feature.values for feature in FEATURES if feature.name == "Contract")
    ]
    return summary_of(scorer, customers)


def test_thresholds_fall_from_everybody_to_nobody(mixed):
    lines = mixed["by_threshold"]

    assert [line["threshold"] for line in lines] == [step / 100 for step in range(101)]
    for name in ("customers", "expected_churners", "value_at_risk"):
        values = [line[name] for line in lines]
        assert values == sorted(values, reverse=True)
    assert lines[0]["customers"] == mixed["rows_scored"] == 219
    assert lines[100]["customers"] == 0
    assert lines[33]["customers"] == mixed["predicted_churn"]


def test_tiers_and_segments_count_every_customer_once(mixed):
    assert sum(mixed["tiers"].values()) == 219
    for segment in mixed["segments"]:
        assert sum(group["customers"] for group in segment["groups"]) == 219
    by_contract = {group["group"]: group["customers"] for group in mixed["segments"][0]["groups"]}
    assert set(by_contract.values()) == {73}
    bands = {group["group"]: group["customers"] for group in mixed["segments"][2]["groups"]}
    assert bands["0 to 12"] == 13 * 3


def test_each_segment_is_compared_with_the_training_population(mixed):
    for segment, trained in zip(mixed["segments"], POPULATION["segments"], strict=True):
        assert segment["feature"] == trained["feature"]
        for group, before in zip(segment["groups"], trained["groups"], strict=True):
            assert group["training"]["churn_rate"] == before["churn_rate"]


def test_the_top_names_those_with_most_value_at_risk_in_order(scorer, mixed):
    top = mixed["top"]

    values = [item["value_at_risk"] for item in top]
    assert len(top) == 10
    assert values == sorted(values, reverse=True)


def test_of_equal_customers_the_first_rows_are_the_top(scorer):
    top = summary_of(scorer, [dict(EXAMPLE)] * 30, top=3)["top"]

    assert [item["row"] for item in top] == [1, 2, 3]


def test_no_top_is_given_where_none_is_asked_for(scorer):
    assert summary_of(scorer, [dict(EXAMPLE)], top=0)["top"] == []


def test_a_batch_without_customers_has_no_drift(scorer):
    actual = summary_of(scorer, [])

    assert set(actual["drift"].values()) == {None}
    assert actual["segments"][0]["groups"][0]["share"] is None
    json.dumps(actual, allow_nan=False)


def test_drift_is_nothing_for_the_same_shares_and_large_for_others():
    shares = [0.2, 0.3, 0.5]

    assert population_stability_index(np.array([200, 300, 500]), shares) == 0
    # By hand: (.5-.2) ln(.5/.2) + 0 + (.2-.5) ln(.2/.5).
    assert population_stability_index(np.array([500, 300, 200]), shares) == pytest.approx(0.6 * math.log(2.5), abs=1e-6)


def test_a_bin_that_was_never_seen_has_a_finite_index():
    assert math.isfinite(population_stability_index(np.array([0, 10]), [0.5, 0.5]))


@pytest.mark.parametrize(("customers", "is_shown"), [(1, False), (LEAST_CUSTOMERS - 1, False), (LEAST_CUSTOMERS, True)])
def test_drift_is_given_only_for_a_file_that_is_large_enough(scorer, customers, is_shown):
    drift = summary_of(scorer, [dict(EXAMPLE)] * customers)["drift"]

    assert set(drift) == {*NAMES, "probability"}
    assert {index is not None for index in drift.values()} == {is_shown}


def test_one_kind_of_customer_drifts_in_every_feature(scorer):
    actual = summary_of(scorer, [dict(EXAMPLE)] * LEAST_CUSTOMERS)

    assert set(actual["drift"]) == {*NAMES, "probability"}
    assert actual["drift"]["Contract"] > 0.25
    assert all(index >= 0 for index in actual["drift"].values())


def test_a_probability_counts_from_each_hundredth_that_it_reaches():
    hundredths = np.array([step / 100 for step in range(101)])

    assert _steps_of(hundredths).tolist() == list(range(101))
    assert _steps_of(np.nextafter(hundredths[1:], 0)).tolist() == list(range(100))


def test_the_population_covers_every_feature():
    for feature, described in zip(FEATURES, POPULATION["features"], strict=True):
        assert described["feature"] == feature.name
        if isinstance(feature, Categorical):
            assert list(described["words"]) == [str(value) for value in feature.values]


def test_the_bands_hold_every_customer_once_and_agree_with_the_thresholds(mixed):
    bands = mixed["distribution"]

    assert [band["from"] for band in bands] == [step / 20 for step in range(20)]
    assert [band["to"] for band in bands] == [step / 20 for step in range(1, 21)]
    reached = [mixed["by_threshold"][step]["customers"] for step in range(0, 105, 5)]
    assert [band["customers"] for band in bands] == [more - less for more, less in pairwise(reached)]
