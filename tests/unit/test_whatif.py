"""What is offered without having been asked for: other numbers of any size, and words that customers have."""

import json

import other_schema
import pytest

from model.actions import Action, suggest
from model.engine import load_scorer
from model.schema import Categorical, Numeric, Schema, Target
from model.scorecard import Scorecard
from model.terms import LineTerm, TableTerm
from model.whatif import MOST_WORDS, alternatives, apply_change

WORDS = tuple(f"word {number}" for number in range(200))


def scorer_of(feature, term, **known):
    schema = Schema(features=(feature,), example={}, target=Target("left"))
    return Scorecard(schema, "1.0.0", "0" * 64, 0.5, {"high": 0.5, "medium": 0.2, "low": 0}, -1.0, (term,), {}, **known)


def number(changes=(-0.1, -0.2), **rules):
    feature = Numeric(name="rate", minimum=-1, maximum=10_000, changes=changes, **rules)
    return scorer_of(feature, LineTerm("rate", (-1.0, 10_000.0), (-1.0, 9_000.0)))


def offered(scorer, value):
    (feature,) = scorer.schema.names
    return [alternative.changes[feature] for alternative in alternatives(scorer, {feature: value})]


@pytest.mark.parametrize(
    ("value", "others"),
    [
        (0.04, [0.032, 0.036]),
        (0.02, [0.016, 0.018]),
        (0.012, [0.0096, 0.0108]),
        (0.004, [0.0032, 0.0036]),
        (0.0123456, [0.00988, 0.0111]),
        (-0.004, [-0.0036, -0.0032]),
        (5e-8, [4e-8, 4.5e-8]),
        (70.35, [56.28, 63.31]),
        (1234.567, [987.65, 1111.11]),
    ],
)
def test_a_number_is_changed_in_two_decimals_or_three_digits(value, others):
    assert sorted(offered(number(), value)) == others


def test_an_amount_in_cents_stays_one_and_a_finer_price_stays_as_fine():
    assert offered(number(is_amount=True), 0.55) == [0.44, 0.5]
    assert offered(number(is_amount=True), 0.085) == [0.068, 0.0765]


def test_changes_that_lead_to_one_number_are_one():
    assert offered(number(changes=(-0.2, -0.1, -0.05), whole=True), 5) == [4]


def test_an_action_changes_a_small_number_too():
    (suggestion,) = suggest([Action("rate", None, None, -0.1, "Cut it.")], number(), {"rate": 0.004})

    assert suggestion.alternative.changes == {"rate": 0.0036}


def words(**known):
    feature = Categorical(name="handset", values=WORDS, actionable=True)
    points = {word: index / 1000 for index, word in enumerate(WORDS)}
    return scorer_of(feature, TableTerm("handset", points), **known)


def test_only_the_most_frequent_words_are_offered_and_any_may_be_asked_for():
    scorer = words(frequent_words={"handset": WORDS[:99:-1]})

    assert offered(scorer, "word 0") == [f"word {number}" for number in range(150, 200)]
    assert offered(scorer, "word 199") == [f"word {number}" for number in range(149, 199)]
    assert len(offered(words(), "word 0")) == MOST_WORDS
    assert apply_change(scorer, {"handset": "word 0"}, {"handset": "word 7"}).changes == {"handset": "word 7"}


def test_a_word_that_no_customer_of_the_training_data_has_is_not_offered(tmp_path):
    population = json.loads(json.dumps(other_schema.POPULATION))
    described = next(entry for entry in population["features"] if entry["feature"] == other_schema.PLAN)
    customer = other_schema.SHOPPERS[0].typed
    absent, kept = [word for word in described["words"] if word != customer[other_schema.PLAN]][:2]
    described["words"][kept] += described["words"][absent]
    described["words"][absent] = 0
    contents = {**other_schema.files(), "population.json": other_schema.to_bytes(population)}
    scorer = load_scorer(models=str(other_schema.write_models(tmp_path, contents)))

    plans = [
        item.changes[other_schema.PLAN] for item in alternatives(scorer, customer) if other_schema.PLAN in item.changes
    ]

    assert kept in plans
    assert absent not in plans
