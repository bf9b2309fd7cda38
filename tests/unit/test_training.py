"""From labelled customers to an artifact: what is refused, what is learnt, how it is measured, and that it repeats."""

import gzip
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from invented import HEADER, SAMPLE_ROWS, SAMPLE_SEED, invent, to_csv
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from model import artifact
from model.artifact import ARTIFACTS
from model.errors import ArtifactError, TrainingError
from model.pipeline import joblib_name
from model.schema import EXAMPLE, FEATURES, NAMES, TARGET, Numeric
from model.scorecard import LineTerm
from model.training import cross_validation, metrics
from model.training.additive import DIRECTIONS, Setting, fit, knots_of, points_of, predict, quantile_knots, round_digits
from model.training.card import PEERS, to_card
from model.training.checks import check
from model.training.compile import greatest_difference, random_customers, to_bytes
from model.training.data import read
from model.training.evaluate import evaluate
from model.training.monotone import Chain, fit_monotone
from model.training.population import describe_population
from model.training.recipes import ADDITIVE, recipe_of
from model.training.threshold import choose_threshold, expected_cost
from model.training.train import check_exact, learn, next_version, train

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "sample.csv"
REAL = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))

QUICK = replace(ADDITIVE, settings=(Setting(2, 0.3), Setting(4, 0.3)))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As `train` does: on small matrices a second BLAS thread costs more than it brings."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def data_csv(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    path.write_text(to_csv(invent(seed=1, count=600)))
    return path


@pytest.fixture(scope="session")
def data(data_csv):
    return read(data_csv)


@pytest.fixture(scope="session")
def learnt(data):
    return learn(data, "1.0.0", recipe=QUICK)


@pytest.fixture(scope="session")
def shares() -> list[float]:
    """The shares of the work done that `trained` was told."""
    return []


@pytest.fixture(scope="session")
def trained(data_csv, tmp_path_factory, shares) -> Path:
    root = tmp_path_factory.mktemp("models")
    return train(data_csv, root=root, recipe=QUICK, progress=lambda _, share: shares.append(share))


def write(tmp_path: Path, customers: list[dict[str, str]], columns: list[str] = HEADER, delimiter: str = ",") -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(to_csv(customers, columns, delimiter))
    return path


# What is read, and what is refused.


def test_the_sample_is_what_its_generator_writes():
    assert SAMPLE.read_text() == to_csv(invent(SAMPLE_SEED, SAMPLE_ROWS))


def test_a_blank_total_at_tenure_zero_is_read_as_zero():
    customers = read(SAMPLE).customers

    assert [customer["TotalCharges"] for customer in customers if customer["tenure"] == 0] == [0.0, 0.0, 0.0]


def test_a_company_s_own_csv_is_read_like_the_public_one(tmp_path):
    customers = invent(seed=3, count=5)
    columns = [*reversed(NAMES), TARGET]
    public = read(write(tmp_path, customers))
    own = tmp_path / "own.csv.gz"
    own.write_bytes(gzip.compress(to_csv(customers, columns, ";").replace("Churn", "CHURN", 1).encode("utf-8-sig")))

    found = read(own)

    assert (found.customers, found.labels) == (public.customers, public.labels)
    assert (found.ids, public.ids[0]) == ([], "0000-SMPLE")


@pytest.mark.parametrize(
    ("word", "label"), [("Yes", 1), ("no", 0), ("NO", 0), (" yes ", 1), ("1", 1), ("0", 0)], ids=repr
)
def test_a_label_is_yes_no_1_or_0_in_any_case(tmp_path, word, label):
    assert read(write(tmp_path, [{**invent(1, 1)[0], TARGET: word}])).labels == [label]


def _drop(*names):
    return to_csv(invent(1, 3), [name for name in HEADER if name not in names])


