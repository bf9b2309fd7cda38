"""`churn schema` and `churn template`: the fields of a customer."""

import json

import click

from app.cli.versions import models_option, schema_of, version_option


@click.command()
@models_option()
@version_option()
@click.option("--table", is_flag=True, help="Print the features as the Markdown table of docs/api.md instead.")
@click.option("--toml", is_flag=True, help="Print the schema file, to train another model with, instead.")
def schema(models: str | None, model_version: str | None, table: bool, toml: bool) -> None:
    """Print the JSON Schema of a customer of the model that is served."""
    from model.describe import feature_table
    from model.json_schema import json_schema
    from model.schema_toml import to_toml

    if table and toml:
        raise click.UsageError("--table and --toml cannot be combined.")
    served = schema_of(models, model_version)
    if table or toml:
        click.echo(feature_table(served) if table else to_toml(served), nl=False)
    else:
        click.echo(json.dumps(json_schema(served), indent=2))


@click.command()
@models_option()
@version_option()
def template(models: str | None, model_version: str | None) -> None:
    """Print a CSV file to fill in: all columns and one example customer."""
    from model import describe

    click.echo(describe.template(schema_of(models, model_version)), nl=False)
