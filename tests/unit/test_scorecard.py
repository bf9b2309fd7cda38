"""Log-odds, probability, label and tier of one customer, from a scorecard written out by hand."""

import copy
import math

import pytest
from shipped import EXAMPLE, FEATURES, SCHEMA, SCHEMA_VERSION

from model.errors import ArtifactError
from model.explain import explain
from model.schema import Categorical
from model.scorecard import probability, tier_of
from model.scorecard_file import check_version, read_scorecard
from model.terms import LineTerm

TIERS = {"high": 0.5, "medium": 0.25, "low": 0.0}


@pytest.fixture
def document() -> dict:
    """The intercept is 0.25; the example's terms are 0.5 each for words and 1.0 for tenure 12, else 0."""
    terms = []
    for feature in FEATURES:
        if isinstance(feature, Categorical):
            points = {str(word): 0.5 if word == EXAMPLE[feature.name] else -0.5 for word in feature.values}
            terms.append({"feature": feature.name, "table": points})
        elif feature.name == "tenure":
            terms.append({"feature": feature.name, "knots": [0, 24], "points": [2.0, 0.0]})
        else:
            terms.append({"feature": feature.name, "knots": [0, 1000], "points": [0.0, 0.0]})
    return {
        "version": "1.2.3",
        "schema_version": SCHEMA_VERSION,
        "threshold": 0.4,
        "tiers": TIERS,
        "intercept": 0.25,
        "ranges": {"tenure": [0, 72]},
        "terms": terms,
    }


@pytest.mark.parametrize(
    ("value", "points"),
    [
        pytest.param(-1e9, 3.0, id="far below the first knot"),
        pytest.param(10, 3.0, id="at the first knot"),
        pytest.param(12.5, 2.5, id="between"),
        pytest.param(20, 1.0, id="at an inner knot"),
        pytest.param(30, 1.5, id="between, on a rise"),
        pytest.param(40, 2.0, id="at the last knot"),
        pytest.param(1e9, 2.0, id="far beyond the last knot"),
    ],
)
def test_a_curve_is_linear_between_knots_and_constant_beyond(value, points):
    curve = LineTerm("tenure", [10, 20, 40], [3.0, 1.0, 2.0])

    assert curve(value) == points


@pytest.mark.parametrize(
    ("knots", "points"),
    [
        pytest.param([1, 1, 2], [0, 0, 0], id="equal knots"),
        pytest.param([2, 1], [0, 0], id="falling knots"),
        pytest.param([1, 2], [0], id="a point too few"),
    ],
)
def test_a_curve_that_is_not_one_is_refused(knots, points):
    with pytest.raises(ArtifactError, match="knots of tenure must rise strictly"):
        LineTerm("tenure", knots, points)


def test_the_log_odds_are_the_intercept_plus_the_points_of_each_feature(document):
    scorecard = read_scorecard(document, SCHEMA, "")

    score = scorecard.score(dict(EXAMPLE))

    assert score.log_odds == 0.25 + 7 * 0.5 + 1.0
    assert scorecard.contributions(dict(EXAMPLE)) == [0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]


def test_the_reasons_come_strongest_first_and_add_up(document):
    scorecard = read_scorecard(document, SCHEMA, "")

    reasons = explain(scorecard, dict(EXAMPLE))

    assert (reasons[0].features[0].name, *reasons[0][1:]) == ("tenure", (12,), 1.0)
    assert [reason.features[0].name for reason in reasons[1:3]] == ["SeniorCitizen", "Partner"]
    assert scorecard.intercept + sum(reason.contribution for reason in reasons) == 4.75


@pytest.mark.parametrize(
    ("log_odds", "expected"),
    [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (800.0, 1.0), (-800.0, 0.0), (-1e308, 0.0), (1e308, 1.0)],
)
def test_the_probability_is_the_logistic_function_and_never_overflows(log_odds, expected):
    assert probability(log_odds) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("chance", "tier"),
    [(1.0, "high"), (0.5, "high"), (0.4999, "medium"), (0.25, "medium"), (0.2499, "low"), (0.0, "low")],
)
def test_a_tier_begins_at_its_cut_off(chance, tier):
    assert tier_of(chance, TIERS) == tier


def test_the_label_is_churn_from_the_threshold_on(document):
    scorecard = read_scorecard(document, SCHEMA, "")
    chance = scorecard.score(dict(EXAMPLE)).probability

    assert scorecard.with_threshold(chance).score(dict(EXAMPLE)).label == "churn"
    assert scorecard.with_threshold(math.nextafter(chance, 1)).score(dict(EXAMPLE)).label == "not churn"
    assert scorecard.threshold == 0.4


def _without_contract(document):
    document["terms"] = [term for term in document["terms"] if term["feature"] != "Contract"]


def _without_a_word(document):
    next(term for term in document["terms"] if term["feature"] == "Contract")["table"].popitem()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_without_contract, "incomplete.*Contract", id="a feature without a term"),
        pytest.param(_without_a_word, "incomplete.*Two year", id="a word without points"),
        pytest.param(lambda document: document.pop("threshold"), "incomplete.*threshold", id="no threshold"),
        pytest.param(lambda document: document["tiers"].pop("low"), "incomplete.*low", id="a tier missing"),
        pytest.param(lambda document: document.update(intercept="x"), "incomplete", id="no number"),
    ],
)
def test_a_document_that_is_not_whole_is_refused(document, spoil, message):
    spoilt = copy.deepcopy(document)
    spoil(spoilt)

    with pytest.raises(ArtifactError, match=message):
        read_scorecard(spoilt, SCHEMA, "")


def test_a_document_for_another_schema_is_refused(document):
    check_version(document, "scorecard.json", SCHEMA_VERSION)

    with pytest.raises(ArtifactError, match=r'built for schema 1 and .* reads schema 2\. Run "churn train"'):
        check_version(document, "scorecard.json", SCHEMA_VERSION + 1)
