"""Training finds, in the data alone, which numbers follow from others and which values occur together."""

import os
from pathlib import Path

import numpy as np
import pytest

from model.contents import COMBINATIONS, RELATIONS
from model.plausibility import read
from model.schema import Categorical, Numeric, Schema, Target
from model.strict_json import Member

pytest.importorskip("sklearn")

from model.training.plausibility import describe_plausibility, find_combinations, find_relations

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))
DRAW = np.random.default_rng(3)
ROWS = 2_000


def schema_of(*features) -> Schema:
    return Schema(features=features, example={}, target=Target("left"))


def numbers(*names, **settings) -> Schema:
    return schema_of(*[Numeric(name=name, minimum=0, maximum=1e9, **settings) for name in names])


def usage() -> dict[str, np.ndarray]:
    minutes = np.round(DRAW.uniform(1, 400, ROWS), 1)
    months = DRAW.integers(0, 72, ROWS).astype(float)
    fee = np.round(DRAW.uniform(10, 120, ROWS), 2)
    return {
        "minutes": minutes,
        "calls": DRAW.integers(0, 60, ROWS).astype(float),
        "charge": np.round(minutes * 0.17, 2),
        "months": months,
        "fee": fee,
        "total": np.round(months * fee * DRAW.uniform(0.9, 1.1, ROWS), 2),
    }


def test_a_charge_at_a_rate_and_a_total_of_months_are_found():
    columns = usage()
    charge, total = find_relations(columns, numbers(*columns))
    assert (charge["feature"], charge["factors"]) == ("charge", ["minutes"])
    assert 0.16 < charge["low"] < 0.17 < charge["high"] < 0.18
    assert (total["feature"], total["factors"]) == ("total", ["months", "fee"])
    assert 0.75 < total["low"] < 0.9
    assert 1.1 < total["high"] < 1.3
    assert total["rounding"] == 0.01


def test_a_few_wrong_rows_hide_no_relation_and_do_not_widen_it():
    columns = usage()
    (_, clean) = find_relations(columns, numbers(*columns))
    columns["total"][:8] *= 100
    (_, dirty) = find_relations(columns, numbers(*columns))
    assert dirty["high"] == pytest.approx(clean["high"], rel=0.1)


def test_missing_numbers_are_left_out():
    columns = usage()
    columns["minutes"][:300] = np.nan
    columns["charge"][200:500] = np.nan
    assert [relation["feature"] for relation in find_relations(columns, numbers(*columns))] == ["charge", "total"]


def test_numbers_that_are_only_correlated_or_hardly_vary_have_no_relation():
    size = DRAW.lognormal(3, 1, ROWS)
    columns = {
        "size": size,
        "cost": size * DRAW.lognormal(0, 0.5, ROWS),
        "year": DRAW.integers(2019, 2023, ROWS).astype(float),
        "other_year": DRAW.integers(2019, 2023, ROWS).astype(float),
        "flat": np.ones(ROWS),
        "change": DRAW.normal(size=ROWS),
    }
    assert find_relations(columns, numbers(*columns)) == []


def test_words_that_occur_together_less_than_five_times_do_not_count():
    line = Categorical(name="line", values=("none", "copper", "fiber"), actionable=True)
    extra = Categorical(name="extra", values=("No", "Yes"))
    codes = np.repeat([0, 1, 2, 0, 2], [500, 500, 500, 4, 5])
    extras = np.repeat([0, 0, 0, 1, 1], [500, 500, 500, 4, 5])
    (pair,) = find_combinations({"line": codes, "extra": extras}, schema_of(line, extra))
    assert pair == {"features": ["line", "extra"], "seen": ["10", "10", "11"]}


def test_the_range_of_a_number_within_a_word_leaves_the_odd_one_out():
    line = Categorical(name="line", values=("none", "fiber", "new"), accepts_missing=True)
    price = Numeric(name="price", minimum=0, maximum=1e9, changes=(-0.1,), accepts_missing=True)
    codes = np.repeat([0, 1, 2, 3], [100, 106, 3, 10])
    prices = np.concatenate(
        [np.arange(100.0), np.arange(200.0, 300.0), [np.nan] * 5, [9e6], [1, 2, 3], np.arange(10.0)]
    )
    (pair,) = find_combinations({"price": prices, "line": codes}, schema_of(price, line))
    assert pair["features"] == ["line", "price"]
    assert pair["ranges"] == [[4, 95], [204, 296], None, [4, 5]]
    assert pair["missing"] == "0100"


def test_only_what_can_be_changed_is_combined_and_many_words_are_not():
    many = Categorical(name="place", values=tuple(f"p{number}" for number in range(51)), actionable=True)
    one = Categorical(name="one", values=("a", "b"))
    other = Categorical(name="other", values=("a", "b"))
    columns = {name: np.zeros(10, int) for name in ("place", "one", "other")}
    assert find_combinations(columns, schema_of(many, one, other)) == []


@pytest.mark.skipif(not REAL.exists(), reason=f"the public data is not at {REAL}")
def test_the_public_data_relate_total_to_tenure_and_price_and_fiber_to_its_price():
    from model.artifact import first_schema
    from model.training.data import read as read_data

    data = read_data(REAL, first_schema())
    members = describe_plausibility(data)
    (relation,) = members[RELATIONS]
    assert (relation["feature"], relation["factors"]) == ("TotalCharges", ["tenure", "MonthlyCharges"])
    assert 0.6 < relation["low"] < 0.75
    assert 1.3 < relation["high"] < 1.5
    plausibility = read(Member(members, "population.json"), data.schema)
    assert sum(bool(plausibility.contradictions(customer)) for customer in data.customers) < 10
    fiber = next(
        combination["ranges"][1]
        for combination in members[COMBINATIONS]
        if combination["features"] == ["InternetService", "MonthlyCharges"]
    )
    assert fiber == [68.65, 118.35]
