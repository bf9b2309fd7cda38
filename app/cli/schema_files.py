"""`churn infer-schema` and `churn check-schema`: the schema file of a company's own columns."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from app.cli.terminal import EXIT_INVALID, limit_to_one_thread
from model.text import counted

_SHOWN_LINES: Final = 100
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("customers", type=_FILE)
@click.option("--target", required=True, metavar="COLUMN", help="The column that states who left.")
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    help="The column that identifies a customer.  [default: one that looks like it]",
)
@click.option(
    "--positive", metavar="WORD", help="The word of those who left.  [default: Yes, true, 1, left, churned ...]"
)
def infer_schema(customers: Path, target: str, id_column: str | None, positive: str | None) -> None:
    """Propose a schema file for a file of customers.

    The schema goes to standard output: churn infer-schema customers.csv --target Left > schema.toml. What is unclear
    is reported on standard error, and is a comment in the schema. Read and change it before training.
    """
    limit_to_one_thread()
    inferred = importlib.import_module("model.training.infer").infer(customers, target, id_column, positive)
    text = inferred.to_toml()
    _report(inferred.report())
    click.echo(text, nl=False)


@click.command()
@click.argument("schema_file", type=_FILE, metavar="SCHEMA.toml")
@click.argument("customers", type=_FILE, required=False)
def check_schema(schema_file: Path, customers: Path | None) -> None:
    """Check a schema file, and a file of customers against it.

    Exit status: 0 if all fits, 2 if something must be changed.
    """
    limit_to_one_thread()
    from model.schema_toml import read_toml

    schema = read_toml(schema_file)
    if customers is None:
        click.echo(f"{schema_file} describes {counted(len(schema.features), 'feature')}.")
        return
    findings = importlib.import_module("model.training.check_schema").check_schema(schema, customers)
    _report(findings.problems)
    for note in findings.notes[:_SHOWN_LINES]:
        click.echo(f"Note: {note}")
    if findings.problems:
        count = "1 finding" if len(findings.problems) == 1 else f"{len(findings.problems):,} findings"
        click.echo(f"{customers} does not fit {schema_file}: {count}.", err=True)
        sys.exit(EXIT_INVALID)
    click.echo(f"All {findings.rows:,} rows of {customers} fit {schema_file}.")


def _report(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN_LINES]:
        click.echo(line, err=True)
    if len(lines) > _SHOWN_LINES:
        click.echo(f"... and {len(lines) - _SHOWN_LINES:,} more.", err=True)
