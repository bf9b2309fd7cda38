"""What `evaluate` says beyond the plain figures: how sure they are, groups, every threshold, and the page."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from model.training.report import to_page

from app.cli.__main__ import churn
from model.training import metrics
from model.training.bootstrap import Sample, draws, interval, intervals
from model.training.data import read
from model.training.evaluate import evaluate
from model.training.groups import LEAST, Groups, spread

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


@pytest.fixture(scope="module")
def found():
    return evaluate(SAMPLE, number=50)


@pytest.fixture
def outcomes():
    generator = np.random.default_rng(3)
    probability = np.round(generator.random(400) ** 2, 2)
    return (generator.random(400) < probability).astype(int), probability


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_draw_is_measured_as_its_customers_written_out_would_be(outcomes, seed):
    churned, probability = outcomes
    weights = np.ones(400, dtype=int) if seed is None else next(draws(400, seed))
    places = np.repeat(np.arange(400), weights)

    found = Sample(churned, probability, 0.3).figures(weights)

    plain = metrics.compute_metrics(churned[places], probability[places])
    assert {name: found[name] for name in plain} == pytest.approx(plain, abs=1e-6)
    labelled = probability[places] >= 0.3
    assert found["precision"] == pytest.approx(churned[places][labelled].mean())
    assert found["recall"] == pytest.approx(churned[places][labelled].sum() / churned[places].sum())


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        probability = generator.random(300)
        churned = (generator.random(300) < probability).astype(int)
        sample = Sample(churned, probability, 0.5)
        low, high = intervals([sample.figures(weights) for weights in draws(300, seed, 120)])["brier"]
        # The mean of p (1 - p) over the uniform distribution.
        hits += low <= 1 / 6 <= high

    assert 50 <= hits <= 60


def test_a_figure_that_some_draw_cannot_tell_has_no_interval():
    assert interval(np.array([0.1, np.nan])) is None


def test_the_same_customers_are_drawn_for_the_same_seed():
    assert [each.tolist() for each in draws(20, 7, 3)] == [each.tolist() for each in draws(20, 7, 3)]
    assert all(each.sum() == 20 for each in draws(20, 7, 3))


def test_rates_of_a_group_are_those_of_its_customers():
    customers = read(SAMPLE).customers
    churned = np.array([1, 0] * 60)
    probability = np.linspace(0, 1, 120)
    senior = np.array([customer["SeniorCitizen"] for customer in customers]) == 1

    rates = Groups("SeniorCitizen", customers, churned, probability).rates(0.6)

    others = ~senior
    assert rates["label_rate"][0] == pytest.approx((probability[others] >= 0.6).mean())
    assert rates["true_positive_rate"][0] == pytest.approx((probability[others & (churned == 1)] >= 0.6).mean())
    assert rates["false_positive_rate"][0] == pytest.approx((probability[others & (churned == 0)] >= 0.6).mean())
    assert rates["calibration_gap"][0] == pytest.approx((probability - churned)[others].mean())


def test_a_rate_over_few_customers_is_not_compared():
    customers = read(SAMPLE).customers
    churned = np.array([1] * (LEAST + 5) + [0] * (120 - LEAST - 5))

    rates = Groups("Contract", customers, churned, np.full(120, 0.5)).rates(0.3)

    assert np.isnan(rates["true_positive_rate"]).any()
    assert np.isnan(spread(np.array([0.3, np.nan])))
    assert spread(np.array([0.3, np.nan, 0.7])) == pytest.approx(0.4)


def test_every_figure_comes_with_its_interval_around_it(found):
    metrics = found.metrics

    assert metrics["bootstrap"] == {"draws": 50, "seed": 0, "confidence": 0.95}
    for name in ("roc_auc", "pr_auc", "log_loss", "brier", "top_decile_lift", "precision", "recall"):
        low, high = metrics["intervals"][name]
        assert low <= metrics[name] <= high, name
    assert "95 % interval" in found.text
    assert "the customers drawn anew 50 times, seed 0" in found.text


def test_groups_of_five_features_are_set_side_by_side_with_their_gaps(found):
    metrics = found.metrics

    features = {"SeniorCitizen", "Partner", "Dependents", "Contract", "tenure"}
    assert {each["feature"] for each in metrics["groups"]} == features
    assert {each["feature"] for each in metrics["gaps"]} == features
    assert {each["rate"] for each in metrics["gaps"]} == {
        "label_rate",
        "true_positive_rate",
        "false_positive_rate",
        "calibration_gap",
    }
    shares = {each["group"]: each["label_rate"] for each in metrics["groups"] if each["feature"] == "Partner"}
    gap = next(each for each in metrics["gaps"] if (each["feature"], each["rate"]) == ("Partner", "label_rate"))
    assert gap["gap"] == pytest.approx(abs(shares["Yes"] - shares["No"]), abs=2e-6)


def test_every_threshold_has_its_row_and_finds_fewer_the_higher_it_is(found):
    rows = found.metrics["by_threshold"]

    assert [each["threshold"] for each in rows] == [round(step / 50, 2) for step in range(51)]
    assert (rows[0]["contacted"], rows[0]["recall"]) == (1, 1)
    recalls = [each["recall"] for each in rows]
    assert recalls == sorted(recalls, reverse=True)
    assert rows[0]["gaps"]["Partner"]["label_rate"] == 0


def test_the_lift_of_all_customers_is_one(found):
    lift = found.metrics["lift"]

    assert (lift[-1]["churners"], lift[-1]["lift"]) == (1, 1)
    assert lift[0]["lift"] == pytest.approx(found.metrics["top_decile_lift"], abs=1e-6)


def test_evaluating_twice_gives_the_same_page_to_the_byte(found):
    again = evaluate(SAMPLE, number=50)

    assert again == found
    assert to_page(again.metrics) == to_page(found.metrics)


class Reader(HTMLParser):
    """Collects what a page points at, and whether its elements close in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open, self.links, self.ids, self.labels = [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[name] for name in ("src", "href", "xlink:href") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        self.labels += [values["aria-label"]] if values.get("role") == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(page: str, plots: int) -> None:
    """Hold a page to what a report promises: whole, by itself, with words for those who do not see the plots."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert all(link.startswith("#") for link in reader.links), reader.links
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert re.findall(r"<(?:script|img|link|iframe)\b", page) == []
    assert len(reader.labels) == plots
    assert all(len(label) > 20 for label in reader.labels)
    assert "#010203" not in page, "ink that does not change with the page"


def test_the_page_stands_by_itself_and_says_in_words_what_it_shows(found):
    page = to_page(found.metrics)

    check_page(page, plots=8)
    assert "120 customers whose outcome is known" in page
    assert "flatter" not in page


def test_the_page_of_customers_who_all_stayed_leaves_out_what_cannot_be_said(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(to_csv([{**customer, "Churn": "No"} for customer in invent(1, 60)]))

    metrics = evaluate(path, number=10).metrics

    json.dumps(metrics, allow_nan=False)
    check_page(to_page(metrics), plots=6)


def test_the_command_writes_the_page_and_says_where(tmp_path):
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


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk", "phone, dark"])
def test_a_browser_draws_the_page_within_its_width_and_asks_for_nothing(found, chromium, tmp_path, width, dark):
    path = tmp_path / "page.html"
    path.write_text(to_page(found.metrics), encoding="utf-8")
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
