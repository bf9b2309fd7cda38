"""`churn train`, `churn evaluate`, `churn compare`. Training libraries are imported only when a command needs them."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.terminal import EXIT_FAILED, interrupt_on_sigterm, report_stages
from app.cli.versions import models_option, naming_version, root_of, training_module, version_option
from model.errors import ChurnError

_DATA = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of customers, with the column that states who left.",
)


_REPORT = click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Also write an HTML page with plots.",
)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@_DATA
@models_option("--out")
@click.option("--version", help="Version to create, MAJOR.MINOR.PATCH.  [default: the next minor version]")
@click.option(
    "--schema",
    "schema_file",
    type=_FILE,
    metavar="FILE.toml",
    help="Your columns, as churn infer-schema proposes them.  [default: those of the default version]",
)
@click.option(
    "--recipe",
    help="Kind of model: spline, ebm, boosting or auto.  [default: auto; spline for the columns of model 1.0.0]",
)
@click.option("--actions", type=_FILE, metavar="FILE.csv", help="Table of what might be offered to a customer.")
@click.option(
    "--trust",
    multiple=True,
    metavar="COLUMN",
    help="Train on a column that would be refused: the same word in every row, or one that decides the outcome alone.",
)
def train(
    data: Path,
    models: str | None,
    version: str | None,
    schema_file: Path | None,
    recipe: str | None,
    actions: Path | None,
    trust: tuple[str, ...],
) -> None:
    """Train a model and evaluate it.

    The data is a CSV file with the columns of the schema and the one that states who left. The result is the folder of
    one version.
    """
    from model.artifact import first_schema
    from model.default_columns import default_columns

    module, root = training_module("train"), root_of(models)
    schema = _read_schema(schema_file) if schema_file else None
    columns = schema or default_columns(root).schema
    is_own = schema is not None or columns != first_schema()
    recipes = training_module("recipes").recipes_of(recipe or ("auto" if is_own else "spline"))
    names = columns.names
    for name in set(trust) - set(names):
        raise click.UsageError(f"--trust must name one of {', '.join(names)}, not {name}.")
    interrupt_on_sigterm()
    with report_stages() as report:
        folder = module.train(
            data,
            version,
            root,
            progress=report,
            recipes=recipes,
            trusted=trust,
            schema=schema,
            actions=actions,
            warn=lambda sentence: click.echo(sentence, err=True),
        )
    click.echo(folder)


def _read_schema(path: Path) -> Any:
    from model.schema_toml import read_toml

    return read_toml(path)


@click.command()
@click.argument("version")
@models_option()
@click.option("--version", "new", required=True, metavar="NEW", help="Version to create, MAJOR.MINOR.PATCH.")
@click.option("--rate", type=float, help="Churn rate that the mean probability becomes, such as 0.02.")
@click.option("--data", type=_FILE, metavar="RECENT", help="Take the rate from recent customers with their outcome.")
def recalibrate(version: str, models: str | None, new: str, rate: float | None, data: Path | None) -> None:
    """Store a version whose mean probability is another, with the same reasons.

    The churn rate of the training data rarely is yours. The intercept is shifted so that the mean probability is the
    rate; threshold and tiers follow.
    """
    if (rate is None) == (data is None):
        raise click.UsageError("Pass either --rate or --data.")
    run = training_module("recalibrate").recalibrate
    interrupt_on_sigterm()
    with report_stages() as report:
        folder = run(version, new, root_of(models), rate=rate, data_path=data, report=report)
    click.echo(folder)


@click.command()
@_DATA
@version_option()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_REPORT
def evaluate(data: Path, model_version: str | None, models: str | None, as_json: bool, report: Path | None) -> None:
    """Evaluate a model on customers whose outcome is known."""
    run, reports = training_module("evaluate").evaluate, training_module("reports")
    with report_stages(each_stage=False) as report_stage, naming_version(model_version):
        metrics = run(data, model_version, root_of(models), progress=lambda share: report_stage("resampling", share))
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


def _parse_limits(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    limits = {}
    for value in values:
        name, _, text = value.partition("=")
        try:
            limits[name] = float(text)
        except ValueError:
            limits[name] = -1.0
        if name not in _FIGURES or not 0 <= limits[name] < 1e6:
            raise click.BadParameter(
                f"It must be one of {', '.join(_FIGURES)}, =, and a number from 0, such as auc=0.005; not {value!r}."
            )
    return limits


@click.command()
@click.argument("first")
@click.argument("second")
@_DATA
@models_option()
@click.option(
    "--max-loss-of",
    multiple=True,
    metavar="FIGURE=X",
    callback=_parse_limits,
    help=f"Exit with 1 if SECOND is worse than FIRST by more than X in a figure: {', '.join(_FIGURES)}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    """Compare two versions of the model.

    Both score the customers of the data, out of fold if a version was trained on them, and both are retrained on the
    same folds. The differences have intervals; customers whose label changes are listed with the reasons.

    Exit status: 0 if SECOND is not worse than FIRST by more than --max-loss-of allows, 1 if it is, 2 if an option or a
    file must be changed.
    """
    module, reports = training_module("compare"), training_module("reports")
    with report_stages() as report_stage:
        comparison = module.compare(first, second, data, root_of(models), progress=report_stage)
    all_losses = module.losses(comparison)
    losses = {name: all_losses[_FIGURES[name]] for name in max_loss_of}
    for name, loss in losses.items():
        if loss is None:
            raise ChurnError(f"{name} cannot be computed from {data}: it needs both customers who left and who stayed.")
    if losses:
        comparison["max_loss_of"] = {name: {"most": max_loss_of[name], "loss": loss} for name, loss in losses.items()}
    click.echo(json.dumps(comparison, indent=2) if as_json else reports.comparison_text(comparison))
    if report:
        _write(report, reports.comparison_page(comparison))
    exceeded = {name: loss for name, loss in losses.items() if loss > max_loss_of[name]}
    for name, loss in exceeded.items():
        limit = f"{max_loss_of[name]:g} is allowed"
        click.echo(f"{second} is worse than {first} by {loss:.4f} in {name}; {limit}.", err=True)
    if exceeded:
        sys.exit(EXIT_FAILED)


def _write(report: Path, page: str) -> None:
    report.write_text(page, encoding="utf-8")
    click.echo(f"The report: {report}", err=True)