def _change(**cells):
    first, second, third = invent(1, 3)
    return to_csv([first, {**second, **cells}, third])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "customers.csv: The file is empty.", id="nothing"),
        pytest.param(_drop("Contract", "Churn"), "lacks Contract and Churn. It has 19 columns: ", id="columns"),
        pytest.param(_drop().replace("gender", "CHURN ", 1), None, id="a twin in another case is ignored"),
        pytest.param(_drop().replace("gender", " Churn ", 1), "has Churn more than once", id="Churn twice"),
        pytest.param(_drop().replace("gender", "Contract", 1), "has Contract more than once", id="a column twice"),
        pytest.param(
            _change(Contract="Monthly"),
            'Row 2 (customerID 0001-SMPLE): Contract must be "Month-to-month", "One year" or "Two year", not "Mont',
            id="a word",
        ),
        pytest.param(
            _change(MonthlyCharges="1,000"),
            'MonthlyCharges must be a number from 0 to 1,000,000, not "1,000"',
            id="number",
        ),
        pytest.param(_change(Churn="maybe"), 'Churn must be "Yes", "No", 1 or 0, not "maybe".', id="a label"),
        pytest.param(_change(Churn="TRUE"), None, id="a boolean label"),
        pytest.param(_drop().replace(",", ";").replace("29.85", "29,85"), None, id="semicolons"),
        pytest.param(_change(Churn=" "), 'Churn is blank; it must be "Yes", "No", 1 or 0.', id="a blank label"),
        pytest.param(
            _change(TotalCharges="", tenure="5"), "TotalCharges is blank, but tenure is 5", id="a blank total"
        ),
        pytest.param(
            _drop() + "a,b\n",
            "Row 4 (customerID a): The row has 2 fields, but the header has 21 fields.",
            id="a short row",
        ),
        pytest.param("PK\x03\x04", "The file is a workbook", id="a workbook"),
        pytest.param(_drop() + '"open', "Row 4 opens a quote that is not closed before the end", id="an open quote"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_reason(tmp_path, text, message):
    path = tmp_path / "customers.csv"
    path.write_text(text)

    if message is None:
        assert len(read(path).labels) == 3
    else:
        with pytest.raises(TrainingError) as caught:
            read(path)
        assert message in str(caught.value)


def test_twenty_problems_are_written_out_and_the_rest_counted(tmp_path):
    path = write(tmp_path, [{**customer, "Partner": "x", TARGET: "x"} for customer in invent(1, 30)])

    with pytest.raises(TrainingError, match="has 60 problems") as caught:
        read(path)

    assert (len(caught.value.problems), caught.value.count) == (20, 60)
    assert str(caught.value).count("\n") == 21
    assert "... and 40 more" in str(caught.value)


def _with_label(word, count=300):
    return [{**customer, TARGET: word} for customer in invent(1, count)]


@pytest.mark.parametrize(
    ("customers", "message"),
    [
        pytest.param(_with_label("Yes"), "All 300 customers .* churned; a model needs both", id="all left"),
        pytest.param(_with_label("No"), "All 300 customers .* stayed; a model needs both", id="all stayed"),
        pytest.param([], "0 rows, 0 of them churners. Training needs at least 200 rows", id="none"),
        pytest.param(invent(1, 199), "199 rows, .* at least 200 rows", id="few"),
        pytest.param(_with_label("No")[:251] + _with_label("Yes")[251:], "49 of them churners", id="few churners"),
        pytest.param(
            [{**customer, "MonthlyCharges": "20"} for customer in invent(1, 300)],
            "MonthlyCharges is the same in every row",
            id="a constant",
        ),
        pytest.param(
            [{**customer, "PhoneService": "yes"} for customer in invent(1, 300)],
            'PhoneService is "Yes" in every row .* say --trust PhoneService',
            id="one word",
        ),
        pytest.param(
            [{**customer, "Partner": customer[TARGET]} for customer in invent(1, 300)],
            r"Partner alone tells who churned in .*: ROC AUC 1\.0000, where 0\.95 is the most",
            id="a word that leaks",
        ),
        pytest.param(
            [
                {**customer, "TotalCharges": "7" if customer[TARGET] == "Yes" else f"{90 + row}"}
                for row, customer in enumerate(invent(1, 300))
            ],
            r"TotalCharges alone tells .* ROC AUC 1\.0000",
            id="a number that leaks",
        ),
        pytest.param(
            [
                {**each, "MonthlyCharges": f"{(50 if each[TARGET] == 'Yes' else row % 2 * 60 + 20) + row % 7}"}
                for row, each in enumerate(invent(1, 300))
            ],
            r"MonthlyCharges alone tells",
            id="a number that leaks from the middle",
        ),
        pytest.param(
            invent(1, 300) + invent(1, 1),
            'customerID "0000-SMPLE" stands in row 1 and again in row 301',
            id="an id twice",
        ),
    ],
)
def test_data_that_teach_nothing_honest_are_refused(tmp_path, customers, message):
    path = write(tmp_path, customers)

    with pytest.raises(TrainingError, match=message):
        check(read(path), path)


def test_a_column_that_is_trusted_may_be_one_word_or_tell_the_outcome(tmp_path):
    customers = [{**customer, "PhoneService": "Yes", "Partner": customer[TARGET]} for customer in invent(1, 300)]
    path = write(tmp_path, customers)

    check(read(path), path, trusted=("PhoneService", "Partner"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"gone\.csv cannot be read: No such file"):
        read(tmp_path / "gone.csv")


# What is fitted.


def test_coefficients_intercept_and_knots_have_six_digits(learnt):
    numbers = [point for points in points_of(learnt.pipeline).values() for point in points]
    numbers += [knot for name in DIRECTIONS for knot in knots_of(learnt.pipeline, name)]
    numbers += learnt.pipeline.named_steps["logistic"].intercept_.tolist()

    assert [number for number in numbers if number != float(f"{number:.6g}")] == []


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.12345649, 0.123456), (-1234567.0, -1234570.0), (1e-9 / 3, 3.33333e-10), (0.0, 0.0)]
)
def test_rounding_keeps_six_significant_digits(value, rounded):
    assert round_digits(value) == rounded


