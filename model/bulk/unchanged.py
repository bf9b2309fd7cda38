"""A file that must stay as it is while it is read; whatever changes it ends the reading. Standard library only."""

import os
import stat
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Final

from model.bulk.source import Readable, reread
from model.errors import ChurnError

STANDARD_INPUT: Final = "-"


class FileChangedError(ChurnError):
    """A file that was changed while it was read: what was read is neither the old file nor the new one."""


class Unchanged:
    """An open file whose size and time of change are compared after each read, and its name at the end.

    Pipes and devices have no size, so there is nothing to compare.

    Parameters
    ----------
    file : binary file
    name : str or Path
        As the error names it; also where the file is to be found, to notice that another one took its place.
    """

    def __init__(self, file: IO[bytes], name: str | Path) -> None:
        self._file, self._name = file, name
        self._first = self._read_bytes = 0
        self._before: os.stat_result | None = None
        try:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                self._before, self._first = status, file.tell()
        except (OSError, ValueError):
            pass  # no file of the system: bytes in memory

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, b"" only at the end of a file that is still the same.

        Raises
        ------
        FileChangedError
        """
        content = self._file.read(size)
        self._read_bytes += len(content)
        self.check(at_end=size < 0 or (size > 0 and not content))
        return content

    def rewind(self) -> None:
        """Read from the start again; the file must still be the one that was opened."""
        self._file.seek(0)
        self._first = self._read_bytes = 0

    def again(self) -> AbstractContextManager[Readable | None]:
        """Give the bytes from where the reading began once more; None for a pipe."""
        return reread(self._file, self._first)

    def check(self, at_end: bool = False) -> None:
        """Raise an error if the file is not as it was when it was opened.

        Raises
        ------
        FileChangedError
        """
        change = self._change(at_end) if self._before else None
        if change:
            name = "Standard input" if self._is_standard_input else self._name
            raise FileChangedError(
                f"{name} changed while it was read: {change}. Nothing was written. Run this again once no other "
                "program writes to the file."
            )

    def _change(self, at_end: bool) -> str | None:
        before, now = self._before, os.fstat(self._file.fileno())
        assert before is not None
        if now.st_size != before.st_size:
            return f"it had {before.st_size:,} bytes at first, then {now.st_size:,}"
        if now.st_mtime_ns != before.st_mtime_ns:
            return "it was written to meanwhile"
        if not at_end:
            return None
        # Some file systems made of programs report 0 bytes for a file that has content.
        expected = before.st_size - self._first
        if before.st_size and self._read_bytes != expected:
            return f"it has {expected:,} bytes, and {self._read_bytes:,} were read"
        return "another file took its place" if self._is_replaced(now) else None

    @property
    def _is_standard_input(self) -> bool:
        return str(self._name) == STANDARD_INPUT

    def _is_replaced(self, now: os.stat_result) -> bool:
        if self._is_standard_input:
            return False
        try:
            # Follows links, as opening did. A file that was moved away or removed was still read whole.
            named = Path(self._name).stat()
        except OSError:
            return False
        return (named.st_dev, named.st_ino) != (now.st_dev, now.st_ino)
