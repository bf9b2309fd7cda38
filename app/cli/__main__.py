"""The command `churn`, assembled from the modules of this folder."""

import sys
from pathlib import Path
from typing import Final

if not __package__:
    # `python app/cli` puts this folder on the path; our modules are imported from the root.
    sys.path[0] = str(Path(__file__).parent.parent.parent)

import click

from app.cli import (
    estimating,
    monitoring,
    schema,
    schema_files,
    scoring,
    serving,
    spark,
    submitting,
    training,
    versions,
)
from app.cli.terminal import EXIT_INVALID, CommandGroup
from model.errors import ChurnError

COMMANDS: Final = (
    *(scoring.score, scoring.watch, submitting.submit, spark.spark),
    *(serving.serve, serving.ask, serving.key),
    *(schema.schema, schema.template, schema_files.infer_schema, schema_files.check_schema),
    *(training.train, training.recalibrate, training.evaluate, training.compare),
    *(versions.models, versions.promote),
    *(monitoring.drift, estimating.estimate, monitoring.backtest),
)


VERSION: Final = "0.1.0"
"""As in pyproject.toml. `make` installs no package whose metadata could be read."""


def _print_version(context: click.Context, _parameter: click.Parameter, is_requested: bool) -> None:
    if not is_requested or context.resilient_parsing:
        return
    click.echo(f"churn {VERSION}", nl=False)
    try:
        click.echo(f", model {versions.served_version()}")
    except ChurnError as error:
        click.echo()
        click.echo(str(error), err=True)
        context.exit(EXIT_INVALID)
    context.exit()


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of churn and of its default model, and exit.",
)
def churn() -> None:
    """Predict which customers are about to leave: score files, serve, train."""


for command in COMMANDS:
    churn.add_command(command)


if __name__ == "__main__":
    churn(prog_name="churn")
