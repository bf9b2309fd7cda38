"""The columns that a model is trained on where no schema file is named. Standard library only."""

from pathlib import Path
from typing import NamedTuple

from model import artifact
from model.actions import FIRST_TABLE, TABLE
from model.artifact import ARTIFACTS
from model.schema import Schema
from model.versions import current_default


class Columns(NamedTuple):
    """The columns to train on.

    Attributes
    ----------
    schema : Schema
    actions : Path or None
        The table of what might be offered.
    source : str
        The model that has them, in words.
    """

    schema: Schema
    actions: Path | None
    source: str


def default_columns(root: Path) -> Columns:
    """Return the columns to train on where none are named.

    They are those of the default version in `root` where it carries its schema, else those of the first model that
    comes with the code; new versions among those that come with the code are trained on its columns too.

    Raises
    ------
    ArtifactError
        If the default version is damaged.
    """
    version = current_default(root)
    if version and root.resolve() != ARTIFACTS.resolve():
        folder = artifact.folder_of(version, root)
        if artifact.has_own_schema(folder):
            has_actions = TABLE in artifact.names(folder)
            return Columns(
                artifact.load_schema(version, root),
                folder / TABLE if has_actions else None,
                f"model {version} in {root}",
            )
    return Columns(artifact.first_schema(), ARTIFACTS / FIRST_TABLE, "model 1.0.0, which comes with the code")