def test_knots_rise_though_many_customers_share_a_value():
    assert quantile_knots([1] * 50 + [2, 3, 72], 10) == [1.0, 72.0]
    assert quantile_knots([0, 10, 20], 3) == [0.0, 10.0, 20.0]


def test_each_curve_goes_its_one_way(learnt):
    for name, sign in DIRECTIONS.items():
        assert (np.diff(points_of(learnt.pipeline)[name]) * sign >= 0).all(), name


def test_every_number_has_a_direction():
    assert set(DIRECTIONS) == {feature.name for feature in FEATURES if isinstance(feature, Numeric)}


@pytest.mark.parametrize("seed", range(5))
def test_the_directed_fit_is_the_optimum_under_its_constraints(seed):
    generator = np.random.default_rng(seed)
    design = generator.normal(size=(300, 9))
    churned = (generator.random(300) < 0.4).astype(int)
    chains = [Chain(1, 5, -1), Chain(5, 9, 1)]

    found = fit_monotone(design, churned, 0.5, chains)

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
    assert found.coef_[0] == pytest.approx(steps @ other.x[:-1], abs=1e-5)
    assert found.intercept_[0] == pytest.approx(other.x[-1], abs=1e-5)
    assert (np.diff(found.coef_[0][1:5]) <= 0).all()
    assert (np.diff(found.coef_[0][5:9]) >= 0).all()


# What is compiled.


def test_the_scorecard_equals_the_pipeline_to_the_twelfth_decimal(learnt, data):
    assert check_exact(learnt, data, seed=7, count=20_000) < 1e-12


def test_a_scorecard_that_differs_is_noticed(learnt, data):
    scorecard = learnt.scorecard()
    other = fit(data.frame(), 1 - np.array(data.labels), Setting(4, 0.3))

    assert greatest_difference(other, scorecard, data.customers[:10]) > 1e-3


def test_random_customers_lie_on_the_knots_between_them_and_far_beyond(learnt):
    scorecard = learnt.scorecard()
    customers = random_customers(scorecard, 2_000, seed=1)

    for term in scorecard.terms:
        values = {customer[term.feature] for customer in customers}
        if isinstance(term, LineTerm):
            assert values >= set(term.knots)
            assert max(values) > 10 * scorecard.ranges[term.feature][1]
        else:
            assert values == set(term.points)


def test_terms_are_centred_so_the_intercept_is_the_average_customer(learnt, data):
    scorecard = learnt.scorecard()
    contributions = np.array([scorecard.contributions(customer) for customer in data.customers])

    assert np.abs(contributions.mean(axis=0)).max() < 1e-14
    assert scorecard.intercept == pytest.approx(
        np.mean([scorecard.score(customer).log_odds for customer in data.customers]), abs=1e-12
    )


def test_the_ranges_are_those_seen_in_training(learnt, data):
    months = [customer["tenure"] for customer in data.customers]

    assert learnt.scorecard().ranges["tenure"] == (min(months), max(months)) == (0, 72)


def test_learning_twice_gives_the_same_bytes(learnt, data):
    assert to_bytes(learn(data, "1.0.0", recipe=QUICK).document) == to_bytes(learnt.document)


# How it is chosen and measured.


