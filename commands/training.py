"""`churn train` and `churn evaluate`: the model's life; what learns is imported by name, when it is asked for."""

import importlib
import json
from pathlib import Path
from typing import Any

import click

from commands.terminal import bar, end_on_sigterm
from commands.versions import models_option, root_of
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
@models_option("--out")
@click.option("--version", help="MAJOR.MINOR.PATCH; the next minor version if not given.")
@click.option("--recipe", default="additive", show_default=True, help="What kind of model.")
@click.option(
    "--trust",
    multiple=True,
    metavar="COLUMN",
    help="Learn from a column that would be refused: one word in every row, or telling the outcome alone.",
)
def train(data: Path, models: str | None, version: str | None, recipe: str, trust: tuple[str, ...]) -> None:
    """Train a model and measure it.

    Takes a CSV with the ten columns and Churn; it writes the folder of one version.
    """
    from model.schema import NAMES

    for name in set(trust) - set(NAMES):
        raise click.UsageError(f"--trust must name one of {', '.join(NAMES)}, not {name}.")
    run, kind = _training("train").train, _training("recipes").recipe_of(recipe)
    end_on_sigterm()
    with bar(1.0) as move:
        tell = (lambda doing, share: move(share, doing)) if move else None
        folder = run(data, version, root_of(models), progress=tell, recipe=kind, trusted=trust)
    click.echo(folder)


@click.command()
@_DATA
@click.option("--version", help="The model; the default one if not given.")
@models_option()
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def evaluate(data: Path, version: str | None, models: str | None, as_json: bool) -> None:
    """Measure a model on customers whose outcome is known."""
    found = _training("evaluate").evaluate(data, version, root_of(models))
    click.echo(json.dumps(found.metrics, indent=2) if as_json else found.text)
