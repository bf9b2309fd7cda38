"""Results in a local folder, complete or not at all.

Everything is written into a hidden draft folder and moved when it is complete: a failure, an interrupt or a full disk
leaves what was there before. A draft is locked (flock) while a process fills it, so a free lock means that the process
was killed, and the draft is removed.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from app.jobs.layout import FAILURE, JOB_ID_DIGITS, PREDICTIONS, REJECTS, SUMMARY
from app.jobs.scoring import HashingReader, ReportProgress, Scoring, to_json
from model.bulk.source import Readable
from model.bulk.unchanged import Unchanged
from model.errors import ChurnError

DRAFT_NAME: Final = re.compile(r"\..{0,40}-[0-9a-f]{8}\.part", re.DOTALL)
_JOB_ID: Final = re.compile(f"[0-9a-f]{{{JOB_ID_DIGITS}}}", re.ASCII)
_DRAFT_FILES: Final = {PREDICTIONS, REJECTS, SUMMARY, FAILURE}
"""A folder that holds anything else is not our draft, whatever its name."""

_MAX_TRIES: Final = 5
_UNWRITABLE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def default_folder(file: Path) -> Path:
    """Return where results go if no folder is named: customers.csv and customers.csv.gz give customers-scored."""
    return file.with_name(re.sub(r"\.csv(\.gz)?$", "", file.name, flags=re.IGNORECASE) + "-scored")


def check_apart(file: Path, folder: Path) -> None:
    """Refuse to write the results over the file they are made from."""
    for result in (PREDICTIONS, REJECTS, SUMMARY):
        if (folder / result).exists() and file.exists() and (folder / result).samefile(file):
            raise ChurnError(f"The results would overwrite {file}. Name another folder with -o.")


def score_file(
    source: Readable, name: str, folder: Path, scoring: Scoring, report: ReportProgress | None = None
) -> dict[str, Any]:
    """Write the results of `source` into `folder`, which may hold other files, and return the summary.

    If the file cannot be read to its end, or changes while it is read, `folder` stays as it was.
    """
    with draft(folder) as path:
        summary = write_results(source, name, path, scoring, report)
        if isinstance(source, Unchanged):
            source.check()
        publish(path, folder)
    return summary


def write_results(
    source: Readable, name: str, folder: Path, scoring: Scoring, report: ReportProgress | None = None
) -> dict[str, Any]:
    """Write predictions, rejects and then the summary of `source` into `folder`, and return the summary."""
    hashing = HashingReader(source)
    run = scoring.open(hashing)
    with (folder / PREDICTIONS).open("wb") as predictions, (folder / REJECTS).open("wb") as rejects:
        summary = scoring.write(run, predictions, rejects, report)
    summary["job"] = scoring.job_id(name, hashing.sha256)
    (folder / SUMMARY).write_bytes(to_json(summary))
    return summary


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """Give a new hidden folder, and remove it at the end if it was not published. Drafts of killed processes go first.

    It is next to `folder`, or inside it if that exists: next to it may be another file system (a mounted volume), a
    place without write permission, or nothing at all (".", "/"). If the disk is full or read-only, the error names
    `folder`: the name of the draft would mean nothing to anyone, and a failed write names no file at all.
    """
    sweep(folder)
    sweep(folder.parent)
    try:
        path, lock = _create_draft(folder if folder.is_dir() else folder.parent, folder.name)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        if error.errno in _UNWRITABLE:
            error.filename = str(folder)
        raise


def publish(path: Path, folder: Path) -> None:
    """Move a draft to `folder`: in one step where nothing is there, else file by file, the summary last."""
    if folder.is_file():
        raise ChurnError(f"{folder} is a file; the results need a folder.")
    try:
        path.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        # A folder without its summary counts as unfinished, so no reader takes a mixture for a result.
        (folder / SUMMARY).unlink(missing_ok=True)
        for file in sorted(path.iterdir(), key=lambda file: file.name == SUMMARY):
            file.replace(folder / file.name)


def sweep(parent: Path) -> None:
    """Remove the drafts in a folder that no running process fills."""
    with suppress(OSError), os.scandir(parent) as entries:
        names = [entry.name for entry in entries if DRAFT_NAME.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_abandoned(parent / name)


def sweep_below(top: Path) -> None:
    """Remove such drafts from a folder and all folders below it, except those of complete results."""
    for parent, folders, _ in os.walk(top):
        sweep(Path(parent))
        folders[:] = [name for name in folders if not name.startswith(".") and not _JOB_ID.fullmatch(name)]


def _create_draft(parent: Path, stem: str) -> tuple[Path, int]:
    """Create a draft and lock it."""
    for _ in range(_MAX_TRIES):
        path = parent / f".{stem[:40]}-{secrets.token_hex(4)}.part"
        path.mkdir(parents=True)
        # Before it is locked, another process may sweep it: then it is locked by that process, or gone.
        with suppress(FileNotFoundError, BlockingIOError):
            lock = _lock(path)
            if path.is_dir():
                return path, lock
            os.close(lock)
    raise BlockingIOError(f"No draft could be kept in {parent}: another process removes each one.")


def _remove_abandoned(path: Path) -> None:
    lock = _lock(path, required=True)
    try:
        if {file.name for file in path.iterdir()} <= _DRAFT_FILES:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def _lock(folder: Path, required: bool = False) -> int:
    """Return a descriptor that holds the lock of a folder; BlockingIOError if another process holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems cannot lock folders. Nothing is swept there either.
        if required or isinstance(error, BlockingIOError):
            os.close(handle)
            raise
    return handle
