"""The 95 % interval of a probability: for one customer, in bulk, from its file, and from training."""

import io
import json
import math
import random

import numpy as np
import other_schema
import pytest

from model.bulk.run import Run
from model.contents import INTERVAL
from model.engine import load_scorer
from model.errors import ArtifactError, InputError
from model.interval import add_interval, is_available, names_of, starts_of, with_interval
from model.schema import Categorical
from model.versions import promote

TERMS = [[name] for name in other_schema.NAMES] + [pair["features"] for pair in other_schema.SCORECARD["pairs"]]


def write(root, document, schema=other_schema.SCHEMA):
    contents = {**other_schema.files(schema), INTERVAL: json.dumps({"terms": TERMS, **document}).encode()}
    return load_scorer(models=str(other_schema.write_models(root, contents)))


@pytest.fixture
def without(tmp_path):
    return load_scorer(models=str(other_schema.write_models(tmp_path / "without")))


@pytest.fixture
def scorer(tmp_path, without):
    draw, points = random.Random(1), starts_of(without)[-1]
    columns = [draw.randrange(40) for _ in range(points)]
    deviations = [[draw.randrange(-3000, 3000) for _ in range(40)] for _ in range(20)]
    document = {"unit": 0.0001, "columns": columns, "deviations": deviations}
    return with_interval(write(tmp_path / "with", document))


def bounds(scorer, customer):
    score = add_interval(scorer, customer, scorer.score(customer))
    return score.probability_low, score.probability, score.probability_high


def drawn(scorer, count):
    """Return customers as cells and as values: any level, numbers at and around knots and edges, blanks."""
    draw, terms = random.Random(2), {term.feature: term for term in scorer.terms}
    customers = []
    for _ in range(count):
        cells, values = {}, {}
        for feature in scorer.schema.features:
            if isinstance(feature, Categorical):
                value = draw.choice(feature.levels)
                cell = "never seen" if value == other_schema.OTHER else value
            else:
                term = terms[feature.name]
                borders = list(getattr(term, "knots", None) or term.edges)
                value = draw.choice([*borders, feature.minimum, feature.maximum])
                value = min(max(value + draw.choice([-1, 0, 0, 1]), feature.minimum), feature.maximum)
                value = int(value) if feature.whole else value
                if feature.accepts_missing and draw.random() < 0.2:
                    value = None
                cell = value
            cells[feature.name], values[feature.name] = "" if cell is None else str(cell), value
        customers.append((cells, values))
    return customers


def test_the_half_width_is_the_root_of_squares_of_sums_over_the_points_of_a_customer(tmp_path, without):
    points = starts_of(without)[-1]
    # The intercept is off by 300 units; by another cause all points of the first feature are off by 400.
    first = range(1, 1 + len(without.schema.features[0].levels))
    columns = [0, *[1 if point in first else 2 for point in range(1, points)]]
    scorer = write(tmp_path / "by hand", {"unit": 0.001, "columns": columns, "deviations": [[300, 0, 0], [0, 400, 0]]})
    customer = other_schema.SHOPPERS[0].typed
    low, middle, high = bounds(with_interval(scorer), customer)
    log_odds = scorer.score(customer).log_odds
    assert middle == pytest.approx(1 / (1 + math.exp(-log_odds)))
    assert low == pytest.approx(1 / (1 + math.exp(-(log_odds - 0.5))))
    assert high == pytest.approx(1 / (1 + math.exp(-(log_odds + 0.5))))


def test_a_line_is_off_by_the_mean_of_its_two_knots_weighted_by_their_nearness(tmp_path, without):
    name, term = next((term.feature, term) for term in without.terms if hasattr(term, "knots"))
    start = starts_of(without)[without.schema.names.index(name)]
    columns = [0] * starts_of(without)[-1]
    columns[start], columns[start + 1] = 1, 2
    scorer = with_interval(write(tmp_path / "line", {"unit": 0.01, "columns": columns, "deviations": [[0, 10, 30]]}))
    left, right = term.knots[:2]
    customer = {**other_schema.SHOPPERS[0].typed, name: left + (right - left) * 0.25}
    assert scorer.interval.half_width(customer) == pytest.approx(0.15)
    assert scorer.interval.half_width({**customer, name: left - 1.0}) == pytest.approx(0.10)


