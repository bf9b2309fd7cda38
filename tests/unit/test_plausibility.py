"""What belongs together in the training data: for one customer, and the same for the columns of a block."""

import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from plausible import MEMBERS, write_plausible_model
from shipped import EXAMPLE, NAMES, SCHEMA

from model import actions
from model.artifact import ArtifactError
from model.bulk.block import Block
from model.bulk.plausibility import ImplausibleRows, notes_of
from model.bulk.population import load
from model.engine import load_scorer
from model.explain import notes
from model.plausibility import NumberRange, Relation, WordPair
from model.schema import Categorical, Numeric
from model.whatif import alternatives, apply_change

FIBER = {**EXAMPLE, "PhoneService": "Yes", "InternetService": "Fiber optic", "MonthlyCharges": 89.1, "tenure": 10}
FIBER["TotalCharges"] = 891.0


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return load_scorer(models=str(write_plausible_model(tmp_path_factory.mktemp("models"))))


def block_of(customers) -> Block:
    columns = {}
    for feature in SCHEMA.features:
        values = [customer[feature.name] for customer in customers]
        is_word = isinstance(feature, Categorical)
        columns[feature.name] = np.array([feature.codes[value] if is_word else float(value) for value in values])
    ids = pa.array([""] * len(customers), pa.string())
    return Block(SCHEMA, 1, len(customers), ids, columns, np.ones(len(customers), bool))


def test_a_number_that_does_not_follow_from_the_others_has_a_note(scorer):
    customer = {**FIBER, "tenure": 12, "MonthlyCharges": 70.2, "TotalCharges": 8.0}
    assert notes(scorer, customer) == [
        (
            "TotalCharges 8 does not fit tenure x MonthlyCharges = 842.40: "
            "in the training data it is 0.66 to 1.49 times that."
        )
    ]


@pytest.mark.parametrize("total", [588.06, 588.055, 891.0, 1327.59, 1327.595])
def test_a_number_within_the_relation_or_a_cent_beyond_it_has_none(scorer, total):
    assert notes(scorer, {**FIBER, "TotalCharges": total}) == []


@pytest.mark.parametrize("total", [588.04, 1327.61])
def test_a_number_further_beyond_it_has_one(scorer, total):
    assert len(notes(scorer, {**FIBER, "TotalCharges": total})) == 1


def test_a_product_of_zero_is_fitted_by_zero_alone(scorer):
    assert notes(scorer, {**FIBER, "tenure": 0, "TotalCharges": 0.0}) == []
    (note,) = notes(scorer, {**FIBER, "tenure": 0, "TotalCharges": 500.0})
    assert note.startswith("TotalCharges 500 does not fit tenure x MonthlyCharges = 0.00: ")


def test_a_missing_number_contradicts_nothing():
    relation = Relation("bill", ("minutes",), 0.168, 0.172, 0.01)
    assert relation.contradiction({"bill": None, "minutes": 100.0}) == ""
    assert relation.contradiction({"bill": 17.0, "minutes": None}) == ""
    assert relation.contradiction({"bill": 1700.0, "minutes": 100.0}) == (
        "bill 1,700 does not fit minutes = 100: in the training data it is 0.168 to 0.172 times that."
    )


def test_what_ifs_into_combinations_that_nobody_has_are_not_offered(scorer):
    offered = [alternative.changes for alternative in alternatives(scorer, FIBER)]
    assert {"InternetService": "No"} not in offered  # at the price of a fiber line
    assert {"InternetService": "DSL"} in offered  # 89.10 is within the 24.20 to 92.65 of DSL
    assert {"MonthlyCharges": 80.19} in offered
    assert {"MonthlyCharges": 71.28} in offered
    cheap = {**FIBER, "MonthlyCharges": 75.0, "TotalCharges": 750.0}
    assert {"MonthlyCharges": 67.5} not in [alternative.changes for alternative in alternatives(scorer, cheap)]


def test_a_customer_who_is_outside_already_in_the_same_way_is_offered_them(scorer):
    odd = {**FIBER, "PhoneService": "No", "MonthlyCharges": 60.0, "TotalCharges": 600.0}
    offered = [alternative.changes for alternative in alternatives(scorer, odd)]
    assert {"InternetService": "DSL"} in offered
    assert {"MonthlyCharges": 54.0} in offered  # below the prices of fiber, as before
    assert {"InternetService": "No"} not in offered  # beyond those without internet: in the other way


