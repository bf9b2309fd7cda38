"""The terminal's door: the command `churn`, put together from what stands in commands/."""

from typing import Final

import click

from commands import describing, scoring, serving, spark, submitting, training, versions, watching
from commands.terminal import Sentences

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
