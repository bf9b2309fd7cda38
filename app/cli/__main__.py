"""The terminal's door: the command `churn`, put together from the modules of this folder."""

import sys
from pathlib import Path
from typing import Final

if not __package__:
    # `python app/cli` looks for modules in this folder first; ours are imported from the root.
    sys.path[0] = str(Path(__file__).parent.parent.parent)

import click

from app.cli import monitoring, schema, scoring, serving, spark, submitting, training, versions
from app.cli.terminal import REFUSED, Sentences
from model.errors import ChurnError

COMMANDS: Final = (
    *(scoring.score, scoring.watch, submitting.submit, spark.spark),
    *(serving.serve, serving.ask, serving.key),
    *(schema.schema, schema.template),
    *(training.train, training.evaluate, training.compare),
    *(versions.models, versions.promote),
    *(monitoring.drift, monitoring.backtest),
)


VERSION: Final = "0.1.0"
"""Of the package, as in pyproject.toml: `make` installs no package that could be asked for it."""


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    click.echo(f"churn {VERSION}", nl=False)
    try:
        click.echo(f", model {versions.served_version()}")
    except ChurnError as error:
        click.echo()
        click.echo(str(error), err=True)
        context.exit(REFUSED)
    context.exit()


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of churn and of the model it uses by default, and exit.",
)
def churn() -> None:
    """Which customers are about to leave: score files and folders, serve, train."""


for command in COMMANDS:
    churn.add_command(command)


if __name__ == "__main__":
    churn(prog_name="churn")
