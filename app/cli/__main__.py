"""The terminal's door: the command `churn`, put together from the modules of this folder."""

import sys
from pathlib import Path
from typing import Final

if not __package__:
    # `python app/cli` looks for modules in this folder first; ours are imported from the root.
    sys.path[0] = str(Path(__file__).parent.parent.parent)

import click

from app.cli import describing, scoring, serving, spark, submitting, training, versions, watching
from app.cli.terminal import Sentences

COMMANDS: Final = (
    *(scoring.score, scoring.watch, submitting.submit, spark.spark),
    *(serving.serve, serving.ask, serving.key),
    *(describing.schema, describing.template),
    *(training.train, training.evaluate, training.compare),
    *(versions.models, versions.promote),
    *(watching.drift, watching.backtest),
)


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def churn() -> None:
    """Which customers are about to leave: score files and folders, serve, train."""


for command in COMMANDS:
    churn.add_command(command)


if __name__ == "__main__":
    churn(prog_name="churn")
