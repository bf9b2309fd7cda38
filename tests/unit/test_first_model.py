"""The first model of a folder: served by default; where it is no better than its base rate, training reports it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from trainings import quick_recipe

from app.cli.__main__ import churn
from model import artifact
from model.errors import ArtifactError
from model.schema import Schema
from model.schema_toml import parse_toml
from model.training.train import train

pytestmark = pytest.mark.usefixtures("one_blas_thread")

TOML = """
target = "gone?"
positive = "gone"

[[features]]
name = "age"
kind = "number"
minimum = 18
maximum = 80
direction = "DIRECTION"

[[features]]
name = "plan"
kind = "category"
values = ["basic", "family"]
"""


def write(path: Path, highest: float) -> Path:
    """Write 4,000 customers whose risk falls with age, from `highest` to a quarter of it."""
    generator = np.random.default_rng(5)
    ages, draws = generator.integers(18, 81, 4000).tolist(), generator.random(4000).tolist()
    lines = [
        f"{age},{('basic', 'family')[row % 2]},{'gone' if draw < highest * (1 - (age - 18) / 83) else 'here'}\n"
        for row, (age, draw) in enumerate(zip(ages, draws, strict=True))
    ]
    path.write_text(f"age,plan,gone?\n{''.join(lines)}")
    return path


def schema(direction: str) -> Schema:
    return parse_toml(TOML.replace("DIRECTION", direction), "schema.toml")


def test_a_first_model_that_is_no_better_than_its_base_rate_is_the_default_and_reported(tmp_path):
    few, many = write(tmp_path / "few.csv", 0.033), write(tmp_path / "many.csv", 0.5)
    models, recipes, sentences = tmp_path / "my models", [quick_recipe(settings=1)], []

    folder = train(few, root=models, recipes=recipes, schema=schema("rises"), warn=sentences.append)

    # The log loss alone does not show what the direction costs: nearly all customers stay.
    directions = json.loads((folder / "metrics.json").read_text())["directions"]
    assert directions["low"] <= 0 < -directions["roc_auc"]["high"]
    assert directions["curves"][0]["cost"]
    assert "cost accuracy beyond chance, that of age" in " ".join((folder / "MODEL_CARD.md").read_text().split())
    cost, fault = sentences[-2:]
    assert cost.startswith("The direction of age (rises) costs accuracy beyond chance: log loss 0.")
    assert f"; ROC AUC {directions['held']['roc_auc']:.4f} and {directions['free']['roc_auc']:.4f}. " in cost
    assert fault.startswith("Model 1.0.0 is no better than its base rate: log loss 0.")
    assert fault.endswith("%. It is the default all the same, as the folder had none.")
    assert artifact.default_version(models) == "1.0.0"
    (models / "DEFAULT").unlink()
    with pytest.raises(ArtifactError, match=r"Choose one of 1\.0\.0: churn promote VERSION\."):
        artifact.default_version(models)

    train(many, root=models, recipes=recipes, schema=schema("falls"), warn=sentences.append)
    assert artifact.default_version(models) == "1.1.0"

    (models / "DEFAULT").unlink()
    words = ["promote", "1.0.0", "--models", str(models)]
    assert CliRunner().invoke(churn, words).exit_code == 2
    assert CliRunner().invoke(churn, [*words, "--anyway"]).exit_code == 0
    assert artifact.default_version(models) == "1.0.0"
