"""`churn models` and `churn promote`: the versions side by side, and the one that is served."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.cli.terminal import Renamed, read_settings


def models_option(*former: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the option that says where the versions stand; `root_of` takes it."""
    help = "The folder of the model versions, instead of CHURN_MODELS, or model/artifacts."
    return click.option("--models", *former, "models", metavar="DIR", help=help, cls=Renamed)


def version_option(*former: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the option that names the model version it uses."""
    help = "The version of the model, instead of the default one."
    return click.option("--version", *former, "model_version", metavar="VERSION", help=help, cls=Renamed)


def served_version() -> str:
    """Return the version that commands and the server use where none is named.

    Raises
    ------
    ArtifactError, SettingsError
    """
    from model.artifact import default_version

    return read_settings().model_version or default_version(root_of(None))


def root_of(models: str | None) -> Path:
    """Return the folder of the versions."""
    from model.artifact import ARTIFACTS

    found = read_settings(models=models).models
    return Path(found) if found else ARTIFACTS


@click.command()
@models_option()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def models(models: str | None, as_json: bool) -> None:
    """List the versions of the model.

    The one that is served by default is marked with a star.
    """
    from model.versions import list_versions

    found = list_versions(root_of(models))
    click.echo(json.dumps(found, indent=2) if as_json else _table(found))


def _table(found: list[dict[str, Any]]) -> str:
    rows = [("", "version", "recipe", "engines", "trained on", "churned", "ROC AUC", "trained at")]
    for each in found:
        mark = "*" if each["default"] else ""
        if "fault" in each:
            rows.append((mark, each["version"], each["fault"], *[""] * 5))
            continue
        rows.append(
            (
                *(mark, each["version"], each["recipe"], ", ".join(each["engines"])),
                *(f"{each['rows']:,} rows", f"{each['churners'] / each['rows']:.1%}", f"{each['roc_auc']:.4f}"),
                each["trained_at"] or "",
            )
        )
    # A fault is a sentence, and should not widen its column.
    widths = [max(len(row[place]) for row in rows if row[-2:] != ("", "") or place < 2) for place in range(8)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


@click.command()
@click.argument("version")
@models_option()
def promote(version: str, models: str | None) -> None:
    """Serve another version by default.

    Its files are held to their sha256 and it is loaded first. To go back, promote the version there was.
    """
    from model.versions import engines_of
    from model.versions import promote as change

    root = root_of(models)
    former = change(version, root)
    engine = engines_of(version, root)[0]
    if former == version:
        click.echo(f"{version} is served by default, as before.")
        return
    click.echo(f"{version} is served by default from now on{f', in place of {former}' if former else ''}.")
    if engine != "scorecard":
        click.echo(f"It needs CHURN_ENGINE={engine}.")
    click.echo("What runs already goes on with the version it loaded: start it anew.")
    if former:
        click.echo(f"To go back: churn promote {former}")
