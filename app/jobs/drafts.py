"""Hidden folders that are filled and then moved to their place; what a killed process left of one is swept away.

A draft is locked (flock) as long as the process lives that fills it, so a free lock says that nobody will.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.jobs.jobs import FAILURE, PREDICTIONS, REJECTS, SUMMARY

NAME: Final = re.compile(r"\..{0,40}-[0-9a-f]{8}\.part", re.DOTALL)
_HELD: Final = {PREDICTIONS, REJECTS, SUMMARY, FAILURE}
"""What our drafts hold; a folder with anything else in it is not ours, whatever it is called."""

_TRIES: Final = 5


@contextmanager
def open_draft(parent: Path, stem: str) -> Iterator[Path]:
    """Give a new hidden folder in `parent`, and remove it at the end if it was not moved."""
    made, lock = _make(parent, stem)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _make(parent: Path, stem: str) -> tuple[Path, int]:
    for _ in range(_TRIES):
        made = parent / f".{stem[:40]}-{secrets.token_hex(4)}.part"
        made.mkdir(parents=True)
        # Between the two, another process may sweep it: then it is locked, or gone.
        with suppress(FileNotFoundError, BlockingIOError):
            lock = _lock(made)
            if made.is_dir():
                return made, lock
            os.close(lock)
    raise BlockingIOError(f"No draft could be kept in {parent}: another process removes each one.")


def _lock(folder: Path, required: bool = False) -> int:
    """Return a descriptor that holds the lock of a folder; BlockingIOError where another process holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems lock no folders. There nothing is swept either.
        if required or isinstance(error, BlockingIOError):
            os.close(handle)
            raise
    return handle


def sweep(parent: Path) -> None:
    """Remove the drafts in a folder that no running process fills."""
    with suppress(OSError), os.scandir(parent) as entries:
        found = [entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
        for name in found:
            with suppress(OSError):
                _sweep(parent / name)


def _sweep(draft: Path) -> None:
    lock = _lock(draft, required=True)
    try:
        if {file.name for file in draft.iterdir()} <= _HELD:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(lock)


def sweep_below(top: Path) -> None:
    """Remove such drafts from a folder and all folders below it, but for those of whole results."""
    for parent, folders, _ in os.walk(top):
        sweep(Path(parent))
        folders[:] = [name for name in folders if not name.startswith(".") and not _JOB.fullmatch(name)]


_JOB: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
