"""gzip to the bytes in it, held to what was received: in size, and in the work of reading it.

zlib does the reading; the gzip module goes byte by byte through headers and from member to member without end, so that
5 MB of empty members, or of a file name in a header, took 1.4 s of CPU inside one call (Python 3.11, 2026-11-29).
"""

import zlib
from typing import TYPE_CHECKING, Final

from model.errors import InputError

if TYPE_CHECKING:
    from model.bulk.source import Counted

GZIP_MAGIC: Final = b"\x1f\x8b"
GZIP_RATIO: Final = 50
"""Decompressed bytes for each compressed one. Lists of customers come to 5 to 25, a bomb to 1,000."""

_READ_BYTES: Final = 8 * 1024
_STEP: Final = 64 * 1024
"""Compressed bytes read, and bytes decompressed, between two looks at the limits."""

_IDLE_BYTES: Final = 1 << 20
"""Compressed bytes, beyond twice the decompressed ones, that may hold no content: headers, empty blocks, padding. The
worst that compression does to bytes without any pattern is to make them 0.1 % longer."""

_FREE_MEMBERS: Final = 1000
_MEMBER_BYTES: Final = 32
"""Decompressed bytes that each further member has on average; a member takes 3 us however little it holds."""

_GZIP: Final = 16 + zlib.MAX_WBITS


class Gunzipped:
    """The decompressed bytes of a gzip file of one or more members.

    Parameters
    ----------
    compressed : Counted
    max_ratio : int
        Decompressed bytes for each compressed one.

    Attributes
    ----------
    bytes_read : int
        Decompressed ones.
    """

    def __init__(self, compressed: "Counted", max_ratio: int) -> None:
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
            if self._member.eof and not self._begin_member():
                return b""
            chunk = self._pending or self._compressed.read(_READ_BYTES)
            try:
                content = self._member.decompress(chunk, min(size, _STEP))
            except zlib.error as error:
                raise InputError("damaged_gzip", reason=str(error)) from None
            if not (chunk or content or self._member.eof):
                raise InputError("truncated_gzip")
            self._pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self.bytes_read += len(content)
            self._check()
            if content:
                return content

    def _begin_member(self) -> bool:
        """Return whether another member follows, after the zeros with which some programs fill up a block."""
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
        read, made = self._compressed.bytes_read, self.bytes_read
        if made > read * self._max_ratio:
            raise InputError("gzip_ratio", limit=self._max_ratio, read=f"{read:,}", made=f"{made:,}")
        if read - len(self._pending) > _IDLE_BYTES + 2 * made:
            raise InputError("damaged_gzip", reason=f"its first {read:,} bytes hold {made:,} bytes of content")
        if self._members > _FREE_MEMBERS + made // _MEMBER_BYTES:
            raise InputError(
                "damaged_gzip", reason=f"its first {self._members:,} members hold {made:,} bytes of content"
            )
