"""Training on columns of one's own: missing values, rare and new words, directions, few leavers."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from trainings import quick_recipe

from app.cli.__main__ import churn
from model import artifact
from model.actions import ActionsError, load_of
from model.default_columns import default_columns
from model.engine import load_scorer
from model.errors import TrainingError
from model.schema import OTHER
from model.schema_toml import parse_toml
from model.training.boosting import Setting
from model.training.checks import check
from model.training.data import read
from model.training.recipes import BOOSTING, SPLINE
from model.training.train import train

pytestmark = pytest.mark.usefixtures("one_blas_thread")

TOML = """
id = "client no"
target = "gone?"
positive = "gone"
segments = ["plan", "age"]
horizon = "within a month"

[[features]]
name = "plan"
kind = "category"
values = ["basic", "Café & Co, large", "family"]
missing = "accept"
other = "accept"

[[features]]
name = "renew"
kind = "flag"
values = ["no", "yes"]
protected = true

[[features]]
name = "grade"
kind = "category"
values = [1, 2, 3]
other = "accept"

[[features]]
name = "data used"
kind = "number"
minimum = 0
maximum = 1000000000
whole = true
missing = "accept"

[[features]]
name = "age"
kind = "number"
minimum = 18
maximum = 120
"""
SCHEMA = parse_toml(TOML, "schema.toml")
ROWS = 800
PLANS = ("basic", "Café & Co, large", "family", "", "old", "new")


def cells(seed: int = 0, rows: int = ROWS, base: float = -1.0) -> list[dict[str, str]]:
    """Customers whose risk falls with age, rises where the use of data is not known, and depends on the plan."""
    generator = np.random.default_rng(seed)
    plans = generator.choice(6, rows, p=[0.4, 0.2, 0.2, 0.1, 0.08, 0.02])
    ages = generator.integers(18, 80, rows)
    used = generator.integers(0, 1_000_000, rows)
    is_known = generator.random(rows) < 0.8
    grades = generator.integers(1, 5, rows)
    log_odds = base - 0.06 * (ages - 45) + np.where(is_known, 0, 1.5) + np.array([0, 1, -1, 0.5, 1, 1])[plans]
    left = generator.random(rows) < 1 / (1 + np.exp(-log_odds))
    return [
        {
            "client no": f"{row:04}",
            "plan": PLANS[plans[row]],
            "renew": ("no", "yes")[row % 2],
            "grade": str(grades[row]),
            "data used": str(used[row]) if is_known[row] else "",
            "age": str(ages[row]),
            "gone?": "gone" if left[row] else "here",
        }
        for row in range(rows)
    ]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def data_csv(tmp_path_factory):
    return write(tmp_path_factory.mktemp("own") / "customers.csv", cells())


@pytest.fixture(scope="module")
def folder(data_csv):
    """A version trained on them."""
    return train(data_csv, "1.0.0", data_csv.parent / "models", recipes=[quick_recipe()], schema=SCHEMA)


def test_the_word_of_those_who_stayed_is_the_other_one_of_a_file_of_two(data_csv):
    data = read(data_csv, SCHEMA)

    assert data.schema.target.negative == "here"
    assert data.churners == sum(row["gone?"] == "gone" for row in cells())


def test_a_third_word_leaves_that_open(tmp_path):
    rows = cells(rows=10)
    rows[3]["gone?"] = "perhaps"

    with pytest.raises(TrainingError, match='gone\\? must be "gone" or "No", not'):
        read(write(tmp_path / "customers.csv", rows), SCHEMA)


def test_words_that_the_schema_does_not_list_are_read_as_other(data_csv):
    customers = read(data_csv, SCHEMA).customers

    for row, customer in zip(cells(), customers, strict=True):
        wanted = {"": None, "old": OTHER, "new": OTHER}.get(row["plan"], row["plan"])
        assert customer["plan"] == wanted
        assert customer["grade"] == (OTHER if row["grade"] == "4" else int(row["grade"]))
        assert customer["data used"] == (int(row["data used"]) if row["data used"] else None)


def test_the_artifact_holds_the_schema_and_no_actions(folder):
    scorer = load_scorer("1.0.0", models=str(folder.parent))

    assert scorer.schema.target.negative == "here"
    assert scorer.schema.features == SCHEMA.features
    assert "actions.csv" not in artifact.names(folder)
    assert load_of(scorer) == ()


def test_scorecard_and_pipeline_agree_on_missing_and_other_values(folder, data_csv):
    customers = read(data_csv, SCHEMA).customers
    customers += [{**customers[0], "plan": None, "grade": OTHER, "data used": None, "age": 120.0}]

    scores = [
        load_scorer("1.0.0", engine, models=str(folder.parent)).score_all(customers)
        for engine in ("scorecard", "pipeline")
    ]

    differences = [abs(first.log_odds - second.log_odds) for first, second in zip(*scores, strict=True)]
    assert max(differences) < 1e-12


def test_a_missing_value_has_points_of_its_own(folder):
    terms = {term.feature: term for term in artifact.load("1.0.0", folder.parent).terms}

    assert terms["data used"].missing > max(terms["data used"].points)
    assert terms["plan"].points[None] != terms["plan"].points[OTHER]


def test_the_population_counts_missing_and_other_values(folder):
    population = json.loads((folder / "population.json").read_text())
    plan, _, grade, used, _ = population["features"]
    rows = cells()

    assert plan["missing"] == sum(row["plan"] == "" for row in rows) / ROWS
    assert plan["other"] == pytest.approx(sum(row["plan"] in ("old", "new") for row in rows) / ROWS, abs=1e-6)
    assert "missing" not in grade
    assert used["missing"] == pytest.approx(sum(row["data used"] == "" for row in rows) / ROWS, abs=1e-6)
    for shares in ([*plan["words"].values(), plan["other"], plan["missing"]], [*used["shares"], used["missing"]]):
        assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_segments_without_bounds_are_quarters(folder):
    _, age = json.loads((folder / "population.json").read_text())["segments"]

    assert [group["share"] for group in age["groups"]] == pytest.approx([0.25] * 4, abs=0.03)
    assert age["groups"][0]["from"] == 18
    assert age["groups"][-1]["label"].endswith(" and more")


def test_the_card_names_the_protected_features_and_the_horizon(folder):
    card = " ".join((folder / "MODEL_CARD.md").read_text().split())

    assert "from five features, and the reasons for it. The outcome is the column gone?. What it refers to:" in card
    assert "What it refers to: within a month." in card
    assert "The schema marks renew as protected" in card
    assert "directions" not in json.loads((folder / "metrics.json").read_text())


def directed(direction: str):
    age = replace(SCHEMA.features[-1], direction=direction)
    return replace(SCHEMA, features=(*SCHEMA.features[:-1], age))


@pytest.mark.parametrize(("direction", "count"), [("rises", 1), ("falls", 0)])
def test_training_reports_when_a_direction_costs_accuracy(data_csv, tmp_path, direction, count):
    sentences: list[str] = []

    folder = train(
        data_csv, "1.0.0", tmp_path, recipes=[quick_recipe()], schema=directed(direction), warn=sentences.append
    )

    warnings = [sentence for sentence in sentences if "costs accuracy beyond chance" in sentence]
    assert len(warnings) == count
    if count:
        assert warnings[0].startswith("The direction of age (rises) costs accuracy beyond chance: log loss ")
        assert "directions cost accuracy beyond chance, that of age" in " ".join(
            (folder / "MODEL_CARD.md").read_text().split()
        )


def test_one_leaver_in_a_hundred_leaves_customers_at_high_risk(tmp_path):
    path = write(tmp_path / "customers.csv", cells(rows=6000, base=-5.6))
    data = read(path, SCHEMA)
    assert 0.005 < data.churners / data.rows < 0.02

    train(path, "1.0.0", tmp_path / "models", recipes=[quick_recipe(settings=1)], schema=SCHEMA)

    scorer = load_scorer("1.0.0", models=str(tmp_path / "models"))
    scores = scorer.score_all(data.customers)
    assert sum(score.tier == "high" for score in scores) > 60
    assert sum(score.label == "churn" for score in scores) > 60


def test_a_table_of_actions_comes_with_the_model(data_csv, tmp_path):
    path = tmp_path / "actions.csv"
    path.write_text("feature,from,to,suggestion\nplan,basic,family,Offer the family plan.\n")
    root = tmp_path / "models"

    train(data_csv, "1.0.0", root, recipes=[quick_recipe(settings=1)], schema=SCHEMA, actions=path)

    (action,) = load_of(load_scorer("1.0.0", models=str(root)))
    assert action.suggestion == "Offer the family plan."


def test_actions_that_do_not_fit_the_schema_are_refused_before_any_work(data_csv, tmp_path):
    path = tmp_path / "actions.csv"
    path.write_text("feature,from,to,suggestion\ncontract,,two years,Offer a contract.\n")

    with pytest.raises(ActionsError, match="names 'contract', which is no feature"):
        train(data_csv, "1.0.0", tmp_path / "models", schema=SCHEMA, actions=path)

    assert not (tmp_path / "models").exists()


def test_trees_are_trained_on_missing_and_other_values(data_csv, tmp_path):
    pytest.importorskip("shap", reason="shap has no wheels for this machine")
    quick = replace(BOOSTING, settings=(Setting(3, 20),), repeats=1)

    train(data_csv, "1.0.0", tmp_path, recipes=[quick], schema=SCHEMA)

    scorer = load_scorer("1.0.0", "pipeline", models=str(tmp_path))
    customer = {**read(data_csv, SCHEMA).customers[0], "data used": None, "plan": None, "grade": OTHER}
    total = scorer.baseline + sum(scorer.contributions(customer))
    assert total == pytest.approx(scorer.score(customer).log_odds, abs=1e-9)


def test_rare_words_share_their_points(tmp_path):
    rows = cells()
    for index, row in enumerate(rows):
        if row["plan"] in ("family", "old", "new"):
            row["plan"] = "basic"
        if index < 6:
            row["plan"] = ("family", "old")[index % 2]
    path = write(tmp_path / "customers.csv", rows)

    train(path, "1.0.0", tmp_path / "models", recipes=[quick_recipe(settings=1)], schema=SCHEMA)

    points = artifact.load("1.0.0", tmp_path / "models").terms[0].points
    assert points["family"] == points[OTHER]
    assert len(set(points.values())) == 4


def test_duplicates_and_leaks_are_named_in_the_words_of_the_schema(tmp_path):
    rows = cells()
    rows[5]["client no"] = rows[4]["client no"]
    twice = write(tmp_path / "twice.csv", rows)
    with pytest.raises(TrainingError, match='client no "0004" is in row 5 and again in row 6'):
        check(read(twice, SCHEMA), twice)

    rows = cells()
    for row in rows:
        row["data used"] = "" if row["gone?"] == "gone" else "7"
    rows[0]["data used"] = "8"
    leak = write(tmp_path / "leak.csv", rows)
    with pytest.raises(TrainingError, match="data used alone predicts who churned"):
        check(read(leak, SCHEMA), leak)


def test_a_wide_schema_is_measured_with_fewer_settings():
    many = replace(SCHEMA, features=tuple(replace(SCHEMA.features[-1], name=f"n{index}") for index in range(40)))

    assert SPLINE.adapted_to(SCHEMA) is SPLINE
    assert len(SPLINE.adapted_to(many).settings) < len(SPLINE.settings)
    assert SPLINE.adapted_to(many).repeats == 1


def test_the_command_trains_by_a_schema_file(data_csv, tmp_path):
    (tmp_path / "schema.toml").write_text(TOML, encoding="utf-8")
    result = CliRunner().invoke(
        churn,
        [
            *("train", "--schema", str(tmp_path / "schema.toml"), "--data", str(data_csv), "--version", "1.0.0"),
            *("--models", str(tmp_path / "models"), "--recipe", "nonsense"),
        ],
    )

    assert result.exit_code == 2
    assert "A recipe must be" in result.stderr
    assert not (tmp_path / "models").exists()


def test_without_a_schema_a_file_of_other_columns_leads_to_infer_schema(data_csv, tmp_path):
    result = CliRunner().invoke(churn, ["train", "--data", str(data_csv), "--models", str(tmp_path / "models")])

    assert result.exit_code == 2
    assert "The columns are those of model 1.0.0, which comes with the code." in result.stderr
    assert result.stderr.endswith(
        "or pass your own columns with --schema FILE.toml (churn infer-schema "
        f"{data_csv} --target COLUMN proposes one).\n"
    )
    assert not (tmp_path / "models").exists()


def test_without_a_schema_the_columns_are_those_of_the_version_that_is_served(folder, data_csv, tmp_path):
    models, sentences = shutil.copytree(folder.parent, tmp_path / "models"), []

    newer = train(data_csv, root=models, recipes=[quick_recipe(settings=1)], warn=sentences.append)

    assert newer.name == "1.1.0"
    assert artifact.load_schema("1.1.0", models) == artifact.load_schema("1.0.0", models)
    assert sentences[0] == f"The columns are those of model 1.0.0 in {models}."


def test_among_the_versions_that_come_with_the_code_they_are_those_of_the_first():
    columns = default_columns(artifact.ARTIFACTS)

    assert columns.schema == artifact.first_schema()
    assert columns.actions == artifact.ARTIFACTS / "actions-1.csv"