def test_many_rows_get_the_same_intervals_as_each_alone(scorer):
    customers = drawn(scorer, 3000)
    file = io.BytesIO(other_schema.to_csv([cells for cells, _ in customers]))
    blocks = list(Run(file, scorer))
    assert all(block.good.all() for block in blocks)
    low = np.concatenate([block.probability_low for block in blocks]).tolist()
    high = np.concatenate([block.probability_high for block in blocks]).tolist()
    for (_, customer), own_low, own_high in zip(customers, low, high, strict=True):
        expected = bounds(scorer, customer)
        assert f"{own_low:.4f}" == f"{expected[0]:.4f}"
        assert f"{own_high:.4f}" == f"{expected[2]:.4f}"
        assert expected[0] <= expected[1] <= expected[2]


def test_another_threshold_keeps_the_intervals(scorer):
    assert scorer.with_threshold(0.9).interval is scorer.interval


def test_a_model_without_the_file_refuses_by_name_and_code(without):
    assert not is_available(without)
    with pytest.raises(InputError, match=f"Model {other_schema.VERSION} has no intervals") as caught:
        with_interval(without)
    assert caught.value.problem.code == "no_interval"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"terms": TERMS[1:]}, "terms must be the terms in the order of the schema and the scorecard"),
        ({"terms": [name for (name, *_) in TERMS]}, r"terms\[0\] must be a list"),
        ({"unit": "small"}, "unit must be a number from 0 to 1"),
        ({"columns": [0]}, "columns must be a list of .* numbers, one for each point, not 1"),
        ({"columns": [0, 1.5]}, "columns must be a list of whole numbers, not 1.5"),
        ({"columns": [0, 3]}, "columns must be a list of numbers from 0 to 1, not 3"),
        ({"columns": [0, -1]}, "columns must be a list of numbers from 0 to 1, not -1"),
        ({"deviations": []}, "deviations must be 1 to 1,000 lists of the same length"),
        ({"deviations": [[1, 2], [1]]}, "deviations must be 1 to 1,000 lists of the same length"),
        ({"deviations": [[1, True]]}, r"deviations\[0\] must be a list of whole numbers"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, without, changes, message):
    document = {"unit": 0.1, "columns": [0] * starts_of(without)[-1], "deviations": [[1, 2]], **changes}
    scorer = write(tmp_path / "wrong", document)
    with pytest.raises(ArtifactError, match=f"{INTERVAL}.*{message}"):
        with_interval(scorer)


def test_features_in_another_order_never_change_the_intervals(tmp_path, without):
    document = {"unit": 0.1, "columns": [0] * starts_of(without)[-1], "deviations": [[1, 2]]}
    first, second, *others = other_schema.SCHEMA["features"]
    schema = {**other_schema.SCHEMA, "features": [second, first, *others]}
    scorer = write(tmp_path / "another", document, schema)
    assert names_of(scorer) == [TERMS[1], TERMS[0], *TERMS[2:]]
    with pytest.raises(ArtifactError, match=f"{INTERVAL}.*terms must be the terms in the order"):
        with_interval(scorer)


def test_a_version_with_a_file_that_makes_no_sense_is_not_promoted(tmp_path):
    scorer = write(tmp_path, {"unit": 0.1, "columns": [], "deviations": [[1, 2]]})
    with pytest.raises(ArtifactError, match=f"{INTERVAL}.*columns must be"):
        promote(scorer.version, tmp_path)


def test_a_file_that_was_changed_stops_the_start(tmp_path, without):
    document = {"unit": 0.1, "columns": [0] * starts_of(without)[-1], "deviations": [[1]]}
    folder = write(tmp_path / "changed", document).folder
    (folder / INTERVAL).write_bytes((folder / INTERVAL).read_bytes() + b" ")
    with pytest.raises(ArtifactError, match="It was changed or damaged"):
        load_scorer(models=str(tmp_path / "changed"))
