"""What `evaluate` reports beyond the plain metrics: intervals, groups, every threshold, and the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from report_pages import check_page
from shipped import SCHEMA, TARGET
from trainings import write_customers

from app.cli.__main__ import churn
from model.errors import TrainingError
from model.training.bootstrap import WeightedMetrics, intervals
from model.training.data import read
from model.training.evaluate import evaluate
from model.training.groups import MIN_CUSTOMERS, GroupRates, spread
from model.training.metrics import compute_metrics
from model.training.reports import evaluation_page, evaluation_text

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(SAMPLE, draws=50)


@pytest.fixture(scope="module")
def html(evaluation) -> str:
    return evaluation_page(evaluation)


@pytest.fixture
def outcomes():
    generator = np.random.default_rng(3)
    probability = np.round(generator.random(400) ** 2, 2)
    return (generator.random(400) < probability).astype(int), probability


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_weights_give_the_metrics_of_the_customers_repeated_as_often(outcomes, seed):
    y_true, y_prob = outcomes
    rows = np.arange(400) if seed is None else np.random.default_rng(seed).integers(400, size=400)

    weighted = WeightedMetrics(y_true, y_prob, 0.3)(np.bincount(rows, minlength=400))

    plain = compute_metrics(y_true[rows], y_prob[rows])
    assert {name: weighted[name] for name in plain} == pytest.approx(plain, abs=1e-6)
    labelled = y_prob[rows] >= 0.3
    assert weighted["precision"] == pytest.approx(y_true[rows][labelled].mean())
    assert weighted["recall"] == pytest.approx(y_true[rows][labelled].sum() / y_true[rows].sum())


def test_an_interval_covers_the_true_value_about_as_often_as_it_claims():
    hits = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        y_prob = generator.random(300)
        y_true = (generator.random(300) < y_prob).astype(int)
        low, high = intervals(WeightedMetrics(y_true, y_prob, 0.5), 300, seed, 120)["brier"]
        # The mean of p (1 - p) over the uniform distribution.
        hits += low <= 1 / 6 <= high

    assert 50 <= hits <= 60


def test_an_interval_is_that_of_the_percentiles_of_the_draws():
    values = np.random.default_rng(2).normal(size=30)
    draws = np.random.default_rng(7).integers(30, size=(200, 30))

    bounds = intervals(lambda weights: {"mean": float(values @ weights / 30)}, 30, seed=7, draws=200)

    assert bounds["mean"] == pytest.approx(np.quantile(values[draws].mean(axis=1), [0.025, 0.975]), abs=1e-6)


def test_a_metric_that_some_draw_does_not_have_has_no_interval():
    bounds = intervals(lambda weights: {"a": float(weights[0]), "b": np.nan if weights[0] else 1.0}, 10, 0, 50)

    assert bounds["a"] is not None
    assert bounds["b"] is None


def test_one_customer_has_intervals_without_width():
    assert intervals(lambda weights: {"a": 2.0 * weights[0], "b": np.nan}, 1, 0, 50) == {"a": [2.0, 2.0], "b": None}


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_customers_are_drawn_for_the_same_seed(seed):
    drawn = [[], []]
    for weights_of_run in drawn:
        intervals(lambda weights, run=weights_of_run: run.append(weights.tolist()) or {"a": 1.0}, 20, seed, 3)

    assert drawn[0] == drawn[1]
    assert all(sum(weights) == 20 for weights in drawn[0])


def test_rates_of_a_group_are_those_of_its_customers():
    data = read(SAMPLE, SCHEMA)
    churned = np.array([1, 0] * 60)
    probability = np.linspace(0, 1, 120)
    senior = np.array([customer["SeniorCitizen"] for customer in data.customers]) == 1

    rates = GroupRates(SCHEMA.by_name["SeniorCitizen"], replace(data, labels=churned), probability).rates(0.6)

    others = ~senior
    assert rates["label_rate"][0] == pytest.approx((probability[others] >= 0.6).mean())
    assert rates["true_positive_rate"][0] == pytest.approx((probability[others & (churned == 1)] >= 0.6).mean())
    assert rates["false_positive_rate"][0] == pytest.approx((probability[others & (churned == 0)] >= 0.6).mean())
    assert rates["calibration_gap"][0] == pytest.approx((probability - churned)[others].mean())


def test_a_rate_over_few_customers_is_not_compared():
    data = read(SAMPLE, SCHEMA)
    churned = np.array([1] * (MIN_CUSTOMERS + 5) + [0] * (120 - MIN_CUSTOMERS - 5))

    rates = GroupRates(SCHEMA.by_name["Contract"], replace(data, labels=churned), np.full(120, 0.5)).rates(0.3)

    assert np.isnan(rates["true_positive_rate"]).any()
    assert np.isnan(spread(np.array([0.3, np.nan])))
    assert spread(np.array([0.3, np.nan, 0.7])) == pytest.approx(0.4)


def test_every_figure_comes_with_its_interval_around_it(evaluation):
    metrics = evaluation

    assert metrics["bootstrap"] == {"draws": 50, "seed": 0, "confidence": 0.95}
    for name in ("roc_auc", "pr_auc", "log_loss", "brier", "top_decile_lift", "precision", "recall"):
        low, high = metrics["intervals"][name]
        assert low <= metrics[name] <= high, name
    assert "95 % interval" in evaluation_text(evaluation)
    assert "the customers resampled 50 times, seed 0" in evaluation_text(evaluation)


def test_groups_of_protected_features_and_segments_are_set_side_by_side_with_their_gaps(evaluation):
    metrics = evaluation

    features = {"SeniorCitizen", "Partner", "Dependents", "Contract", "InternetService", "tenure"}
    assert {row["feature"] for row in metrics["groups"]} == features
    assert {row["feature"] for row in metrics["gaps"]} == features
    assert {row["rate"] for row in metrics["gaps"]} == {
        "label_rate",
        "true_positive_rate",
        "false_positive_rate",
        "calibration_gap",
    }
    shares = {row["group"]: row["label_rate"] for row in metrics["groups"] if row["feature"] == "Partner"}
    gap = next(row for row in metrics["gaps"] if (row["feature"], row["rate"]) == ("Partner", "label_rate"))
    assert gap["gap"] == pytest.approx(abs(shares["Yes"] - shares["No"]), abs=2e-6)


def test_every_threshold_has_its_row_and_finds_fewer_the_higher_it_is(evaluation):
    rows = evaluation["by_threshold"]

    assert [row["threshold"] for row in rows] == [round(step / 50, 2) for step in range(51)]
    assert (rows[0]["contacted"], rows[0]["recall"]) == (1, 1)
    recalls = [row["recall"] for row in rows]
    assert recalls == sorted(recalls, reverse=True)
    assert rows[0]["gaps"]["Partner"]["label_rate"] == 0


def test_the_lift_of_all_customers_is_one(evaluation):
    lift = evaluation["lift"]

    assert (lift[-1]["churners"], lift[-1]["lift"]) == (1, 1)
    assert lift[0]["lift"] == pytest.approx(evaluation["top_decile_lift"], abs=1e-6)


def test_evaluating_twice_gives_the_same_page_to_the_byte(evaluation, html):
    again = evaluate(SAMPLE, draws=50)

    assert again == evaluation
    assert evaluation_page(again) == html


def test_evaluating_on_the_training_data_reports_that_it_flatters(two_versions):
    metrics = evaluate(two_versions.parent / "1.csv", None, two_versions, draws=50)

    assert metrics["seen_in_training"]
    assert "the metrics flatter it" in evaluation_text(metrics)
    assert metrics["rows"] == 300


def test_evaluating_on_other_data_measures_the_stored_scorecard(scorer):
    metrics = evaluate(SAMPLE, draws=10)
    data = read(SAMPLE, SCHEMA)

    assert not metrics["seen_in_training"]
    assert "flatter" not in evaluation_text(metrics)
    assert metrics["labelled_churn"] == sum(scorer.score(row).label == "churn" for row in data.customers)
    assert f"{metrics['roc_auc']:.4f}" in evaluation_text(metrics)
    assert sum(row["customers"] for row in metrics["slices"] if row["feature"] == "Contract") == 120
    json.dumps(metrics, allow_nan=False)


def test_evaluating_customers_who_all_stayed_leaves_out_what_is_undefined(tmp_path):
    metrics = evaluate(write_customers(tmp_path, [{**customer, TARGET: "No"} for customer in invent(1, 30)]), draws=10)

    assert (metrics["roc_auc"], metrics["recall"]) == (None, None)
    assert "ROC AUC                                  -" in evaluation_text(metrics)


def test_evaluating_a_header_without_rows_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="has a header and no rows"):
        evaluate(write_customers(tmp_path, []))


def test_the_page_is_one_file_and_describes_its_plots_in_words(html):
    check_page(html, plots=8)
    assert "120 customers whose outcome is known" in html
    assert "flatter" not in html


def test_the_page_of_customers_who_all_stayed_leaves_out_what_is_undefined(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(to_csv([{**customer, "Churn": "No"} for customer in invent(1, 60)]))

    metrics = evaluate(path, draws=10)

    json.dumps(metrics, allow_nan=False)
    check_page(evaluation_page(metrics), plots=6)


def test_the_command_writes_the_page_and_reports_its_path(tmp_path):
    path = tmp_path / "report.html"

    result = CliRunner().invoke(churn, ["evaluate", "--data", str(SAMPLE), "--report", str(path)])

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Model 1.0.0 on 120 customers")
    assert result.stderr == f"The report: {path}\n"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    result = CliRunner().invoke(churn, ["evaluate", "--data", str(SAMPLE), "--report", str(tmp_path / "no" / "r.html")])

    assert result.exit_code == 1
    assert "no/r.html: No such file or directory." in result.stderr


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desktop", "phone, dark"])
def test_a_browser_draws_the_page_within_its_width_and_asks_for_nothing(html, chromium, tmp_path, width, dark):
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))

    page.goto(path.as_uri())

    assert asked == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("img").count() == 8
    axis = page.locator("svg text").first
    ink = axis.evaluate("element => getComputedStyle(element).fill")
    assert ink == page.evaluate("getComputedStyle(document.body).color")
    context.close()
