"""Files of a folder that a stranger may write to: nothing outside is opened, whatever links lead there."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from model.errors import InputError


def is_beneath(path: Path, root: Path) -> bool:
    """Return whether a path lies in `root`, or is `root`, once all links are followed; it need not be there."""
    real, real_root = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, real_root]) == real_root


def open_beneath(root: Path, name: str) -> IO[bytes] | None:
    """Open the file `name` below `root`; None where it is no file (any more) but a pipe, a device or a folder.

    The path is walked from `root` on without following a link, once those were resolved: one that takes a name
    meanwhile is an OSError, and not opened.

    Raises
    ------
    InputError
        If links lead out of `root`. It quotes nothing of what they lead to.
    OSError
    """
    if not is_beneath(root / name, root):
        raise InputError("link_outside")
    parts = Path(os.path.realpath(root / name)).relative_to(os.path.realpath(root)).parts
    if not parts:
        return None
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # A pipe that nobody writes to would keep us waiting.
        handle = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    with suppress(OSError):
        os.close(handle)
    return None