def test_every_customer_is_tested_once_a_repeat_and_never_on_a_model_that_saw_them():
    churned = np.array([1] * 60 + [0] * 140)

    folds = cross_validation.make_folds(churned, seed=0)

    assert len(folds) == 10
    for repeat in (folds[:5], folds[5:]):
        assert sorted(np.concatenate([test for _, test in repeat]).tolist()) == list(range(200))
    for known, unknown in folds:
        assert set(known) & set(unknown) == set()
        assert churned[unknown].sum() == 12


def test_the_setting_of_an_outer_fold_is_chosen_without_its_test_rows(data):
    frame, churned = data.frame(), np.array(data.labels)
    test = cross_validation.make_folds(churned, 0)[0][1]
    spoilt = frame.copy()
    spoilt.loc[test, ["tenure", "MonthlyCharges", "TotalCharges"]] = [5.0, 1e6, 1e9]

    ours, theirs = (next(cross_validation.estimate(each, churned, 0, QUICK)) for each in (frame, spoilt))

    assert (ours[0].tolist(), ours[1]) == (theirs[0].tolist(), theirs[1])
    (_, honest), (_, expected) = (
        next(predict(each, churned, cross_validation.make_folds(churned, 0)[0], [ours[1]])) for each in (frame, spoilt)
    )
    assert ours[2].tolist() == honest.tolist()
    assert theirs[2].tolist() == expected.tolist()


def test_the_interval_of_paired_differences_is_widened_for_shared_training_rows():
    mean, margin = cross_validation.paired_interval(np.array([1.0, 2.0, 3.0]), test_to_train=0.25)

    # t(0.975, 2) = 4.302653; SD 1; variance times 1/3 + 1/4.
    assert mean == 2.0
    assert margin == pytest.approx(4.302653 * math.sqrt(1 / 3 + 1 / 4), rel=1e-6)


def test_the_simplest_setting_that_is_not_measurably_worse_is_chosen(learnt):
    table = learnt.choice.table
    qualified = [(row["knots"], row["C"]) for row in table if row["qualifies"]]

    assert tuple(learnt.choice.setting) == qualified[0]
    for row in table:
        assert row["qualifies"] == (row["difference"] <= 0.001 and row["low"] <= 0)


def test_many_customers_are_measured_on_a_sample_with_the_same_share_and_fitted_whole(data, monkeypatch):
    monkeypatch.setattr(cross_validation, "MOST_ROWS", 400)

    found = learn(data, "1.0.0", recipe=QUICK)

    assert len(found.measured.labels) == 400
    assert sum(found.measured.labels) == round(400 * sum(data.labels) / 600)
    assert set(found.measured.ids) < set(data.ids)
    assert max(test.max() for _, test in found.choice.folds) == 399
    assert found.document["trained_on"]["rows"] == 600


def test_a_card_says_on_how_many_customers_the_figures_were_measured():
    metrics = json.loads((artifact.folder_of() / "metrics.json").read_text())
    metrics["trained_on"]["rows"] = 500_000

    assert "All of this on 7,043 of the 500,000 customers" in " ".join(to_card(metrics).split())


def test_a_recipe_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(TrainingError, match=r'A recipe must be additive.*, not "alchemy"'):
        recipe_of("alchemy")


@pytest.mark.parametrize(
    ("threshold", "cost"), [(0.1, 1.0), (0.3, (3 * 1 + 0) / 4), (0.5, (2 * 1 + 3) / 4), (0.95, (0 + 6) / 4)]
)
def test_the_cost_counts_contacts_and_churners_missed(threshold, cost):
    churned, probability = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.3, 0.2])

    assert expected_cost(churned, probability, threshold) == cost


def test_the_threshold_of_calibrated_probabilities_is_near_the_theoretical_one():
    generator = np.random.default_rng(0)
    probability = generator.random(200_000)
    churned = (generator.random(200_000) < probability).astype(int)

    found = choose_threshold([(churned, probability)])

    assert found["threshold"] == pytest.approx(1 / 3, abs=0.02)
    assert found["theoretical"] == 0.333333


def test_the_threshold_never_exceeds_a_half_and_ties_contact_fewer():
    churned, probability = np.array([1] * 9 + [0] * 91), np.array([0.9] * 9 + [0.1] * 91)

    found = choose_threshold([(churned, probability)])

    assert found["threshold"] == 0.5
    assert (found["precision"], found["recall"], found["contacted"]) == (1.0, 1.0, 0.09)


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
    assert metrics.expected_calibration_error(churned, probability) == pytest.approx((2 * 0.25 + 0.15) / 4)
    assert [bin["customers"] for bin in metrics.calibration_curve(churned, probability)] == [2, 1, 1]


