"""Open files of a folder that strangers may write to: no link leads out of it."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from model.errors import InputError


def is_inside(path: Path, root: Path) -> bool:
    """Return whether a path is in `root`, or is `root`, once all links are resolved; it need not exist."""
    real, real_root = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, real_root]) == real_root


def open_inside(root: Path, name: str) -> IO[bytes] | None:
    """Open the file `name` below `root`; None if it is not a file (any more) but a pipe, a device or a folder.

    Links are resolved first; then the path is walked from `root` on without following any. A link that replaces a part
    of the path meanwhile is an OSError, and not opened. Links out of `root` are an InputError that quotes nothing of
    the file they lead to.
    """
    if not is_inside(root / name, root):
        raise InputError("link_outside")
    parts = Path(os.path.realpath(root / name)).relative_to(os.path.realpath(root)).parts
    if not parts:
        return None
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            child = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = child
        # Not blocking: opening a pipe that nobody writes to would wait forever.
        handle = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    with suppress(OSError):
        os.close(handle)
    return None
