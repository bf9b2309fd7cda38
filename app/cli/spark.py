"""`churn spark`: score files and tables of any size with Spark. spark-submit runs this file too."""

from typing import Any, Final

import click

from app.cli.scoring import describe_counts, make_scoring, scoring_options
from model.errors import ChurnError
from model.outputs import INCLUDE_INPUT

FORMATS: Final = ("csv", "parquet", "table")


@click.command()
@click.argument("source", metavar="INPUT")
@click.argument("target", metavar="OUTPUT")
@click.option("--from", "source_format", type=click.Choice(FORMATS), help="Format of INPUT.  [default: by its name]")
@click.option(
    "--to", "target_format", type=click.Choice(FORMATS[:2]), default="csv", show_default=True, help="Format of OUTPUT."
)
@click.option("--multiline", is_flag=True, help="Cells may contain line breaks. Each file is then read by one task.")
@click.option(
    "--master",
    metavar="URL",
    help="Cluster to run on.  [default: that of spark-submit, else all cores of this machine]",
)
@scoring_options
def spark(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str,
    multiline: bool,
    master: str | None,
    **options: Any,
) -> None:
    """Score files or a table with Spark.

    INPUT is a CSV file, a folder of CSV files (.csv, .csv.gz) or of Parquet files, anywhere Spark can read, or the
    name of a table in its catalog (--from table). OUTPUT must not exist. It gets predictions/, rejects/ if rows were
    rejected, and summary.json: all of them or none.
    """
    if options[INCLUDE_INPUT.name] is not None:
        raise click.UsageError(
            f"Spark does not add the columns of the file. Leave {INCLUDE_INPUT.flag} out, and join the predictions to "
            "the file by their id."
        )
    try:
        from app import spark as cluster
    except ModuleNotFoundError as error:
        raise ChurnError(
            f"{error.name} is not installed here. Spark has an environment of its own: make spark, then "
            ".venv-spark/bin/churn spark."
        ) from error
    scoring = make_scoring(**options)
    job = cluster.Job(source, target, source_format or _format_of(source), target_format, multiline)
    with cluster.session(master) as session:
        summary = cluster.score(session, job, scoring)
    lines = [*summary["notes"], describe_counts(summary), f"Results: {target}"]
    click.echo("\n".join(lines), err=True)


def _format_of(source: str) -> str:
    return "parquet" if source.rstrip("/").lower().endswith(".parquet") else "csv"


if __name__ == "__main__":
    spark()
