"""`churn train`, `churn evaluate`, `churn compare`: the model's life; what learns is imported when it is asked for."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.terminal import FAILED, end_on_sigterm, stages
from app.cli.versions import models_option, root_of, version_option
from model.errors import ChurnError

_DATA = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Customers with Churn, as CSV.",
)


_REPORT = click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write a page with plots, too: one file.",
)


def _training(module: str) -> Any:
    try:
        return importlib.import_module(f"model.training.{module}")
    except ModuleNotFoundError as error:
        raise ChurnError(f"Training needs {error.name}, which is not installed here. Run: make dev") from error


@click.command()
@_DATA
@models_option("--out")
@click.option("--version", help="The version to make, MAJOR.MINOR.PATCH; the next minor version if not given.")
@click.option("--recipe", default="additive", show_default=True, help="What kind of model: additive or boosting.")
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
    with stages() as report:
        folder = run(data, version, root_of(models), progress=report, recipe=kind, trusted=trust)
    click.echo(folder)


@click.command()
@_DATA
@version_option()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@_REPORT
def evaluate(data: Path, model_version: str | None, models: str | None, as_json: bool, report: Path | None) -> None:
    """Measure a model on customers whose outcome is known."""
    run, reports = _training("evaluate").evaluate, _training("reports")
    with stages(each=False) as progress:
        metrics = run(data, model_version, root_of(models), progress=lambda share: progress("resampling", share))
    click.echo(json.dumps(metrics, indent=2) if as_json else reports.evaluation_text(metrics))
    if report:
        _write(report, reports.evaluation_page(metrics))


_FIGURES = {
    "auc": "roc_auc",
    "pr_auc": "pr_auc",
    "log_loss": "log_loss",
    "brier": "brier",
    "ece": "ece",
    "lift": "top_decile_lift",
}


def _bounds(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    bounds = {}
    for value in values:
        name, _, most = value.partition("=")
        try:
            bounds[name] = float(most)
        except ValueError:
            bounds[name] = -1.0
        if name not in _FIGURES or not 0 <= bounds[name] < 1e6:
            raise click.BadParameter(
                f"It must be one of {', '.join(_FIGURES)}, =, and a number from 0, such as auc=0.005; not {value!r}."
            )
    return bounds


@click.command()
@click.argument("first")
@click.argument("second")
@_DATA
@models_option()
@click.option(
    "--max-loss-of",
    multiple=True,
    metavar="FIGURE=X",
    callback=_bounds,
    help=f"Exit with 1 where SECOND is worse by more than X in a figure: {', '.join(_FIGURES)}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@_REPORT
def compare(
    first: str,
    second: str,
    data: Path,
    models: str | None,
    max_loss_of: dict[str, float],
    as_json: bool,
    report: Path | None,
) -> None:
    """Set two versions side by side.

    Both score the customers of DATA, out of fold where a version was trained on them, and both are trained anew on the
    same folds; the differences come with intervals, and the customers whose label changes with the reasons.

    Exits with 1 where SECOND is worse than FIRST by more than --max-loss-of allows, with 2 where something has to be
    changed.
    """
    module, reports = _training("compare"), _training("reports")
    with stages() as tell:
        found = module.compare(first, second, data, root_of(models), progress=tell)
    lost = module.losses(found)
    unknown = [name for name in max_loss_of if lost[_FIGURES[name]] is None]
    if unknown:
        raise ChurnError(f"Of {data} no {unknown[0]} can be told: it needs customers of both kinds.")
    over = {name: lost[_FIGURES[name]] for name, most in max_loss_of.items() if (lost[_FIGURES[name]] or 0.0) > most}
    if max_loss_of:
        found["max_loss_of"] = {
            name: {"most": most, "loss": lost[_FIGURES[name]]} for name, most in max_loss_of.items()
        }
    click.echo(json.dumps(found, indent=2) if as_json else reports.comparison_text(found))
    if report:
        _write(report, reports.comparison_page(found))
    for name, loss in over.items():
        click.echo(
            f"{second} is worse than {first} by {loss:.4f} in {name}; {max_loss_of[name]:g} is allowed.", err=True
        )
    if over:
        sys.exit(FAILED)


def _write(report: Path, page: str) -> None:
    report.write_text(page, encoding="utf-8")
    click.echo(f"The report: {report}", err=True)
