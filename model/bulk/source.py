"""Bytes as they come to UTF-8 text as bytes: gzip is unpacked, other encodings are transcoded, what is no CSV is named.

Knows nothing of rows or columns.
"""

import codecs
import gzip
import zlib
from dataclasses import dataclass
from typing import IO, Final, Protocol, cast

from model.errors import InputError

MIB: Final = 1 << 20
BOM: Final = codecs.BOM_UTF8
GZIP_MAGIC: Final = b"\x1f\x8b"
GZIP_RATIO: Final = 50
"""Decompressed bytes for each compressed one. Lists of customers come to 5 to 25, a bomb to 1,000."""

_GZIP_STEP: Final = 64 * 1024
"""Bytes decompressed between two looks at the ratio."""

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
_CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "iso8859-1": "latin-1",
    "cp1252": "cp1252",
}


_UNDEFINED: Final = "churn-undefined"


def _undefined(error: UnicodeError) -> tuple[str, int]:
    # Windows-1252 leaves five bytes undefined; they are controls there as in Latin-1 (WHATWG Encoding Standard, 9.1).
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(_UNDEFINED, _undefined)


def errors_of(encoding: str) -> str:
    """Return what to do with bytes that mean nothing in `encoding`, as `bytes.decode` takes it."""
    return _UNDEFINED if encoding == "cp1252" else "replace"


class Readable(Protocol):
    """Anything with read(n) that gives b"" at its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
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


class _Counted:
    """A source that counts, after handing back what was read to look at its first bytes."""

    def __init__(self, source: Readable, limit: int | None) -> None:
        self._source = source
        self._limit = limit
        self._pushed = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        self._pushed = read_fully(self, size)
        return self._pushed

    def read(self, size: int = -1, /) -> bytes:
        if self._pushed:
            given, self._pushed = self._pushed[:size], self._pushed[size:]
            return given
        given = self._source.read(size)
        self.bytes_read += len(given)
        if self._limit is not None and self.bytes_read > self._limit:
            raise InputError("too_many_bytes", limit=f"{self._limit:,}")
        return given


class _Gunzipped:
    """The unpacked bytes of a gzip file of one or more members."""

    def __init__(self, packed: _Counted, max_ratio: int) -> None:
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=cast("IO[bytes]", packed), mode="rb")
        self._max_ratio = max_ratio
        self.bytes_read = 0

    def read(self, size: int, /) -> bytes:
        try:
            # read1 decompresses at most once and no more than it is asked for; read would go on to the full size.
            given: bytes = self._file.read1(min(size, _GZIP_STEP))
        except EOFError:
            raise InputError("truncated_gzip") from None
        except (OSError, zlib.error) as error:
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise InputError("damaged_gzip", reason=str(error)) from None
        self.bytes_read += len(given)
        if self.bytes_read > self._packed.bytes_read * self._max_ratio:
            raise InputError("gzip_ratio", limit=self._max_ratio)
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


class Text:
    """A file as UTF-8 bytes without byte order mark, whatever it was.

    Parameters
    ----------
    source : Readable
    charset : str, optional
        As declared: utf-8, utf-16, latin-1 or cp1252. A byte order mark beats it. Undeclared, a file whose first MiB is
        not UTF-8 is read as Windows-1252, and `notes` says so: what Excel writes, and Latin-1 but for controls.

    Attributes
    ----------
    encoding : str
    notes : list of str
    bytes_read : int
        Of the source, as they came.

    Raises
    ------
    InputError
        not_csv, unknown_charset, no_byte_order_mark, and from `read` what is wrong with a gzip file, or too_many_bytes.
    """

    def __init__(self, source: Readable, charset: str | None = None, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.notes: list[str] = []
        self.encoding = _declared(charset)
        self._counted = _Counted(source, limits.max_bytes)
        self._bytes: _Counted | _Gunzipped = self._counted
        if self._counted.peek(2) == GZIP_MAGIC:
            self._bytes = _Gunzipped(self._counted, limits.max_gzip_ratio)
        self._first = read_fully(self._bytes, MIB)
        self._look()
        transcode = self.encoding != "utf-8"
        self._decoder = codecs.getincrementaldecoder(self.encoding)(errors_of(self.encoding)) if transcode else None
        self._ended = False

    @property
    def bytes_read(self) -> int:
        """Bytes of the source consumed so far, as they came."""
        return self._counted.bytes_read

    @property
    def bytes_decompressed(self) -> int:
        """Bytes of the file consumed so far, decompressed where they came as gzip."""
        return self._bytes.bytes_read

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
        if self.encoding == "":
            self.encoding = "utf-8"
            try:
                # An incremental decoder forgives a letter that is cut in two by the end of the first MiB.
                codecs.getincrementaldecoder("utf-8")().decode(self._first, final=len(self._first) < MIB)
            except UnicodeDecodeError:
                self.encoding = "cp1252"
                self.notes.append("The file is not UTF-8; it was read as Windows-1252.")

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of UTF-8, b"" only at the end."""
        while True:
            chunk, self._first = self._first[:size], self._first[size:]
            if len(chunk) < size:
                chunk += read_fully(self._bytes, size - len(chunk))
            if self._decoder is None or self._ended:
                return chunk
            self._ended = not chunk
            text = self._decoder.decode(chunk, final=self._ended).encode("utf-8")
            if text or self._ended:
                return text


def _declared(charset: str | None) -> str:
    if not charset:
        return ""
    try:
        return _CHARSETS[codecs.lookup(charset.strip()).name]
    except (LookupError, ValueError):
        raise InputError("unknown_charset", value=charset) from None
