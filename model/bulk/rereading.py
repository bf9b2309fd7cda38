"""Sources that can be read a second time, and what stands in for those that cannot."""

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from model.bulk.source import Readable


@runtime_checkable
class Repeatable(Protocol):
    """A source that can be read once more, from its start, without losing how far it was read."""

    def again(self) -> "AbstractContextManager[Readable | None]":
        """Give its bytes from the start; None where it cannot be read twice after all."""


class Aside:
    """A source that can be read only once: what is looked at is kept in a temporary file, and comes first."""

    def __init__(self, source: "Readable") -> None:
        self._source = source
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this)
        weakref.finalize(self, self._file.close)

    def look(self, size: int) -> bytes:
        """Return the next bytes of the source, which `read` returns again."""
        part = self._source.read(size)
        self._file.write(part)
        return part

    def rewind(self) -> None:
        """Begin with what was looked at."""
        self._file.seek(0)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        return self._file.read(size) or self._source.read(size)


def position_of(source: "Readable") -> int:
    """Return how far a file was read; 0 for what cannot go back anyway."""
    file: Any = source
    return int(file.tell()) if _is_seekable(source) else 0


@contextmanager
def reread(source: "Readable", start: int = 0) -> "Iterator[Readable | None]":
    """Give the bytes of a source once more, of a file from `start` on; None where it can be read only once."""
    file: Any = source
    if isinstance(source, Repeatable):
        with source.again() as second:
            yield second
    elif _is_seekable(source):
        position = file.tell()
        file.seek(start)
        try:
            yield source
        finally:
            file.seek(position)
    else:
        yield None


def _is_seekable(source: "Readable") -> bool:
    file: Any = source
    return hasattr(file, "seekable") and bool(file.seekable())
