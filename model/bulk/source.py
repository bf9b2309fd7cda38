"""Bytes as they come to UTF-8 text as bytes: gzip is unpacked, other encodings are transcoded, what is no CSV is named.

Knows nothing of rows or columns.
"""

import codecs
from dataclasses import dataclass
from typing import Final, Protocol

from model.bulk.charsets import Utf8Search, encoding_of, errors_of
from model.bulk.gunzip import GZIP_MAGIC, GZIP_RATIO, Gunzipped
from model.bulk.rereading import Aside, position_of, reread
from model.errors import InputError

MIB: Final = 1 << 20
BOM: Final = codecs.BOM_UTF8
_LEAST: Final = 16
"""Bytes asked for at least where the encoding is not decided: more than a letter has."""

_CSV_ADVICE: Final = "Save it as CSV (UTF-8) and send that."
_KINDS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"PK\x03\x04", "a workbook (.xlsx) or a zip archive", _CSV_ADVICE),
    (b"PK\x05\x06", "an empty zip archive", _CSV_ADVICE),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls)", _CSV_ADVICE),
    (b"\x89PNG", "a PNG image", _CSV_ADVICE),
    (b"\xff\xd8\xff", "a JPEG image", _CSV_ADVICE),
    (b"GIF8", "a GIF image", _CSV_ADVICE),
    (b"%PDF", "a PDF document", _CSV_ADVICE),
    (b"PAR1", "a Parquet file", _CSV_ADVICE),
    (b"SQLite format 3", "an SQLite database", _CSV_ADVICE),
    (GZIP_MAGIC, "gzip inside gzip", "Pack it once."),
    # What a gateway makes of gzip that it takes for text.
    (
        b"\x1f\xef\xbf\xbd",
        "a gzip file damaged on its way to us, where it was read as text (U+FFFD)",
        "Send it unpacked.",
    ),
    (b"BZh", "packed with bzip2", "Unpack it, or pack it with gzip."),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "Unpack it, or pack it with gzip."),
    (b"\xfd7zXZ", "packed with xz", "Unpack it, or pack it with gzip."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it, or pack it with gzip."),
    (b"{", "JSON", "Send a CSV here, or one customer as JSON to /v1/customer."),
    (b"[", "JSON", "Send a CSV here, or one customer as JSON to /v1/customer."),
    (b"<", "HTML or XML", _CSV_ADVICE),
)
_MARKS: Final = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Readable(Protocol):
    """Anything with read(n) that gives b"" at its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much of a file is accepted.

    Attributes
    ----------
    max_bytes : int, optional
        As they come, packed or not.
    max_rows : int, optional
    max_gzip_ratio : int
        Decompressed bytes for each compressed one, from the first byte on.
    """

    max_bytes: int | None = None
    max_rows: int | None = None
    max_gzip_ratio: int = GZIP_RATIO