def test_the_roc_points_are_the_shares_that_reach_each_threshold():
    points = metrics.roc_points(np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1, 0.0]))

    by_threshold = {point["threshold"]: (point["true_positive_rate"], point["false_positive_rate"]) for point in points}
    assert [by_threshold[each] for each in (1.0, 0.9, 0.5, 0.1, 0.0)] == [
        (0, 0),
        (0.5, 0),
        (1, 0.333333),
        (1, 0.666667),
        (1, 1),
    ]
    assert len(points) == 51


def test_perfect_probabilities_show_an_error_too_and_less_with_more_customers():
    few, many = (np.random.default_rng(1).random(count) for count in (100, 10_000))

    errors = [metrics.perfect_calibration_error([each], seed=0, draws=20) for each in (few, many)]

    assert errors[0] > 0.05
    assert errors[1] < 0.02


# The whole.


def test_training_writes_a_whole_artifact_and_makes_the_first_one_the_default(trained):
    root = trained.parent

    assert trained.name == artifact.default_version(root) == "1.0.0"
    assert artifact.load(None, root).score(dict(EXAMPLE)).tier in {"high", "medium", "low"}
    assert (trained / "churn_prediction_model_v1_0.joblib").exists()
    assert list(root.glob(".draft*")) == []
    run = json.loads((trained / "run.json").read_text())
    assert run["greatest_difference"] < 1e-12
    for path in trained.iterdir():
        assert str(root).encode() not in path.read_bytes()


def test_training_again_gives_the_same_files_and_leaves_the_default(trained, data_csv, tmp_path):
    again = train(data_csv, "1.0.0", tmp_path, recipe=QUICK)

    for path in trained.iterdir():
        if path.name != "run.json":
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_version_that_exists_is_refused_before_any_work(trained, tmp_path):
    with pytest.raises(ArtifactError, match=r"Model 1\.0\.0 exists already"):
        train(tmp_path / "absent.csv", "1.0.0", trained.parent)


@pytest.mark.parametrize("place", ["file", "file/models"])
def test_a_place_that_takes_no_model_is_refused_before_any_work(tmp_path, place):
    (tmp_path / "file").touch()

    with pytest.raises(ArtifactError, match=f"No model can be written into .*{place}: Not a directory"):
        train(tmp_path / "absent.csv", "1.0.0", tmp_path / place)


def test_a_version_that_is_none_is_refused_before_any_work(tmp_path):
    with pytest.raises(ArtifactError, match=r"must look like 1\.0\.0"):
        train(tmp_path / "absent.csv", "../1.0.0", tmp_path)


def test_the_next_version_is_the_next_minor(tmp_path, trained):
    assert next_version(tmp_path / "absent") == "1.0.0"
    assert next_version(trained.parent) == "1.1.0"


@pytest.mark.parametrize("moment", ["Reading", "Choosing", "Measuring", "Writing"])
def test_an_interrupted_training_leaves_nothing(data_csv, tmp_path, moment):
    def interrupt(doing: str, share: float) -> None:
        if doing.startswith(moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data_csv, root=tmp_path, progress=interrupt, recipe=replace(QUICK, settings=QUICK.settings[:1]))

    assert list(tmp_path.iterdir()) == []


def test_the_progress_never_goes_back_and_ends_at_one(trained, shares):
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_evaluating_on_the_training_data_says_that_it_flatters(trained, data_csv):
    found = evaluate(data_csv, None, trained.parent)

    assert found.metrics["seen_in_training"]
    assert "the figures flatter it" in found.text
    assert found.metrics["rows"] == 600


def test_evaluating_on_other_data_measures_the_stored_scorecard(scorer):
    found = evaluate(SAMPLE)
    data = read(SAMPLE)

    assert not found.metrics["seen_in_training"]
    assert "flatter" not in found.text
    assert found.metrics["labelled_churn"] == sum(scorer.score(each).label == "churn" for each in data.customers)
    assert f"{found.metrics['roc_auc']:.4f}" in found.text
    assert sum(each["customers"] for each in found.metrics["slices"] if each["feature"] == "Contract") == 120
    json.dumps(found.metrics, allow_nan=False)


def test_evaluating_customers_who_all_stayed_leaves_out_what_cannot_be_said(tmp_path):
    found = evaluate(write(tmp_path, _with_label("No", 30)))

    assert (found.metrics["roc_auc"], found.metrics["recall"]) == (None, None)
    assert "ROC AUC                                  -" in found.text


