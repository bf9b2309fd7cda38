"""`churn train` and `churn evaluate`: the model's life; what learns is imported by name, when it is asked for."""

import importlib
import json
from pathlib import Path
from typing import Any

import click

from commands.terminal import bar, end_on_sigterm
from model.errors import ChurnError

_DATA = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Customers with Churn, as CSV.",
)


def _training(module: str) -> Any:
    try:
        return importlib.import_module(f"model.training.{module}")
    except ModuleNotFoundError as error:
        raise ChurnError(f"Training needs {error.name}, which is not installed here. Run: make dev") from error


@click.command()
@_DATA
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where versions stand; model/artifacts if not given.",
)
@click.option("--version", help="MAJOR.MINOR.PATCH; the next minor version if not given.")
@click.option("--recipe", default="additive", show_default=True, help="What kind of model.")
def train(data: Path, out: Path | None, version: str | None, recipe: str) -> None:
    """Train a model and measure it.

    Takes a CSV with the ten columns and Churn; it writes the folder of one version.
    """
    from model.artifact import ARTIFACTS

    run, kind = _training("train").train, _training("recipes").recipe_of(recipe)
    end_on_sigterm()
    with bar(1.0) as move:
        tell = (lambda doing, share: move(share, doing)) if move else None
        folder = run(data, version, out or ARTIFACTS, progress=tell, recipe=kind)
    click.echo(folder)


@click.command()
@_DATA
@click.option("--version", help="The model; the default one if not given.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def evaluate(data: Path, version: str | None, as_json: bool) -> None:
    """Measure a model on customers whose outcome is known."""
    found = _training("evaluate").evaluate(data, version)
    click.echo(json.dumps(found.metrics, indent=2) if as_json else found.text)
