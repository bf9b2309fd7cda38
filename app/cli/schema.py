"""`churn schema` and `churn template`: the fields of a customer."""

import json

import click


@click.command()
@click.option("--table", is_flag=True, help="Print the Markdown table of docs/api.md instead.")
def schema(table: bool) -> None:
    """Print the JSON Schema of a customer."""
    from model.describe import feature_table
    from model.json_schema import json_schema

    click.echo(feature_table() if table else json.dumps(json_schema(), indent=2), nl=not table)


@click.command()
def template() -> None:
    """Print a CSV file to fill in: all columns and one example customer."""
    from model import describe

    click.echo(describe.template(), nl=False)
