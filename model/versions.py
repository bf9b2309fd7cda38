"""The versions of the model side by side: what each is, which is served, and the change from one to another.

Standard library only.
"""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

from model import artifact
from model.artifact import ARTIFACTS, read_checked, read_json, read_run
from model.contents import METRICS
from model.engine import ENGINES, load_scorer
from model.errors import ArtifactError
from model.strict_json import Member

DEFAULT: Final = "DEFAULT"


def list_versions(root: Path = ARTIFACTS) -> list[dict[str, Any]]:
    """Return what there is to know of each version in `root`, oldest first.

    A version that is damaged has `fault`, a sentence, in place of its figures.
    """
    if not root.is_dir():
        raise ArtifactError(f"There is no folder {root}. It has the versions of the model once one is trained.")
    served = artifact.default_version(root) if (root / DEFAULT).exists() else None
    entries = []
    for version in artifact.versions(root):
        entry: dict[str, Any] = {"version": version, "default": version == served}
        try:
            entry |= _facts(artifact.folder_of(version, root))
        except (ArtifactError, KeyError, TypeError, ValueError) as error:
            entry["fault"] = str(error) if isinstance(error, ArtifactError) else f"{METRICS} is incomplete: {error!r}."
        entries.append(entry)
    return entries


def engines_of(version: str, root: Path = ARTIFACTS) -> list[str]:
    """Return the engines that can serve `version`, the one to prefer first."""
    folder = artifact.folder_of(version, root)
    metrics, _ = read_json(folder, METRICS)
    member = Member(metrics, str(folder / METRICS)).at("recipe").at("engines")
    engines = [engine.text() for engine in member.items()]
    if not engines or not set(engines) <= set(ENGINES):
        member.refuse(f"a list of {' or '.join(ENGINES)}")
    return engines


def promote(version: str, root: Path = ARTIFACTS) -> str | None:
    """Make `version` the one that is served by default, in one step; return the one that was.

    Raises
    ------
    ArtifactError
        If a file of it is absent or changed, or it cannot be served by this code; then nothing is changed.
    """
    folder = artifact.folder_of(version, root)
    for name in artifact.names(folder):
        read_checked(folder, name)
    scorer = load_scorer(version, engines_of(version, root)[0], models=str(root))
    scorer.score(dict(scorer.schema.example))
    try:
        former = artifact.default_version(root)
    except ArtifactError:
        # Absent, or damaged: the new DEFAULT replaces it.
        former = None
    write_default(version, root)
    return former


def write_default(version: str, root: Path) -> None:
    """Write DEFAULT next to the versions; a reader gets the old one or the new one."""
    handle, draft = tempfile.mkstemp(prefix=".default-", dir=root)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(version + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(root / DEFAULT)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _facts(folder: Path) -> dict[str, Any]:
    metrics, _ = read_json(folder, METRICS)
    return {
        "recipe": metrics["recipe"]["name"],
        "engines": [engine for engine in ENGINES if engine in metrics["recipe"]["engines"]],
        "rows": metrics["trained_on"]["rows"],
        "churners": metrics["trained_on"]["churners"],
        "data_sha256": metrics["trained_on"]["sha256"],
        "roc_auc": metrics["out_of_fold"]["roc_auc"]["mean"],
        "log_loss": metrics["out_of_fold"]["log_loss"]["mean"],
        "threshold": metrics["threshold"]["threshold"],
        "trained_at": read_run(folder).get("trained_at"),
    }