def test_suggestions_stay_within_what_the_training_data_holds(scorer):
    table = (
        actions.Action("InternetService", None, "No", None, "Cancel the line."),
        actions.Action("InternetService", None, "DSL", None, "Try DSL."),
        actions.Action("MonthlyCharges", None, None, -0.5, "Half price."),
    )
    assert [offer.suggestion for offer in actions.suggest(table, scorer, FIBER)] == ["Try DSL."]
    bare = replace(scorer, plausibility=None)
    assert len(actions.suggest(table, bare, FIBER)) == 3


def test_a_protected_feature_is_never_suggested(scorer):
    for value in SCHEMA.by_name["SeniorCitizen"].values:
        table = (actions.Action("SeniorCitizen", None, value, None, "Be another."),)
        assert actions.suggest(table, scorer, FIBER) == []


def test_a_change_that_is_asked_for_is_answered_with_a_note(scorer):
    assert apply_change(scorer, FIBER, {"InternetService": "No"}).notes == [
        'MonthlyCharges 89.1 is outside the 18.7 to 26.45 of customers with InternetService "No" in the training data.'
    ]
    assert apply_change(scorer, FIBER, {"PhoneService": "No"}).notes == [
        'Hardly any customer of the training data has PhoneService "No" and InternetService "Fiber optic".'
    ]
    assert apply_change(scorer, FIBER, {"InternetService": "No", "MonthlyCharges": 20.0}).notes == []
    assert len(apply_change(scorer, FIBER, {"InternetService": "No", "MonthlyCharges": 200.0}).notes) == 1
    assert apply_change(scorer, FIBER, {"Contract": "Two year"}).notes == []


def test_missing_and_other_words_are_values_like_any():
    plan = Categorical(name="plan", values=("S", "L"), accepts_other=True, accepts_missing=True)
    data = Numeric(name="data", minimum=0, maximum=100, accepts_missing=True)
    pair = WordPair((plan, plan), ["1000", "0100", "0010", "0001"])
    assert pair.oddity({"plan": None}) == ""
    within = NumberRange((plan, data), [(1.0, 5.0), None, (0.0, 2.0), (0.0, 2.0)], "1000")
    assert within.oddity({"plan": "S", "data": None}) == ""
    assert within.oddity({"plan": "(other)", "data": None}) == "absent"
    assert within.sentence({"plan": "(other)", "data": None}) == (
        "Hardly any customer of the training data has plan rare or new and data not known."
    )
    assert within.sentence({"plan": "L", "data": 3.0}) == (
        'Hardly any customer of the training data has plan "L" and data 3.'
    )
    assert within.oddity({"plan": None, "data": 3.0}) == "above"


def test_a_model_that_states_nothing_answers_as_before():
    scorer = load_scorer("1.0.0")
    assert scorer.plausibility is None
    assert notes(scorer, {**FIBER, "TotalCharges": 8.0}) == []
    assert {"InternetService": "No"} in [alternative.changes for alternative in alternatives(scorer, FIBER)]


@pytest.mark.parametrize(
    ("members", "key"),
    [
        ({"relations": []}, "combinations is missing"),
        ({**MEMBERS, "relations": [{**MEMBERS["relations"][0], "feature": "Contract"}]}, "relations[0].feature"),
        ({**MEMBERS, "relations": [{**MEMBERS["relations"][0], "factors": []}]}, "relations[0].factors"),
        ({**MEMBERS, "relations": [{**MEMBERS["relations"][0], "high": 0.1}]}, "relations[0].high"),
        ({**MEMBERS, "combinations": [{"features": ["Contract"]}]}, "combinations[0].features"),
        ({**MEMBERS, "combinations": [{"features": ["tenure", "Contract"]}]}, "combinations[0].features[0]"),
        ({**MEMBERS, "combinations": [{"features": ["Contract", "Plan"]}]}, "combinations[0].features[1]"),
        ({**MEMBERS, "combinations": [{**MEMBERS["combinations"][0], "seen": ["111"]}]}, "combinations[0].seen"),
        ({**MEMBERS, "combinations": [{**MEMBERS["combinations"][0], "seen": ["1", "2"]}]}, "combinations[0].seen[0]"),
        ({**MEMBERS, "combinations": [{**MEMBERS["combinations"][1], "ranges": []}]}, "combinations[0].ranges"),
        (
            {**MEMBERS, "combinations": [{**MEMBERS["combinations"][1], "ranges": [None, [2, 1], None]}]},
            "combinations[0].ranges[1]",
        ),
    ],
)
def test_a_model_with_wrong_members_does_not_start(tmp_path, members, key):
    root = write_plausible_model(tmp_path, members)
    with pytest.raises(ArtifactError, match=r"population\.json") as raised:
        load_scorer(models=str(root))
    assert key in str(raised.value)


