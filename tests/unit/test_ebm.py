"""The recipe `ebm`: the scorecard that it compiles to equals interpret's own prediction."""

from itertools import pairwise

import numpy as np
import pytest

from model.pipeline import to_frame
from model.schema import OTHER, Categorical, Numeric, Schema, Target
from model.scorecard_file import read_scorecard
from model.training import ebm

SCHEMA = Schema(
    features=(
        Numeric(name="age", minimum=0, maximum=120, whole=True, accepts_missing=True),
        Categorical(name="plan", values=("A", "B", "ü, x", " 1", "1.0"), accepts_missing=True, accepts_other=True),
        Numeric(name="bill", minimum=0, maximum=1e6, direction="rises"),
        Categorical(name="flag", values=(0, 1), is_flag=True, accepts_missing=True),
        Categorical(name="city", values=tuple(f"c{number}" for number in range(80)), accepts_other=True),
        Numeric(name="calls", minimum=-1000, maximum=1000),
    ),
    example={},
    target=Target("left"),
)
SETTING = ebm.Setting(pairs=4, steps=64, pair_steps=16, bags=2)
ROWS = 3000


def make_customers(generator, count):
    plans = ["A", "B", "ü, x", " 1", OTHER, None]
    ages = generator.integers(0, 90, count).tolist()
    columns = (
        [None if share < 0.1 else age for share, age in zip(generator.random(count), ages, strict=True)],
        [plans[index] for index in generator.choice(6, count, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05])],
        generator.gamma(2, 40, count).tolist(),
        [None if share < 0.05 else int(share < 0.5) for share in generator.random(count)],
        [f"c{index}" for index in generator.integers(0, 70, count)],
        generator.normal(0, 3, count).tolist(),
    )
    return [dict(zip(SCHEMA.names, values, strict=True)) for values in zip(*columns, strict=True)]


def make_frame(customers):
    return to_frame({name: [customer[name] for customer in customers] for name in SCHEMA.names}, SCHEMA)


@pytest.fixture(scope="module")
def trained():
    generator = np.random.default_rng(1)
    customers = make_customers(generator, ROWS)
    log_odds = [
        (20 if customer["age"] is None else customer["age"]) / 30
        - 3
        + {"A": 0, "B": 1, None: 1.5, OTHER: -1}.get(customer["plan"], 0.5)
        + (1.5 if customer["plan"] == "A" and (customer["age"] or 0) > 40 else 0)
        + customer["bill"] / 100
        + customer["calls"] * {0: -0.3, 1: 0.3, None: 0}[customer["flag"]]
        for customer in customers
    ]
    y = (generator.random(ROWS) < 1 / (1 + np.exp(-np.array(log_odds)))).astype(int)
    pipeline = ebm.fit(SCHEMA, make_frame(customers), y, SETTING)
    return customers, y, pipeline


@pytest.fixture(scope="module")
def scorecard(trained):
    document = {
        "version": "1.0.0",
        "schema_version": 2,
        "threshold": 0.5,
        "tiers": {"high": 0.5, "medium": 0.25, "low": 0},
        "ranges": {},
        **ebm.compile_terms(trained[2], SCHEMA),
    }
    return read_scorecard(document, SCHEMA, sha256="")


def greatest_difference(pipeline, scorecard, customers):
    log_odds = [scorecard.score(customer).log_odds for customer in customers]
    return np.max(np.abs(pipeline.decision_function(make_frame(customers)) - log_odds))


def test_the_scorecard_equals_interpret_for_every_customer_of_the_training_data(trained, scorecard):
    customers, _, pipeline = trained

    assert greatest_difference(pipeline, scorecard, customers) < 1e-9


def test_it_equals_interpret_on_edges_beyond_them_and_for_missing_and_new_words(trained, scorecard):
    generator = np.random.default_rng(2)
    columns = []
    for feature, bins in zip(SCHEMA.features, trained[2].named_steps["ebm"].bins_, strict=True):
        if isinstance(feature, Numeric):
            edges = np.concatenate(bins)
            beyond = [feature.minimum, feature.maximum, -1e12, 1e12]
            near = [np.nextafter(edges, side) for side in (-np.inf, np.inf)]
            values = np.concatenate([edges, *near, beyond]).tolist() + [None] * 20 * feature.accepts_missing
        else:
            values = feature.levels
        columns.append([values[index] for index in generator.integers(0, len(values), 20_000)])
    customers = [dict(zip(SCHEMA.names, values, strict=True)) for values in zip(*columns, strict=True)]

    assert {None, OTHER, "1.0"} <= {customer["plan"] for customer in customers}
    assert greatest_difference(trained[2], scorecard, customers) < 1e-9