def test_evaluating_a_header_without_rows_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="has a header and no rows"):
        evaluate(write(tmp_path, []))


def _figure(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "difference": (low + high) / 2, "low": low, "high": high}


def test_the_card_says_where_the_model_stands_among_others():
    metrics = json.loads((ARTIFACTS / "1.0.0" / "metrics.json").read_text())
    models = [
        ("Better", "peer", _figure(0.3, -0.2, -0.1)),
        ("This model", "ours", _figure(0.4, 0.0, 0.0)),
        ("Alike", "peer", _figure(0.41, -0.1, 0.1)),
        ("Worse", "variant", _figure(0.5, 0.05, 0.15)),
    ]
    rows = [{"title": title, "kind": kind, "log_loss": each, "roc_auc": each} for title, kind, each in models]

    card = to_card(metrics, {"folds": 10, "inner_folds": 3, "interval": "95 %", "models": rows})

    said = " ".join(card.split())
    assert "by mean log loss this model is number 2 of 3." in said
    assert "Worse beyond chance: Worse. Better beyond chance: Better." in said
    assert "| Alike | 0.41000 | +0.00000 | -0.10000 to +0.10000 | 0.4100 |" in card
    assert "Beside other models" not in to_card(metrics)


def test_the_stored_peers_were_measured_on_the_folds_of_the_stored_metrics():
    # If a version is trained again: make bench-model.
    metrics = json.loads((ARTIFACTS / "1.0.0" / "metrics.json").read_text())
    peers = json.loads((ARTIFACTS / "1.0.0" / PEERS).read_text())

    (ours,) = (each for each in peers["models"] if each["kind"] == "ours")
    assert peers["folds"] == len(metrics["folds"])
    for name in ("log_loss", "roc_auc", "brier"):
        assert ours[name]["mean"] == metrics["out_of_fold"][name]["mean"]


def test_the_stored_card_is_the_one_made_from_the_stored_metrics():
    for version in artifact.versions():
        metrics = json.loads((ARTIFACTS / version / "metrics.json").read_text())
        beside = ARTIFACTS / version / PEERS
        peers = json.loads(beside.read_text()) if beside.exists() else None

        assert (ARTIFACTS / version / "MODEL_CARD.md").read_text(encoding="utf-8") == to_card(metrics, peers)


def test_shares_of_the_stored_population_add_up_to_all():
    population = json.loads((artifact.folder_of() / "population.json").read_text())

    assert [each["feature"] for each in population["features"]] == list(NAMES)
    for each in [*population["features"], population["probability"]]:
        shares = list(each["words"].values()) if "words" in each else each["shares"]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert "words" in each or len(shares) == len(each["edges"]) + 1
    for segment in population["segments"]:
        assert sum(group["share"] for group in segment["groups"]) == pytest.approx(1, abs=1e-5)
    assert (artifact.folder_of() / "population.json").stat().st_size < 20_000


def test_a_value_on_an_edge_belongs_to_the_bin_above_it(learnt, data):
    months = [customer["tenure"] for customer in data.customers]
    population = describe_population(learnt.probabilities(data.customers), data.customers, data.labels)
    tenure = next(each for each in population["features"] if each["feature"] == "tenure")

    first, second = tenure["edges"][:2]
    assert tenure["shares"][1] == round(sum(first <= month < second for month in months) / 600, 6)


@pytest.mark.skipif(
    not REAL.exists(),
    reason=f"the public data is not at {REAL}; TELCO_CSV names another place",
)
def test_the_public_data_give_the_stored_scorecard_to_the_byte():
    import joblib
    import sklearn

    version = artifact.versions()[0]
    folder = ARTIFACTS / version
    data = read(REAL)

    found = learn(data, version)

    assert to_bytes(found.document) == (folder / "scorecard.json").read_bytes()
    assert (
        to_bytes(describe_population(found.probabilities(data.customers), data.customers, data.labels))
        == (folder / "population.json").read_bytes()
    )
    assert check_exact(found, data, seed=1) < 1e-12
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (found.choice.setting._asdict(), found.threshold) == (metrics["setting"], metrics["threshold"])
    if metrics["trained_with"]["scikit-learn"] == sklearn.__version__:
        stored = joblib.load(folder / joblib_name(version))
        assert points_of(stored) == points_of(found.pipeline)