class Counted:
    """A source that counts, after handing back what was read to look at its first bytes."""

    def __init__(self, source: Readable, limit: int | None) -> None:
        self._source = source
        self._limit = limit
        self._pushed = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        """Return the first bytes, which `read` returns again."""
        self._pushed = read_fully(self, size)
        return self._pushed

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes.

        Raises
        ------
        InputError
            too_many_bytes.
        """
        if self._pushed:
            given, self._pushed = self._pushed[:size], self._pushed[size:]
            return given
        given = self._source.read(size)
        self.bytes_read += len(given)
        if self._limit is not None and self.bytes_read > self._limit:
            raise InputError("too_many_bytes", limit=f"{self._limit:,}")
        return given


def read_fully(source: Readable, size: int) -> bytes:
    """Return `size` bytes, fewer only at the end, however little the source gives at a time."""
    parts, missing = [], size
    while missing > 0:
        part = source.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Utf8Stream:
    """A file as UTF-8 bytes without byte order mark, whatever it was.

    Parameters
    ----------
    source : Readable
    charset : str, optional
        As declared: utf-8, utf-16, latin-1 or cp1252. A byte order mark beats it. Undeclared, the whole file decides: a
        letter of several bytes that is valid UTF-8, wherever it is, proves UTF-8; a file that has none, and bytes that
        are not ASCII, is read as Windows-1252, and `notes` says so: what Excel writes, and Latin-1 but for controls.
    looks_ahead : bool
        Whether the rest of the file is looked through where its beginning does not decide. It is looked through at the
        first byte that is not UTF-8, since all before it is ASCII and the same either way; a source that can be read
        only once is put aside in a temporary file meanwhile.

    Attributes
    ----------
    encoding : str
        In UTF-8, single bytes that are not may still occur; `reader.read_text` finds them.
    is_sure : bool
        Whether the encoding was declared, marked or proved.
    notes : list of str
    bytes_read : int
        Of the source, as they came.

    Raises
    ------
    InputError
        not_csv, unknown_charset, no_byte_order_mark, and from `read` what is wrong with a gzip file, or too_many_bytes.
    """

    def __init__(
        self, source: Readable, charset: str | None = None, limits: FileLimits | None = None, looks_ahead: bool = True
    ) -> None:
        self._limits = limits or FileLimits()
        self.notes: list[str] = []
        self.encoding = _declared(charset)
        self._source, self._looks_ahead = source, looks_ahead
        self._start = position_of(source)
        self._counted, self._decompressed = self._open(source)
        self._bytes: Readable = self._decompressed
        self._looked_at_bytes = 0
        self._first = read_fully(self._bytes, MIB)
        self._look()
        self.is_sure = bool(self.encoding)
        self._is_open = not self.encoding
        self.encoding = self.encoding or "utf-8"
        self._decoder = self._transcoder()
        self._ended = False

    def _open(self, source: Readable) -> tuple[Counted, Counted | Gunzipped]:
        counted = Counted(source, self._limits.max_bytes)
        if counted.peek(2) == GZIP_MAGIC:
            return counted, Gunzipped(counted, self._limits.max_gzip_ratio)
        return counted, counted

    @property
    def bytes_read(self) -> int:
        """Bytes of the source consumed so far, as they came."""
        return self._counted.bytes_read

    @property
    def is_compressed(self) -> bool:
        """Whether the file came as gzip."""
        return self._decompressed is not self._counted

    @property
    def is_transcoded(self) -> bool:
        """Whether the text came in another encoding than UTF-8, as far as it was read."""
        return self._decoder is not None

    @property
    def bytes_decompressed(self) -> int:
        """Bytes of the file read so far, decompressed where they came as gzip, those looked at ahead among them."""
        return max(self._decompressed.bytes_read, self._looked_at_bytes)

    def _look(self) -> None:
        head = self._first.removeprefix(BOM).lstrip()[:16]
        for magic, kind, advice in _KINDS:
            if head.startswith(magic):
                raise InputError("not_csv", kind=kind, advice=advice)
        if self._first.startswith(BOM):
            # More than one where files were joined.
            while self._first.startswith(BOM):
                self._first = self._first[len(BOM) :]
            self.encoding = "utf-8"
            return
        for mark, encoding in _MARKS:
            if self._first.startswith(mark):
                self.encoding = encoding
                return
        if self.encoding == "utf-16" and self._first:
            raise InputError("no_byte_order_mark")

    def _transcoder(self) -> codecs.IncrementalDecoder | None:
        if self.encoding == "utf-8":
            return None
        return codecs.getincrementaldecoder(self.encoding)(errors_of(self.encoding))

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of UTF-8, b"" only at the end."""
        while True:
            chunk = self._undecided(max(size, _LEAST)) if self._is_open else self._take(size)
            if self._decoder is None or self._ended:
                return chunk
            self._ended = not chunk
            text = self._decoder.decode(chunk, final=self._ended).encode("utf-8")
            if text or self._ended:
                return text

    def _take(self, size: int) -> bytes:
        chunk, self._first = self._first[:size], self._first[size:]
        if len(chunk) < size:
            chunk += read_fully(self._bytes, size - len(chunk))
        return chunk

    def _undecided(self, size: int) -> bytes:
        """Return the next bytes of a file that was ASCII so far, and decide its encoding where these are not."""
        chunk = self._take(size)
        if chunk.isascii():
            return chunk
        search = Utf8Search()
        is_utf8 = search.read(chunk, final=len(chunk) < size)
        whole = chunk.removesuffix(search.cut)
        if not is_utf8 and whole.isascii():
            # Nothing but the beginning of a letter, whose rest comes next.
            self._first = search.cut + self._first
            return whole
        self._is_open = False
        self.is_sure = is_utf8 or self._looks_ahead
        if not is_utf8 and not (self._looks_ahead and self._is_utf8_further_on(search)):
            self.encoding = "cp1252"
            self._decoder = self._transcoder()
            self.notes.append("The file is not UTF-8; it was read as Windows-1252.")
        return chunk

    def _is_utf8_further_on(self, search: Utf8Search) -> bool:
        """Return whether what follows has a letter that is valid UTF-8."""
        if search.read(self._first):
            return True
        with reread(self._source, self._start) as second:
            if second is not None:
                _, whole = self._open(second)
                search = Utf8Search()
                try:
                    return any(search.read(part) for part in iter(lambda: read_fully(whole, MIB), b""))
                finally:
                    self._looked_at_bytes = whole.bytes_read
        self._bytes = aside = Aside(self._bytes)
        is_utf8 = any(search.read(part) for part in iter(lambda: aside.look(MIB), b""))
        aside.rewind()
        return is_utf8


def _declared(charset: str | None) -> str:
    if not charset:
        return ""
    encoding = encoding_of(charset)
    if encoding is None:
        raise InputError("unknown_charset", value=charset)
    return encoding
