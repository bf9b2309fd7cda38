"""The versions of the model side by side: what each is, which is served, and the change from one to another.

Standard library only.
"""

import math
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from model import artifact
from model.artifact import ARTIFACTS, read_checked, read_json, read_run
from model.contents import METRICS
from model.engine import ENGINES, load_scorer
from model.errors import ArtifactError
from model.interval import check_interval
from model.strict_json import Member
from model.text import to_percent

DEFAULT: Final = "DEFAULT"
FORMER: Final = "FORMER_DEFAULTS"
"""The versions that were the default, one a line: going back to one of them needs no proof."""

T_OF_FOLDS: Final = 2.26
"""Of a 95 % interval over ten folds."""

TEST_SHARE: Final = 5
"""A fifth of the customers is held out in each fold."""


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
    check_usable(version, root)
    former = current_default(root)
    if former and former != version:
        past = [earlier for earlier in former_defaults(root) if earlier != former]
        _write(root / FORMER, "".join(f"{earlier}\n" for earlier in (*past, former)))
    write_default(version, root)
    return former


def check_usable(version: str, root: Path = ARTIFACTS) -> None:
    """Refuse a version that a server could not start with.

    Raises
    ------
    ArtifactError
    """
    folder = artifact.folder_of(version, root)
    for name in artifact.names(folder):
        read_checked(folder, name)
    scorer = load_scorer(version, engines_of(version, root)[0], models=str(root))
    check_interval(scorer)
    scorer.score(dict(scorer.schema.example))


def current_default(root: Path) -> str | None:
    """Return the version that is served by default; None where that is not known."""
    try:
        return artifact.default_version(root)
    except ArtifactError:
        return None


def former_defaults(root: Path) -> list[str]:
    """Return the versions that were the default and are not any more."""
    try:
        return (root / FORMER).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def base_rate_fault(version: str, root: Path = ARTIFACTS) -> str | None:
    """Return how a model is not shown to be better than giving every customer the churn rate; None where it is.

    Its log loss over the folds of metrics.json, with a 95 % interval for training parts that overlap, must be below
    that of the churn rate.

    References
    ----------
    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52, 2003, section 5.

    Raises
    ------
    ArtifactError
    """
    folder = artifact.folder_of(version, root)
    metrics = Member(read_json(folder, METRICS)[0], str(folder / METRICS))
    trained_on, log_loss = metrics.at("trained_on"), metrics.at("out_of_fold").at("log_loss")
    rate = trained_on.at("churners").number() / max(trained_on.at("rows").number(), 1)
    if not 0 < rate < 1:
        trained_on.refuse("the counts of customers, some of them leavers and some not")
    of_rate = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    mean, deviation = log_loss.at("mean").number(), log_loss.at("sd").number()
    folds = max(len(metrics.at("folds").items()), 1)
    margin = T_OF_FOLDS * deviation * math.sqrt(1 / folds + 1 / (TEST_SHARE - 1))
    if mean + margin < of_rate:
        return None
    return (
        f"Model {version} is no better than its base rate: log loss {mean:.4f} (at most {mean + margin:.4f} with "
        f"95 % confidence) on customers that were held out, and {of_rate:.4f} by giving each of them the churn "
        f"rate, {to_percent(rate)}."
    )


def unmeasured_rate(version: str, root: Path = ARTIFACTS) -> float | None:
    """Return the churn rate that a version was shifted to without customers who show it; None for any other version."""
    folder = artifact.folder_of(version, root)
    source = Member(read_json(folder, METRICS)[0], str(folder / METRICS)).at("recalibrated_from")
    return source.at("rate").number() if source.is_present and not source.at("data").is_present else None


def write_default(version: str, root: Path) -> None:
    """Write DEFAULT next to the versions; a reader gets the old one or the new one."""
    _write(root / DEFAULT, version + "\n")


def _write(path: Path, content: str) -> None:
    handle, draft = tempfile.mkstemp(prefix=".default-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
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
        **({"recalibrated_from": metrics["recalibrated_from"]} if "recalibrated_from" in metrics else {}),
    }
