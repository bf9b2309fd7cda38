"""The bytes of a file: counted, limited, decompressed where they are gzip, and read a second time where that is needed.

zlib decompresses; the gzip module goes byte by byte through headers and from member to member without end, so that 5 MB
of empty members, or of a file name in a header, took 1.4 s of CPU inside one call (Python 3.11, 2026-11-29).
"""

import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol, runtime_checkable

from model.errors import InputError

MIB: Final = 1 << 20
GZIP_MAGIC: Final = b"\x1f\x8b"
GZIP_RATIO: Final = 50
"""Decompressed bytes for each compressed one. Lists of customers reach 5 to 25, a bomb 1,000."""

_READ_BYTES: Final = 8 * 1024
_STEP_BYTES: Final = 64 * 1024
"""The most bytes that are decompressed between two checks of the limits."""

_IDLE_BYTES: Final = MIB
"""Compressed bytes, beyond twice the decompressed ones, that may hold no content: headers, empty blocks, padding. At
worst, compression makes bytes without any pattern 0.1 % longer."""

_FREE_MEMBERS: Final = 1000
_MEMBER_BYTES: Final = 32
"""Decompressed bytes that each further member has on average; a member takes 3 us however little it holds."""

_GZIP: Final = 16 + zlib.MAX_WBITS


class Readable(Protocol):
    """Anything with read(n) that returns b"" at its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


@runtime_checkable
class Rereadable(Protocol):
    """A source that can be read once more from its start, without losing its position."""

    def again(self) -> AbstractContextManager[Readable | None]:
        """Give its bytes from the start; None if it cannot be read twice after all."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much of a file is accepted.

    Attributes
    ----------
    max_bytes : int, optional
        Of the file as it is sent, compressed or not.
    max_rows : int, optional
    max_gzip_ratio : int
        Decompressed bytes for each compressed one, from the first byte on.
    """

    max_bytes: int | None = None
    max_rows: int | None = None
    max_gzip_ratio: int = GZIP_RATIO


def read_fully(source: Readable, size: int) -> bytes:
    """Return `size` bytes, fewer only at the end, however few the source returns at a time."""
    parts, missing = [], size
    while missing > 0:
        part = source.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class CountedSource:
    """A source that counts its bytes, and whose first bytes can be looked at before they are read."""

    def __init__(self, source: Readable, max_bytes: int | None) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._peeked = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        """Return the first bytes, which `read` returns again."""
        self._peeked = read_fully(self, size)
        return self._peeked

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes.

        Raises
        ------
        InputError
            too_many_bytes.
        """
        if self._peeked:
            content, self._peeked = self._peeked[:size], self._peeked[size:]
            return content
        content = self._source.read(size)
        self.bytes_read += len(content)
        if self._max_bytes is not None and self.bytes_read > self._max_bytes:
            raise InputError("too_many_bytes", limit=f"{self._max_bytes:,}")
        return content


class GzipSource:
    """The decompressed bytes of a gzip file of one or more members.

    Parameters
    ----------
    compressed : CountedSource
    max_ratio : int
        Decompressed bytes for each compressed one.

    Attributes
    ----------
    bytes_read : int
        Decompressed ones.
    """

    def __init__(self, compressed: CountedSource, max_ratio: int) -> None:
        self._compressed, self._max_ratio = compressed, max_ratio
        self._member = zlib.decompressobj(_GZIP)
        self._members = 1
        self._pending = b""
        self.bytes_read = 0

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" only at the end.

        Raises
        ------
        InputError
            truncated_gzip, damaged_gzip, gzip_ratio.
        """
        while True:
            if self._member.eof and not self._start_member():
                return b""
            chunk = self._pending or self._compressed.read(_READ_BYTES)
            try:
                content = self._member.decompress(chunk, min(size, _STEP_BYTES))
            except zlib.error as error:
                raise InputError("damaged_gzip", reason=str(error)) from None
            if not (chunk or content or self._member.eof):
                raise InputError("truncated_gzip")
            self._pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self.bytes_read += len(content)
            self._check()
            if content:
                return content

    def _start_member(self) -> bool:
        """Return whether another member follows, after the zeros with which some programs pad a block."""
        while not (rest := self._pending.lstrip(b"\0")):
            self._pending = self._compressed.read(_READ_BYTES)
            self._check()
            if not self._pending:
                return False
        if len(rest) < len(GZIP_MAGIC):
            rest += self._compressed.read(_READ_BYTES)
        if not rest.startswith(GZIP_MAGIC):
            raise InputError("damaged_gzip", reason="what follows its end is no gzip")
        self._pending = rest
        self._member = zlib.decompressobj(_GZIP)
        self._members += 1
        return True

    def _check(self) -> None:
        compressed, decompressed = self._compressed.bytes_read, self.bytes_read
        if decompressed > compressed * self._max_ratio:
            raise InputError(
                "gzip_ratio", limit=self._max_ratio, read=f"{compressed:,}", decompressed=f"{decompressed:,}"
            )
        if compressed - len(self._pending) > _IDLE_BYTES + 2 * decompressed:
            reason = f"its first {compressed:,} bytes hold {decompressed:,} bytes of content"
            raise InputError("damaged_gzip", reason=reason)
        if self._members > _FREE_MEMBERS + decompressed // _MEMBER_BYTES:
            reason = f"its first {self._members:,} members hold {decompressed:,} bytes of content"
            raise InputError("damaged_gzip", reason=reason)


def position_of(source: Readable) -> int:
    """Return the position in a file; 0 for a source that cannot seek."""
    file: Any = source
    return int(file.tell()) if _is_seekable(source) else 0


@contextmanager
def reread(source: Readable, start: int = 0) -> Iterator[Readable | None]:
    """Give the bytes of a source once more, those of a file from `start` on; None if it can be read only once."""
    file: Any = source
    if isinstance(source, Rereadable):
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


def _is_seekable(source: Readable) -> bool:
    file: Any = source
    return hasattr(file, "seekable") and bool(file.seekable())


class BufferedSource:
    """A source that can be read only once: bytes that are read ahead are kept in a temporary file and read again."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, self._file.close)

    def read_ahead(self, size: int) -> bytes:
        """Return the next bytes of the source, which `read` returns again."""
        part = self._source.read(size)
        self._file.write(part)
        return part

    def rewind(self) -> None:
        """Go back to the first byte that was read ahead."""
        self._file.seek(0)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        return self._file.read(size) or self._source.read(size)
