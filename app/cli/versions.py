"""`churn models` and `churn promote`: list the versions of the model, and choose the one that is served."""

import importlib
import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.terminal import RenamedOption, option_names, read_settings, report_stages
from model.errors import ArtifactError, ChurnError
from model.text import to_percent, within

if TYPE_CHECKING:
    from model.schema import Schema


def models_option(*former: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the option for the folder of the model versions to a command; `root_of` reads it."""
    help = "Folder of the model versions.  [default: CHURN_MODELS, or model/artifacts]"
    return click.option("--models", *former, "models", metavar="DIR", help=help, cls=RenamedOption)


def version_option(*former: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the option for the model version to a command; see `naming_version`."""
    help = "Version of the model.  [default: the one that is served]"
    return click.option("--version", *former, "model_version", metavar="VERSION", help=help, cls=RenamedOption)


@contextmanager
def naming_version(version: str | None) -> Iterator[None]:
    """Begin errors about a model with the option that chose it, if one did."""
    try:
        yield
    except ArtifactError as error:
        if version is None:
            raise
        raise ArtifactError(f"{option_names()['model_version']} {version}: {error}") from error


def served_version() -> str:
    """Return the version that commands and the server use if none is named."""
    from model.artifact import default_version

    return read_settings().model_version or default_version(root_of(None))


def root_of(models: str | None) -> Path:
    """Return the folder of the versions."""
    from model.artifact import ARTIFACTS

    folder = read_settings(models=models).models
    return Path(folder) if folder else ARTIFACTS


def schema_of(models: str | None, version: str | None = None) -> "Schema":
    """Return the schema of a version, by default of the one that is served."""
    from model.artifact import load_schema

    settings = read_settings(models=models, model_version=version)
    with naming_version(version):
        return load_schema(settings.model_version, root_of(models))


def training_module(name: str) -> Any:
    """Return a module of model.training, whose libraries an installation that serves has not."""
    try:
        return importlib.import_module(f"model.training.{name}")
    except ModuleNotFoundError as error:
        raise ChurnError(f"Training needs {error.name}, which is not installed here. Run: make dev") from error


@click.command()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(models: str | None, as_json: bool) -> None:
    """List the versions of the model.

    A star marks the one that is served by default.
    """
    from model.versions import list_versions

    versions = list_versions(root_of(models))
    click.echo(json.dumps(versions, indent=2) if as_json else _to_table(versions))


def _to_table(versions: list[dict[str, Any]]) -> str:
    rows = [("", "version", "recipe", "engines", "trained on", "churned", "ROC AUC", "trained at")]
    for version in versions:
        mark = "*" if version["default"] else ""
        if "fault" in version:
            rows.append((mark, version["version"], version["fault"], *[""] * 5))
            continue
        rows.append(
            (
                *(mark, version["version"], _kind_of(version), ", ".join(version["engines"])),
                *(
                    f"{version['rows']:,} rows",
                    to_percent(version["churners"] / version["rows"]),
                    f"{version['roc_auc']:.4f}",
                ),
                version["trained_at"] or "",
            )
        )
    # A fault is a sentence, which must not widen its column.
    widths = [max(len(row[column]) for row in rows if row[-2:] != ("", "") or column < 2) for column in range(8)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _kind_of(version: dict[str, Any]) -> str:
    """Return the recipe; of a recalibrated version also its churn rate and the version it was made of."""
    source = version.get("recalibrated_from")
    return (
        f"{version['recipe']}, {to_percent(source['rate'])} (from {source['version']})" if source else version["recipe"]
    )


@click.command()
@click.argument("version")
@models_option()
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of customers with their outcome: refuse VERSION if it is worse on them than the default.",
)
@click.option("--anyway", is_flag=True, help="Promote a model that would be refused.")
def promote(version: str, models: str | None, data: Path | None, anyway: bool) -> None:
    """Serve another version by default.

    The version is checked first: its files must match their sha256, it must load, and it must be better than giving
    every customer the churn rate. --data needs 50 who left and 50 who stayed. To go back, promote the former
    version, which only --data can refuse.
    """
    from model.versions import (
        base_rate_fault,
        current_default,
        engines_of,
        former_defaults,
        unmeasured_rate,
    )
    from model.versions import promote as set_default

    root = root_of(models)
    current = current_default(root)
    is_return = version in former_defaults(root)
    if not anyway:
        fault = None if is_return or version == current else base_rate_fault(version, root)
        if not fault and data:
            fault = _fault_on(data, version, current, root)
        if fault:
            raise ArtifactError(f"{fault} {_NOT_PROMOTED if version != current else ''}".rstrip())
    former = set_default(version, root)
    engine = engines_of(version, root)[0]
    if former == version:
        click.echo(f"{version} is served by default, as before.")
        return
    click.echo(f"{version} is served by default from now on{f', in place of {former}' if former else ''}.")
    if is_return and not data:
        click.echo("It was the default before, so nothing was compared.")
    elif anyway:
        click.echo("Nothing was compared, because of --anyway.")
    elif not data and (rate := unmeasured_rate(version, root)) is not None:
        click.echo(
            f"Its probabilities were shifted to a churn rate of {rate:.4g}, which was passed and not measured. To "
            f"measure them: churn evaluate --version {version} --data CUSTOMERS.csv"
        )
    if engine != "scorecard":
        click.echo(f"It needs CHURN_ENGINE={engine}.")
    click.echo("Running servers keep the version they loaded: restart them.")
    if former:
        folder = f" --models {shlex.quote(models)}" if models else ""
        click.echo(f"To go back: churn promote {former}{folder}")


_NOT_PROMOTED = "It was not promoted; --anyway does it all the same."


def _fault_on(data: Path, version: str, served: str | None, root: Path) -> str | None:
    """Return how a version is worse than the default on customers whose outcome is known.

    Where there is no other default, it must be better than their churn rate.
    """
    if served in (None, version):
        fault: str | None = training_module("evaluate").base_rate_fault_on(data, version, root)
        return fault
    comparison, titles = training_module("compare"), training_module("metrics").TITLES
    with report_stages() as report:
        compared = comparison.compare(served, version, data, root, progress=report, is_decisive=True)
    worse = comparison.worse_figures(compared)
    figures = " and ".join(
        f"{within(titles[row['figure']])} {row['second']:.4f} instead of {row['first']:.4f}" for row in worse
    )
    return f"Model {version} is worse than {served} on {data}, beyond chance: {figures}." if worse else None
