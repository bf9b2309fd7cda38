"""The model on disk: one folder a version, each file checked against its sha256. Standard library only.

`model/artifacts/<MAJOR.MINOR.PATCH>/` holds schema.json, scorecard.json, one .joblib, metrics.json, population.json,
MODEL_CARD.md, where it was compared with others peers.json, and SHA256SUMS, which `sha256sum -c` reads too. A model
that is not additive has outline.json in place of scorecard.json: all that its pipeline does not know of itself.
`run.json` (date, duration, machine) is outside every hash. `DEFAULT` names the version served.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from model import strict_json
from model.errors import ArtifactError, show
from model.schema import Schema
from model.schema_file import read_schema
from model.scorecard import Scorecard
from model.scorecard_file import MODEL_SCHEMA, read_scorecard
from model.scorecard_file import check_version as check_schema_version
from model.strict_json import Member


def _find_artifacts() -> Path:
    """Return the folder next to this file; in the zip that is shipped to Spark, an object that reads like one."""
    bundled = Path(__file__).parent / "artifacts"
    archive = bundled.parents[1]
    if not archive.is_file():
        return bundled
    import zipfile

    return cast("Path", zipfile.Path(archive, "model/artifacts/"))


ARTIFACTS: Final = _find_artifacts()
SCORECARD: Final = "scorecard.json"
OUTLINE: Final = "outline.json"
SCHEMA: Final = "schema.json"
FIRST_SCHEMA: Final = "schema-1.json"
"""Next to the versions that come with the code: the schema of models from before they carried their own."""

SUMS: Final = "SHA256SUMS"
RUN: Final = "run.json"
VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", re.ASCII)


def check_version(version: str) -> str:
    """Return `version` if it has the form MAJOR.MINOR.PATCH, so that it can never be a path.

    Raises
    ------
    ArtifactError
    """
    if VERSION.fullmatch(version) is None:
        raise ArtifactError(f"A model version must look like 1.0.0, not {version[:40]!r}.")
    return version


def default_version(root: Path = ARTIFACTS) -> str:
    """Return the version named in DEFAULT.

    Raises
    ------
    ArtifactError
        If it cannot be read, or names none.
    """
    try:
        named = (root / "DEFAULT").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        present = ", ".join(versions(root))
        advice = f" Choose one of {present}: churn promote VERSION." if present else ""
        raise ArtifactError(
            f"There is no readable {root / 'DEFAULT'} that names the version to serve.{advice}"
        ) from error
    if VERSION.fullmatch(named) is None:
        raise ArtifactError(
            f"{root / 'DEFAULT'} names no version, but {named[:40]!r}. Write it again: churn promote VERSION."
        )
    return named


def versions(root: Path = ARTIFACTS) -> list[str]:
    """Return the versions present, oldest first."""
    if not root.is_dir():
        return []
    present = [path.name for path in root.iterdir() if path.is_dir() and VERSION.fullmatch(path.name)]
    return sorted(present, key=lambda version: tuple(map(int, version.split("."))))


def names(folder: Path) -> list[str]:
    """Return the names of the files that SHA256SUMS lists.

    Raises
    ------
    ArtifactError
    """
    return list(_sums(folder))


def _sums(folder: Path) -> dict[str, str]:
    try:
        sums = (folder / SUMS).read_text(encoding="ascii")
    except OSError as error:
        raise ArtifactError(f"The model in {folder} is incomplete: {error.strerror}: {error.filename}.") from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{folder / SUMS} is no list of sums: it holds bytes that are not ASCII.") from error
    return {line[66:]: line[:64] for line in sums.splitlines()}


def read_checked(folder: Path, name: str) -> bytes:
    """Return the bytes of a file of an artifact after comparing them with SHA256SUMS.

    Raises
    ------
    ArtifactError
        If the file or its sum is absent, or they disagree.
    """
    expected = _sums(folder).get(name)
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ArtifactError(f"The model in {folder} is incomplete: {error.strerror}: {error.filename}.") from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ArtifactError(
            f"{folder / name} has sha256 {actual}, but {SUMS} has {expected}. It was changed or damaged."
        )
    return content


def read_json(folder: Path, name: str) -> tuple[dict[str, Any], bytes]:
    """Return what a JSON file of an artifact holds, and its bytes, after comparing them with SHA256SUMS.

    Raises
    ------
    ArtifactError
    """
    content = read_checked(folder, name)
    return strict_json.parse(content, str(folder / name)), content


def read_run(folder: Path) -> dict[str, Any]:
    """Return the content of run.json, which has no checksum; {} if there is none.

    Raises
    ------
    ArtifactError
    """
    run = folder / RUN
    try:
        return strict_json.parse(run.read_bytes(), str(run))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArtifactError(f"{run} cannot be read: {error.strerror}.") from error


def folder_of(version: str | None = None, root: Path = ARTIFACTS) -> Path:
    """Return the folder of `version`, or of the default one.

    Raises
    ------
    ArtifactError
        If there is none; the message lists those there are.
    """
    version = default_version(root) if version is None else check_version(version)
    folder = root / version
    if not folder.is_dir():
        raise ArtifactError(
            f"There is no model version {version}; versions: {', '.join(versions(root)) or f'none in {root}'}."
        )
    return folder


def is_additive(folder: Path) -> bool:
    """Return whether the model in `folder` is one that a scorecard can hold."""
    return (folder / SCORECARD).exists() or not (folder / OUTLINE).exists()


def has_own_schema(folder: Path) -> bool:
    """Return whether the model in `folder` carries its schema."""
    return SCHEMA in names(folder) or (folder / SCHEMA).exists()


def read_schema_of(folder: Path, document: Mapping[str, Any], name: str) -> Schema:
    """Return the schema of the model in `folder`; `document` is the content of its file `name`.

    Raises
    ------
    ArtifactError
        If the schema cannot be read, or the file was built for another one.
    """
    has_own = has_own_schema(folder)
    check_schema_version(document, str(folder / name), MODEL_SCHEMA if has_own else 1)
    return _read_own_schema(folder) if has_own else first_schema()


def load_schema(version: str | None = None, root: Path = ARTIFACTS) -> Schema:
    """Return the schema of `version` (the default one if None), and of the model no more.

    Raises
    ------
    ArtifactError
    """
    folder = folder_of(version, root)
    return _read_own_schema(folder) if has_own_schema(folder) else first_schema()


def _read_own_schema(folder: Path) -> Schema:
    return read_schema(Member(read_json(folder, SCHEMA)[0], str(folder / SCHEMA)))


@cache
def first_schema() -> Schema:
    """Return the schema of the model that comes with the code."""
    path = ARTIFACTS / FIRST_SCHEMA
    return read_schema(Member(strict_json.parse(path.read_bytes(), str(path)), str(path)))


def load(version: str | None = None, root: Path = ARTIFACTS) -> Scorecard:
    """Return the scorecard of `version` (the default one if None), its hash and schema version checked.

    Raises
    ------
    ArtifactError
    """
    folder = folder_of(version, root)
    if not is_additive(folder):
        raise ArtifactError(
            f"Model {folder.name} is not additive, so it has no {SCORECARD}; only the pipeline engine serves it. Set "
            "CHURN_ENGINE=pipeline, or choose another version."
        )
    document, content = read_json(folder, SCORECARD)
    schema = read_schema_of(folder, document, SCORECARD)
    scorecard = read_scorecard(document, schema, hashlib.sha256(content).hexdigest(), folder)
    if scorecard.version != folder.name:
        raise ArtifactError(f"{folder / SCORECARD} has the version {show(scorecard.version)[1:-1]}.")
    return scorecard


def sums_of(files: Mapping[str, bytes]) -> bytes:
    """Return the content of SHA256SUMS for the files of an artifact, without run.json."""
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files) if name != RUN]
    return "".join(lines).encode("ascii")


def save(
    files: Mapping[str, bytes],
    version: str,
    root: Path = ARTIFACTS,
    check: Callable[[str, Path], object] = lambda _version, _root: None,
) -> Path:
    """Write a new artifact in one step and return its folder; nothing is visible until all of it is.

    Parameters
    ----------
    files : mapping of str to bytes
        Name to content; all but run.json are entered in SHA256SUMS.
    check : callable
        Called with the version and the folder of the draft before it is visible; raises if it cannot be used.

    Raises
    ------
    ArtifactError
        If the version exists already.
    """
    folder = root / check_version(version)
    if folder.exists():
        raise ArtifactError(
            f"Model {version} exists already in {root}. Choose another version; a version never changes."
        )
    root.mkdir(parents=True, exist_ok=True)
    around = Path(tempfile.mkdtemp(prefix=".draft-", dir=root))
    try:
        # Its folder has the name of the version, which a check compares with what is in the files.
        draft = around / version
        draft.mkdir()
        for name, content in {**files, SUMS: sums_of(files)}.items():
            (draft / name).write_bytes(content)
            (draft / name).chmod(0o644)
        draft.chmod(0o755)
        check(version, around)
        draft.rename(folder)
    finally:
        shutil.rmtree(around, ignore_errors=True)
    return folder
