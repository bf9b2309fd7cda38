"""`churn drift`: two files compared, and the drift in summaries and logs."""

import json
import math
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from invented import HEADER, invent, to_csv
from other_schema import GOOD, PLAN, POPULATION, write_models
from other_schema import to_csv as shop_csv
from shipped import NAMES

from app.cli.__main__ import churn
from model import artifact
from model.bulk import population
from model.bulk.drift import describe, verdict
from model.bulk.run import Run
from model.engine import load_scorer

DATA = Path(__file__).parents[1] / "data"
CUSTOMERS = invent(seed=11, count=600)


def write(path: Path, customers: list[dict[str, str]]) -> str:
    path.write_text(to_csv(customers, [name for name in HEADER if name != "Churn"]))
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lists")
    moved = [{**customer, "Contract": "Two year"} for customer in CUSTOMERS]
    return {
        "before": write(folder / "before.csv", CUSTOMERS),
        "moved": write(folder / "moved.csv", moved),
        "few": write(folder / "few.csv", CUSTOMERS[:40]),
    }


def drift(*words: str):
    return CliRunner().invoke(churn, ["drift", *words])


def figures(*words: str) -> dict:
    done = drift(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_file_compared_with_itself_has_not_moved(files):
    result = figures(files["before"], files["before"])

    assert [feature["feature"] for feature in result["features"]] == [*NAMES, "probability"]
    assert {feature["psi"] for feature in result["features"]} == {0.0}
    assert {feature["verdict"] for feature in result["features"]} == {"steady"}


def test_what_moved_is_named_with_its_shares(files):
    result = {feature["feature"]: feature for feature in figures(files["before"], files["moved"])["features"]}

    assert result["Contract"]["verdict"] == "changed"
    assert (result["Contract"]["most"]["group"], result["Contract"]["most"]["now"]) == ("Two year", 1.0)
    assert {name for name in NAMES if result[name]["psi"]} == {"Contract"}
    assert result["probability"]["psi"] > 0.1, "the score must feel it"


def test_the_index_is_that_of_the_formula(files):
    (result,) = (
        feature for feature in figures(files["before"], files["moved"])["features"] if feature["feature"] == "Contract"
    )

    words = [customer["Contract"] for customer in CUSTOMERS]
    before = [words.count(word) / 600 for word in ("Month-to-month", "One year", "Two year")]
    now = [0.0001, 0.0001, 1.0]
    assert result["psi"] == pytest.approx(
        sum((a - b) * math.log(a / b) for a, b in zip(now, before, strict=True)), abs=1e-6
    )


def test_chance_shrinks_with_both_lists(files):
    (tenure,) = (
        feature for feature in figures(files["before"], files["few"])["features"] if feature["feature"] == "Contract"
    )

    assert tenure["by_chance"] == pytest.approx(2 * (1 / 600 + 1 / 40), abs=1e-4)


@pytest.mark.parametrize(("before", "new"), [("before", "few"), ("few", "before")])
def test_too_few_customers_on_either_side_give_no_figure(files, before, new):
    result = figures(files[before], files[new])
    text = drift(files[before], files[new]).output

    assert {(feature["psi"], feature["verdict"]) for feature in result["features"]} == {(None, None)}
    assert result["drift_max"] is None
    assert (
        f"Too few customers: {files['few']} has 40 customers, and below 500 on either side an index is mostly chance."
    ) in text
    assert not re.search(r"\d\.\d{4}|steady|moved|changed", text)


def test_too_few_customers_are_no_pass_for_a_script(files):
    done = drift(files["before"], files["few"], "--fail-above", "99")

    assert done.exit_code == 3
    assert "Too few customers" in done.output


@pytest.mark.parametrize("words", [(), ("training",)], ids=["left out", "named"])
def test_the_baseline_may_be_the_training_data(words, files):
    result = figures(*words, files["before"])

    assert result["baseline"] == {"name": "training", "customers": 7043, "rejected": 0}
    assert result["drift_max"] == max(feature["psi"] for feature in result["features"])


def test_a_described_list_has_the_bins_that_training_would_give_it():
    described = json.loads((artifact.folder_of() / population.POPULATION).read_text())

    with (DATA / "sample.csv").open("rb") as file:
        result = describe(Run(file, artifact.load()))

    assert [feature["feature"] for feature in result["features"]] == [
        feature["feature"] for feature in described["features"]
    ]
    for feature, trained in zip(result["features"], described["features"], strict=True):
        assert feature.keys() == trained.keys()
        assert sum(feature.get("shares") or feature["words"].values()) == pytest.approx(1)
        assert len(feature.get("shares", [])) == (len(feature["edges"]) + 1 if "edges" in feature else 0)


def test_rejected_rows_are_counted_and_left_out(files):
    result = figures(files["before"], str(DATA / "bad_numbers.csv"))

    assert result["new"] == {"name": str(DATA / "bad_numbers.csv"), "customers": 1, "rejected": 10}


def test_a_list_without_customers_has_no_index(files):
    result = figures(files["before"], str(DATA / "header_only.csv"))

    assert {feature["psi"] for feature in result["features"]} == {None}
    assert drift(files["before"], str(DATA / "header_only.csv")).exit_code == 0
    assert drift(str(DATA / "header_only.csv"), files["before"]).exit_code == 0


@pytest.mark.parametrize(
    ("new", "above", "code"), [("before", "0.25", 0), ("moved", "0.25", 3), ("moved", "99", 0)], ids=str
)
def test_the_exit_code_is_for_scripts(files, new, above, code):
    assert drift(files["before"], files[new], "--fail-above", above).exit_code == code


def test_a_limit_that_is_no_number_is_refused(files):
    done = drift(files["before"], files["moved"], "--fail-above", "nan")

    assert done.exit_code == 2
    assert "'nan' is no number" in done.output


def test_an_index_that_cannot_be_had_is_no_pass(files):
    assert drift(files["before"], str(DATA / "header_only.csv"), "--fail-above", "1").exit_code == 3


NEW_PRODUCT = [{**customer, "Contract": "Weekly"} for customer in CUSTOMERS[:200]]


def test_rows_of_a_new_product_are_drift_and_its_name_is_given(files, tmp_path):
    new = write(tmp_path / "new.csv", [*CUSTOMERS, *NEW_PRODUCT])

    result = figures(files["before"], new)
    text = drift(files["before"], new).output

    (contract,) = (feature for feature in result["features"] if feature["feature"] == "Contract")
    assert contract["verdict"] == "changed"
    assert contract["most"] == {"group": "(rejected)", "then": 0.0, "now": 0.25}
    # 600 customers as before, and a quarter that none was.
    expected = 0.25 * math.log(0.25 / 0.0001) - 0.25 * math.log(0.75) - 0.0001 * math.log(2500)
    assert contract["psi"] == pytest.approx(expected, abs=1e-5)
    assert result["new_words"] == {"rows": 200, "words": {"Contract": {'"Weekly"': 200}}}
    assert '200 rows were rejected because of words that the model does not know: Contract "Weekly" (200).' in text


def test_rows_of_a_new_product_alone_are_named_where_none_is_left_to_compare(files, tmp_path):
    text = drift(files["before"], write(tmp_path / "new.csv", NEW_PRODUCT)).output

    assert "has 0 customers" in text
    assert 'Contract "Weekly" (200)' in text
    assert "steady" not in text


def test_a_summary_counts_and_names_the_words_of_a_new_product(tmp_path):
    with Path(write(tmp_path / "new.csv", [*CUSTOMERS, *NEW_PRODUCT])).open("rb") as file:
        run = Run(file, artifact.load("1.0.0"))
        list(run)

    summary = run.summary()
    assert summary["drift"]["Contract"] > 0.25
    assert summary["notes"] == [
        '200 rows were rejected because of words that the model does not know: Contract "Weekly" (200).'
    ]


def test_a_file_with_rejected_rows_compared_with_itself_has_not_moved(files, tmp_path):
    new = write(tmp_path / "new.csv", [*CUSTOMERS, *NEW_PRODUCT])

    assert {feature["psi"] for feature in figures(new, new)["features"]} == {0.0}


def test_totals_below_the_customers_are_no_drift(files, tmp_path):
    blank = dict.fromkeys(CUSTOMERS[0], "")
    new = write(tmp_path / "new.csv", [*CUSTOMERS, *[{**blank, "customerID": "Total"}] * 50])

    assert {feature["psi"] for feature in figures(files["before"], new)["features"]} == {0.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["empty.csv"], "empty.csv: The file is empty.", id="empty"),
        pytest.param(["missing_columns.csv", "good.csv"], "missing_columns.csv: The header lacks", id="baseline"),
        pytest.param(["good.csv", "good.csv", "good.csv"], "Give one file, or two: BASELINE NEW.", id="three"),
        pytest.param(["absent.csv"], "absent.csv: No such file or directory.", id="absent"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(words, message):
    done = drift(*(str(DATA / word) for word in words))

    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize(
    ("psi", "word"), [(0.0, "steady"), (0.0999, "steady"), (0.1, "moved"), (0.2499, "moved"), (0.25, "changed")]
)
def test_the_verdicts_have_the_bounds_of_the_page(psi, word):
    assert verdict(psi) == word


def test_a_file_that_is_large_enough_has_its_largest_drift():
    summary = {"rows_scored": 500, "drift": {"tenure": 0.2, "Contract": 0.31, "probability": 0.1}}

    assert population.largest_drift(summary) == {"score_psi": 0.1, "drift_max": 0.31, "drift_feature": "Contract"}


@pytest.mark.parametrize(
    "summary",
    [{"rows_scored": 499, "drift": {"tenure": 9.0, "probability": 9.0}}, {"rows_scored": 9999, "drift": {}}],
    ids=["small", "made up"],
)
def test_a_small_file_and_a_made_up_model_have_none(summary):
    assert population.largest_drift(summary) == {}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("shop") / "models")


def shoppers(new: int, count: int, folder: Path) -> str:
    """Write `count` customers, `new` of them with a product that the model does not know."""
    rows = [{**GOOD.row, PLAN: "Brand new" if number < new else "Standard"} for number in range(count)]
    path = folder / "shoppers.csv"
    path.write_bytes(shop_csv(rows))
    return str(path)


@pytest.mark.parametrize(("new", "count", "share"), [(200, 200, "100.0%"), (148, 200, "74.0%"), (600, 1000, "60.0%")])
def test_a_new_product_that_is_accepted_as_another_word_is_named(shop, tmp_path, new, count, share):
    path = shoppers(new, count, tmp_path)
    then = next(entry["other"] for entry in POPULATION["features"] if entry["feature"] == PLAN)
    sentence = f"{PLAN} has rare or new words in {share} of the rows, {then:.1%} in the training data."

    text = drift(path, "--models", str(shop)).output
    with Path(path).open("rb") as file:
        run = Run(file, load_scorer(models=str(shop)))
        list(run)

    assert sentence in text
    assert sentence in run.summary()["notes"]
    assert not re.search(rf"^{re.escape(PLAN)}.*steady", text, re.MULTILINE)


@pytest.mark.parametrize(("new", "count"), [(0, 200), (8, 12), (3, 200)])
def test_as_many_other_words_as_chance_gives_are_not_named(shop, tmp_path, new, count):
    assert f"{PLAN} has rare or new words" not in drift(shoppers(new, count, tmp_path), "--models", str(shop)).output
