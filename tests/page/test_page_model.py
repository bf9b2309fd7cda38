"""The view "Model": what the API states of it, in words, charts and tables. In a real Chromium at a real server."""

import itertools
import json
import re
import shutil
import urllib.request

import pytest
from browser import serving, violations
from playwright.sync_api import expect
from shipped import NAMES

from model import artifact
from model.bulk.population import LEAST_CUSTOMERS
from model.model_info import model_info
from model.training.recalibrate import recalibrate

SUMMARY = {
    "rows_scored": 1200,
    "drift": {**dict.fromkeys(NAMES, 0.01), "tenure": 0.31, "Contract": 0.15, "Partner": None, "probability": 0.02},
}
CHART = "figure canvas"


@pytest.fixture
def model(served) -> dict:
    with urllib.request.urlopen(f"{served}/v2/model") as answer:
        return json.load(answer)


@pytest.fixture
def view(open_page):
    page = open_page("#model")
    expect(page.locator("#model-terms figure")).to_have_count(len(NAMES))
    page.wait_for_load_state("networkidle")
    return page


def painted(page, selector: str) -> list[int]:
    """Return how many pixels of each canvas have a colour."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let place = 3; place < data.length; place += 4) count += data[place] > 0;
            return count;
        })""",
        selector,
    )


def test_it_names_the_model_and_its_training_data(view, model):
    facts = view.locator("#model-facts")

    expect(facts).to_contain_text(model["version"])
    expect(facts).to_contain_text("7,043 customers, 1,869 of them left")
    expect(facts).to_contain_text(model["sha256"])


def test_it_shows_how_good_the_model_is_with_its_spread(view):
    words = view.locator("#model-quality li")

    expect(words.nth(0)).to_contain_text("84.6% ± 1.2%")
    expect(words.nth(1)).to_contain_text("2.8 times")
    expect(words.nth(2)).to_contain_text("2.2 ± 0.7 points")
    expect(words.nth(3)).to_contain_text("73.5%")
    expect(view.locator("#model-threshold-reason")).to_contain_text(
        "A customer with a risk of at least 33% is predicted to churn."
    )


def test_the_figures_for_analysts_are_those_of_the_api(view, model):
    row = view.get_by_role("row").filter(has_text="Ranking (ROC AUC)")

    auc = model["metrics"]["out_of_fold"]["roc_auc"]
    expect(row).to_contain_text(f"{auc['mean']:.4f}")
    expect(row).to_contain_text(f"{auc['sd']:.4f}")


def test_every_chart_is_drawn_has_a_name_and_its_values_as_a_table(view, model):
    charts = view.locator(CHART)

    expect(charts).to_have_count(2 + len(NAMES))
    assert min(painted(view, CHART)) > 500
    for position in range(2 + len(NAMES)):
        expect(charts.nth(position)).to_have_attribute("role", "img")
        expect(charts.nth(position)).to_have_accessible_name(re.compile(r"\. The values are in the table below\.$"))
    view.locator("#model-calibration-title ~ figure summary").click()
    expect(view.locator("#model-calibration-title ~ figure tbody tr")).to_have_count(
        len(model["metrics"]["calibration"])
    )
    names = view.locator("#model-terms h3").all_text_contents()
    assert {"Tenure", "Senior citizen", "Payment method"} < set(names)


def test_the_charts_take_the_colours_of_the_dark(view):
    has_colour = """colour => {
        const chart = document.querySelector('#model-terms canvas');
        const copy = new OffscreenCanvas(chart.width, chart.height).getContext('2d', {willReadFrequently: true});
        copy.drawImage(chart, 0, 0);
        const data = copy.getImageData(0, 0, chart.width, chart.height).data;
        for (let place = 0; place < data.length; place += 4)
            if (data.slice(place, place + 3).join() === colour) return true;
        return false;
    }"""
    view.wait_for_function(has_colour, arg="43,74,203")

    view.emulate_media(color_scheme="dark")

    view.wait_for_function(has_colour, arg="157,178,255")


