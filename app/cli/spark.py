"""`churn spark`: files and tables of any size through Spark. Also the file that spark-submit is given."""

from typing import Any, Final

import click

from app.cli.scoring import counts, make_scoring, scoring_options
from model.errors import ChurnError

FORMATS: Final = ("csv", "parquet", "table")


@click.command()
@click.argument("source", metavar="INPUT")
@click.argument("target", metavar="OUTPUT")
@click.option("--from", "source_format", type=click.Choice(FORMATS), help="What INPUT is; by its name if not given.")
@click.option("--to", "target_format", type=click.Choice(FORMATS[:2]), default="csv", help="What is written.")
@click.option("--multiline", is_flag=True, help="Cells may hold line ends, so each file is read whole, by one task.")
@click.option("--master", metavar="URL", help="The cluster; where spark-submit names none, all cores of this machine.")
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

    INPUT is a CSV, a folder of CSVs (.csv, .csv.gz) or of Parquet files, anywhere Spark can read, or the name of a
    table in its catalog (--from table). OUTPUT must not be there yet; it gets predictions/, rejects/ where rows were
    rejected, and last summary.json: all of them or none.
    """
    try:
        from app import spark as door
    except ModuleNotFoundError as error:
        raise ChurnError(
            f"{error.name} is not installed here. Spark has an environment of its own: make spark, then "
            ".venv-spark/bin/churn spark."
        ) from error
    scoring = make_scoring(**options)
    job = door.Job(source, target, source_format or _format_of(source), target_format, multiline)
    with door.session(master) as session:
        summary = door.score(session, job, scoring)
    click.echo(f"{counts(summary)}\nResults: {target}", err=True)


def _format_of(source: str) -> str:
    return "parquet" if source.rstrip("/").lower().endswith(".parquet") else "csv"


if __name__ == "__main__":
    spark()