def random_customers(count: int) -> list[dict]:
    draw = random.Random(7)
    customers = []
    for _ in range(count):
        customer = {name: draw.choice(SCHEMA.by_name[name].values) for name in NAMES if name not in NUMBERS}
        tenure, price = draw.choice([0, 1, 12, 72, 73, 700]), draw.choice([0.0, 18.25, 70.2, 118.75, 7000.0])
        bounds = [0.0, 0.66, 0.6599999, 1.0, 1.49, 1.4900001, 100.0]
        total = min(draw.choice([tenure * price * draw.choice(bounds), draw.uniform(0, 9000)]), 1e9)
        customers.append({**customer, "tenure": tenure, "MonthlyCharges": price, "TotalCharges": total})
    return [{name: customer[name] for name in NAMES} for customer in customers]


NUMBERS = ("tenure", "MonthlyCharges", "TotalCharges")


def test_rows_of_a_block_have_the_notes_of_one_customer(scorer):
    customers = random_customers(3_000)
    noted = notes_of(scorer, block_of(customers))
    alone = {row: own for row, customer in enumerate(customers) if (own := notes(scorer, customer))}
    assert noted == alone
    assert 500 < len(noted) < 3_000


def counted(scorer, customers) -> ImplausibleRows:
    rows = ImplausibleRows(scorer, load(scorer))
    rows.add(block_of(customers))
    return rows


def priced(count: int, factor: float = 1.0) -> list[dict]:
    draw = random.Random(count)
    rows = []
    for _ in range(count):
        tenure, price = draw.randint(1, 72), draw.uniform(30, 100)
        total = min(tenure * price, 8_600)
        rows.append({**FIBER, "tenure": tenure, "MonthlyCharges": price, "TotalCharges": total * factor})
    return rows


def test_a_file_in_which_many_rows_contradict_themselves_states_it(scorer):
    rows = counted(scorer, [*priced(950), *priced(50, factor=0.01)])
    assert rows.notes(1_000) == [
        (
            "TotalCharges does not fit tenure x MonthlyCharges in 50 of 1,000 rows (in the training data it is 0.66 to "
            "1.49 times that), about 100 times too small: another unit?"
        )
    ]
    assert rows.notes(1_000, is_whole=False)[0].count("of the first 1,000 rows") == 1


def test_a_file_in_another_unit_states_it(scorer):
    cents = [{**row, "MonthlyCharges": row["MonthlyCharges"] * 100} for row in priced(40, factor=100)]
    first, second = counted(scorer, cents).notes(40)
    assert first == (
        "MonthlyCharges is beyond the 18.25 to 118.75 of the training data in 40 of 40 rows, about 100 times too "
        "large: another unit?"
    )
    assert second.startswith("TotalCharges is beyond the 0 to 8,684.8 of the training data in ")


def test_few_rows_are_not_worth_a_note_on_the_file(scorer):
    assert counted(scorer, [*priced(960), *priced(40, factor=0.01)]).notes(1_000) == []
    assert counted(scorer, [*priced(81), *priced(19, factor=0.01)]).notes(100) == []
    assert len(counted(scorer, [*priced(80), *priced(20, factor=0.01)]).notes(100)) == 1
    assert counted(scorer, priced(4, factor=0.01)).notes(4) == []
    assert len(counted(scorer, priced(8, factor=0.01)).notes(8)) == 1


def test_a_cause_is_named_only_where_it_is_likely(scorer):
    (note,) = counted(scorer, priced(100, factor=3.0)).notes(100)[-1:]
    assert note.endswith("times that).")


def test_the_smallest_and_largest_numbers_are_counted_in_silence(scorer):
    least, most = 5e-324, 1e300
    odd = [{**customer, "MonthlyCharges": least, "TotalCharges": 500} for customer in priced(30)]
    even = [{**customer, "tenure": 1, "MonthlyCharges": most, "TotalCharges": least} for customer in priced(30)]
    (low, *_), (high, *_) = counted(scorer, odd).notes(30), counted(scorer, even).notes(30)
    assert low.startswith("MonthlyCharges is beyond")
    assert high.startswith("MonthlyCharges is beyond")


def test_counts_of_parts_add_up(scorer):
    whole = counted(scorer, priced(500))
    whole.add(block_of(priced(100, factor=100)))
    merged = counted(scorer, priced(500))
    merged.merge(counted(scorer, priced(100, factor=100)).state())
    assert merged.state() == whole.state()