@pytest.mark.parametrize("width", [1280, 3840])
def test_the_letters_of_a_chart_grow_with_the_others(open_page, width):
    view = open_page("#model", width=width, height=2160)
    view.locator("#model-terms canvas").first.wait_for()

    help_px = view.locator("#model-calibration-title ~ .help").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    chart_px = view.locator("#model-calibration-title ~ figure canvas").evaluate(
        "e => Chart.getChart(e).options.font.size"
    )

    assert chart_px == pytest.approx(help_px * 0.75 / 0.875)


def test_without_a_list_it_links_to_scoring_one_and_then_compares_it(view):
    drift = view.locator("#model-drift")
    expect(drift.get_by_role("link", name="Score a list")).to_be_visible()

    view.evaluate("summary => import('/static/page/model.js').then(model => model.showDrift(summary))", SUMMARY)

    expect(drift).to_contain_text("Not entirely. 2 of 11 differ")
    rows = drift.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Tenure")
    expect(rows.nth(0)).to_contain_text("very different")
    expect(rows.nth(1)).to_contain_text("somewhat different")
    expect(rows.filter(has_text="Partner")).to_contain_text("not known")
    assert violations(view) == []


def test_a_list_like_the_training_data_is_called_so(view):
    summary = {"rows_scored": 7043, "drift": dict.fromkeys([*NAMES, "probability"], 0.0)}

    view.evaluate("summary => import('/static/page/model.js').then(model => model.showDrift(summary))", summary)

    expect(view.locator("#model-drift")).to_contain_text("Yes. The 7,043 customers of the list")

    summary["drift"]["tenure"] = 0.11
    view.evaluate("summary => import('/static/page/model.js').then(model => model.showDrift(summary))", summary)

    expect(view.locator("#model-drift")).to_contain_text("Not entirely. 1 of 11 differs:")


def test_a_list_that_is_too_short_is_not_compared(view):
    summary = {"rows_scored": LEAST_CUSTOMERS - 1, "drift": dict.fromkeys([*NAMES, "probability"], 3.0)}
    show = "summary => import('/static/page/model.js').then(model => model.showDrift(summary))"

    view.evaluate(show, summary)
    expect(view.locator("#model-drift")).to_have_text(
        "The last list has 499 scored customers: too few to compare. At least 500 are needed."
    )
    view.evaluate(show, {**summary, "rows_scored": LEAST_CUSTOMERS})
    expect(view.locator("#model-drift")).to_contain_text("Not entirely. 11 of 11 differ")


def test_the_model_card_reads_as_text(view):
    view.get_by_text("Model card: intended use").click()
    card = view.locator("#model-card")

    expect(card.get_by_role("heading", name="Limits")).to_be_visible()
    assert not [mark for mark in ("**", "##", "| ", "---", "`") if mark in card.inner_text()]
    assert card.locator("table").count() >= 5
    assert violations(view) == []


def test_it_shows_an_error_when_the_model_cannot_be_loaded_and_tries_again(open_page):
    page = open_page()
    page.route("**/v2/model", lambda route: route.abort())
    page.get_by_role("link", name="Model").click()
    expect(page.locator("#model-problem")).to_contain_text("The service does not respond")

    page.unroute("**/v2/model")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator("#model-facts")).to_contain_text("Version")
    expect(page.locator("#model-problem")).to_be_empty()


def test_all_of_it_can_be_read_by_keyboard(view):
    view.get_by_role("heading", level=1).focus()
    reached = []
    for _ in range(80):
        view.keyboard.press("Tab")
        result = view.evaluate(
            """() => {
                const element = document.activeElement;
                const holder = element.closest("section section, section, details.card");
                return [element.tagName, element.innerText, element.getAttribute("aria-label") ?? ""];
            }"""
        )
        reached.append(result)
        if result[0] == "SUMMARY":
            view.keyboard.press("Enter")
            expect(view.locator("details:focus-within")).to_have_attribute("open", "")
        if result[1].startswith("Model card"):
            break

    opened = [text for tag, text, _ in reached if tag == "SUMMARY"]
    # Each chart, and the card.
    assert opened == ["Show the values as a table"] * (2 + len(NAMES)) + [opened[-1]]
    assert "The cost of each policy" in [label for *_, label in reached]
    assert view.locator("figure table:visible").count() == 2 + len(NAMES)
    expect(view.locator("#model-card h3").first).to_be_visible()