def test_each_term_and_pair_is_centred_so_that_the_intercept_is_the_average_customer(trained, scorecard):
    contributions = np.array([scorecard.contributions(customer) for customer in trained[0]])

    assert contributions.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert scorecard.intercept == pytest.approx(trained[2].decision_function(make_frame(trained[0])).mean())


def test_a_pair_holds_only_what_two_features_do_together(trained, scorecard):
    customers = trained[0]
    assert scorecard.pairs
    for pair in scorecard.pairs:
        points = np.array([pair(customer) for customer in customers])
        for axis in pair.axes:
            lines = [axis.line_of(customer[axis.feature.name]) for customer in customers]
            for line in set(lines):
                assert points[np.equal(lines, line)].mean() == pytest.approx(0, abs=1e-9)


def test_a_pair_that_was_planted_is_found(scorecard):
    names = [{axis.feature.name for axis in pair.axes} for pair in scorecard.pairs]

    assert {"flag", "calls"} in names
    assert {"age", "plan"} in names


def test_a_curve_follows_its_direction_and_is_in_no_pair(scorecard):
    bill = scorecard.terms[2].points

    assert all(before <= after for before, after in pairwise(bill))
    assert bill[-1] - bill[0] > 0.5
    paired = {axis.feature.name for pair in scorecard.pairs for axis in pair.axes}
    assert "bill" not in paired


def test_a_feature_of_many_words_is_in_no_pair(scorecard):
    assert "city" not in {axis.feature.name for pair in scorecard.pairs for axis in pair.axes}


def test_words_that_the_data_never_had_add_nothing(scorecard):
    assert scorecard.terms[1].points["1.0"] == pytest.approx(0, abs=1e-9)
    assert scorecard.terms[4].points["c79"] == pytest.approx(0, abs=1e-9)
    assert scorecard.terms[4].points[OTHER] == pytest.approx(0, abs=1e-9)
    assert scorecard.terms[1].points[OTHER] < -0.3


def test_the_same_data_give_the_same_model(trained):
    customers, y, pipeline = trained

    again = ebm.fit(SCHEMA, make_frame(customers), y, SETTING)

    assert ebm.compile_terms(again, SCHEMA) == ebm.compile_terms(pipeline, SCHEMA)


def test_a_fold_is_predicted_by_a_model_of_its_training_rows(trained):
    customers, y, _ = trained
    train, test = np.arange(2000), np.arange(2000, ROWS)

    ((setting, y_prob),) = ebm.predict(SCHEMA, make_frame(customers), y, (train, test), [SETTING])

    assert setting == SETTING
    assert y_prob.shape == (1000,)
    assert y_prob[y[test] == 1].mean() > y_prob[y[test] == 0].mean() + 0.2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [None, 1.0])
def test_a_feature_that_is_the_same_in_all_rows_of_a_fold_adds_nothing(value):
    schema = Schema(
        features=(
            Numeric(name="age", minimum=0, maximum=9, accepts_missing=True),
            Categorical(name="plan", values=("A", "B"), accepts_missing=True),
        ),
        example={},
        target=Target("left"),
    )
    frame = to_frame({"age": [value] * 300, "plan": ["A"] * 300}, schema)

    compiled = ebm.compile_terms(ebm.fit(schema, frame, np.arange(300) % 3 // 2, SETTING), schema)

    age, plan = compiled["terms"]
    assert age["edges"] == []
    assert [*age["points"], age["missing"]] == pytest.approx([0, 0], abs=1e-6)
    assert plan["table"] == {"A": pytest.approx(0, abs=1e-6), "B": pytest.approx(0, abs=1e-6)}
    assert compiled["pairs"] == []
    assert compiled["intercept"] == pytest.approx(-np.log(2), abs=0.05)