def test_the_labels_of_many_words_do_not_overlap(open_page, model):
    words = {f"Family and friends {number}": number / 10 - 1 for number in range(30)}
    page = open_page()
    page.route(
        "**/v2/model", lambda route: route.fulfill(json={**model, "terms": [{"feature": "Contract", "table": words}]})
    )
    page.get_by_role("link", name="Model").click()

    chart = page.locator("#model-terms canvas")
    expect(page.locator("#model-terms figure")).to_contain_text("The 12 of 30 words with the largest effect.")
    # From one label to the next, and the height of their letters.
    chart = page.locator("#model-terms canvas")
    step, letters = chart.evaluate(
        "canvas => (({scales: {y}, options}) => [y.getPixelForValue(1) - y.getPixelForValue(0), options.font.size])"
        "(Chart.getChart(canvas))"
    )
    assert chart.evaluate("canvas => Chart.getChart(canvas).data.labels.length") == 12
    assert step > letters


def test_a_model_without_figures_and_terms_has_what_there_is(open_page, model):
    known = {name: model[name] for name in ("version", "sha256", "threshold", "tiers")}
    page = open_page()
    page.route("**/v2/model", lambda route: route.fulfill(json=known))
    page.get_by_role("link", name="Model").click()

    expect(page.locator("#model-facts")).to_contain_text(model["version"])
    expect(page.locator("#model-terms")).to_contain_text("no terms that could be drawn")
    expect(page.get_by_role("heading", name="How good it is")).to_be_hidden()


def test_the_card_comes_with_the_answer(client, scorer):
    card = (artifact.folder_of(scorer.version) / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert client.get("/v2/model").json["card"] == model_info(scorer)["card"] == card


def test_a_model_of_trees_is_shown_without_charts_of_parts(boosted_models, open_page):
    with serving(CHURN_MODELS=str(boosted_models), CHURN_MODEL_VERSION="2.0.0", CHURN_ENGINE="pipeline") as address:
        view = open_page("#model", address=address)

        expect(view.locator("#model-terms")).to_have_text(
            "This kind of model has no terms that could be drawn one by one."
        )
        expect(view.get_by_text("The parts add up exactly")).to_be_hidden()
        expect(view.locator("#model-facts")).to_contain_text("boosting")


@pytest.fixture(scope="module")
def recalibrated(tmp_path_factory) -> str:
    """The address of a server with the shipped model at another churn rate."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(artifact.folder_of("1.0.0"), models / "1.0.0")
    recalibrate("1.0.0", "2.0.0", models, rate=0.02)
    with serving(CHURN_MODELS=str(models), CHURN_MODEL_VERSION="2.0.0") as address:
        yield address


def test_a_recalibrated_model_states_so_and_states_only_what_still_holds(open_page, recalibrated):
    view = open_page("#model", address=recalibrated)
    expect(view.locator("#model-terms figure")).to_have_count(len(NAMES))

    expect(view.locator("#model-facts")).to_contain_text("Recalibratedfrom 1.0.0 to a rate of 2%")
    expect(view.locator("#model-quality li")).to_have_count(2)
    expect(view.locator("#model-threshold-reason")).to_contain_text("at least 4% is predicted to churn. That is where")
    expect(view.locator("#model-costs")).to_be_hidden()
    expect(view.locator("#model-calibration-title")).to_be_hidden()
    expect(view.locator("#model-metrics tbody tr")).to_have_count(3)
    text = view.locator("body").inner_text()
    assert not [word for word in ("undefined", "NaN", "null") if word in text]
    assert violations(view) == []


def test_the_tiers_of_a_low_churn_rate_have_a_legend(open_page, recalibrated):
    labels = open_page("", address=recalibrated).locator("#risk-tier-labels span")
    expect(labels).to_have_text(["low", "medium", "high"])

    boxes = [labels.nth(number).bounding_box() for number in range(3)]

    assert all(left["x"] + left["width"] < right["x"] for left, right in itertools.pairwise(boxes))
