"""The text of a file as UTF-8 bytes without a byte order mark, in whichever encoding it was written."""

import codecs
import re
from encodings.aliases import aliases
from typing import Final

from model.bulk.source import (
    GZIP_MAGIC,
    MIB,
    BufferedSource,
    CountedSource,
    FileLimits,
    GzipSource,
    Readable,
    position_of,
    read_fully,
    reread,
)
from model.errors import InputError

BOM: Final = codecs.BOM_UTF8

_ENCODINGS: Final = {
    "utf_8": "utf-8",
    "utf_8_sig": "utf-8",
    "ascii": "utf-8",
    "utf_16": "utf-16",
    "latin_1": "latin-1",
    "cp1252": "cp1252",
}
# A fixed table: codecs.lookup keeps every name it was ever asked for, known or not (7.6 KB each in Python 3.11).
_NAMES: Final = {
    **_ENCODINGS,
    "iso8859_1": "latin-1",
    **{alias: _ENCODINGS[name] for alias, name in aliases.items() if name in _ENCODINGS},
}
_SEPARATORS: Final = re.compile(r"[^a-z0-9.]+", re.ASCII)
_MAX_NAME_LENGTH: Final = 40

_UNDEFINED: Final = "churn-undefined"
_STRAY: Final = "churn-stray"

_MIN_READ_BYTES: Final = 16
"""Bytes read at least while the encoding is unknown: more than a character has."""

_MARKS: Final = (
    (BOM, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAVE_AS_CSV: Final = "Save it as CSV (UTF-8) and send that."
_RECOMPRESS: Final = "Decompress it, or compress it with gzip."
_OTHER_FORMATS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"PK\x03\x04", "a workbook (.xlsx) or a zip archive", _SAVE_AS_CSV),
    (b"PK\x05\x06", "an empty zip archive", _SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls)", _SAVE_AS_CSV),
    (b"\x89PNG", "a PNG image", _SAVE_AS_CSV),
    (b"\xff\xd8\xff", "a JPEG image", _SAVE_AS_CSV),
    (b"GIF8", "a GIF image", _SAVE_AS_CSV),
    (b"%PDF", "a PDF document", _SAVE_AS_CSV),
    (b"PAR1", "a Parquet file", _SAVE_AS_CSV),
    (b"SQLite format 3", "an SQLite database", _SAVE_AS_CSV),
    (GZIP_MAGIC, "gzip inside gzip", "Compress it once."),
    # What a gateway makes of gzip that it reads as text.
    (b"\x1f\xef\xbf\xbd", "a gzip file that was read as text (U+FFFD) and damaged on its way", "Send it decompressed."),
    (b"BZh", "compressed with bzip2", _RECOMPRESS),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _RECOMPRESS),
    (b"\xfd7zXZ", "compressed with xz", _RECOMPRESS),
    (b"7z\xbc\xaf", "a 7z archive", _RECOMPRESS),
    (b"{", "JSON", "Send a CSV here, or one customer as JSON to /v1/customer."),
    (b"[", "JSON", "Send a CSV here, or one customer as JSON to /v1/customer."),
    (b"<", "HTML or XML", _SAVE_AS_CSV),
)
"""First bytes of files that are no CSV, what they are, and what to do."""


def encoding_of(name: str) -> str | None:
    """Return the encoding of a name, None for one that is not supported."""
    if len(name) > _MAX_NAME_LENGTH or not name.isascii():
        return None
    plain = _SEPARATORS.sub("_", name.lower()).strip("_")
    return _NAMES.get(plain) or _NAMES.get(plain.replace(".", "_"))


def _decode_undefined(error: UnicodeError) -> tuple[str, int]:
    # Windows-1252 leaves five bytes undefined; they are controls there as in Latin-1 (WHATWG Encoding Standard, 9.1).
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _decode_stray(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", _UNDEFINED), error.end


codecs.register_error(_UNDEFINED, _decode_undefined)
codecs.register_error(_STRAY, _decode_stray)


def error_handler(encoding: str) -> str:
    """Return the handler, as `bytes.decode` accepts it, of bytes that have no meaning in `encoding`."""
    return {"cp1252": _UNDEFINED, "utf-8": _STRAY}.get(encoding, "replace")


class Utf8Search:
    """Looks for a character of several bytes that is valid UTF-8, in pieces that may cut one in two."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def feed(self, data: bytes, final: bool = False) -> bool:
        """Return whether the next piece has one."""
        if data.isascii() and not self.cut:
            return False
        return not self._decoder.decode(data, final).isascii()

    @property
    def cut(self) -> bytes:
        """The beginning of a character at the end of the last piece."""
        return self._decoder.getstate()[0]


class Utf8Stream:
    """A file as UTF-8 bytes.

    Parameters
    ----------
    source : Readable
    charset : str, optional
        As declared: utf-8, utf-16, latin-1 or cp1252. A byte order mark overrides it. Undeclared, the whole file
        decides: a character of several bytes that is valid UTF-8, anywhere, proves UTF-8; a file that has none, and
        bytes beyond ASCII, is read as Windows-1252, and `notes` reports it. That is what Excel writes, and
        Latin-1 but for control characters.
    limits : FileLimits, optional
    looks_ahead : bool
        Whether the rest of the file is searched where its beginning does not decide. It is searched at the first byte
        beyond ASCII, since everything before is the same in either encoding; a source that can be read only once is
        buffered in a temporary file.

    Attributes
    ----------
    encoding : str
        In UTF-8, single bytes may still be invalid; `records.to_utf8` finds them.
    is_sure : bool
        Whether the encoding was declared, marked or proved.
    notes : list of str

    Raises
    ------
    InputError
        not_csv, unknown_charset, no_byte_order_mark, and from `read` the problems of a gzip file, or too_many_bytes.
    """

    def __init__(
        self, source: Readable, charset: str | None = None, limits: FileLimits | None = None, looks_ahead: bool = True
    ) -> None:
        declared = _declared(charset)
        self._limits = limits or FileLimits()
        self.notes: list[str] = []
        self._source, self._looks_ahead = source, looks_ahead
        self._start = position_of(source)
        self._counted, self._decompressed = self._open(source)
        self._bytes: Readable = self._decompressed
        self._searched_bytes = 0
        self._pending = read_fully(self._bytes, MIB)
        marked = self._find_mark()
        if declared == "utf-16" and self._pending and not marked:
            raise InputError("no_byte_order_mark")
        encoding = marked or declared
        self._is_undecided = not encoding
        self.is_sure = bool(encoding)
        self._set_encoding(encoding or "utf-8")
        self._is_ended = False

    def _open(self, source: Readable) -> tuple[CountedSource, CountedSource | GzipSource]:
        counted = CountedSource(source, self._limits.max_bytes)
        if counted.peek(2) == GZIP_MAGIC:
            return counted, GzipSource(counted, self._limits.max_gzip_ratio)
        return counted, counted

    @property
    def bytes_read(self) -> int:
        """Bytes of the source read so far, compressed where they are gzip."""
        return self._counted.bytes_read

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzip."""
        return self._decompressed is not self._counted

    @property
    def is_transcoded(self) -> bool:
        """Whether the file is in another encoding than UTF-8, as far as it was read."""
        return self._decoder is not None

    @property
    def bytes_decompressed(self) -> int:
        """Decompressed bytes read so far, those searched ahead included."""
        return max(self._decompressed.bytes_read, self._searched_bytes)

    def _find_mark(self) -> str:
        """Return the encoding of the byte order mark, "" without one; refuse other formats by their first bytes."""
        head = self._pending.removeprefix(BOM).lstrip()[:16]
        for magic, kind, advice in _OTHER_FORMATS:
            if head.startswith(magic):
                raise InputError("not_csv", kind=kind, advice=advice)
        return next((encoding for mark, encoding in _MARKS if self._pending.startswith(mark)), "")

    def _set_encoding(self, encoding: str) -> None:
        self.encoding = encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        if encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)(error_handler(encoding))
            return
        # More than one where files were joined.
        while self._pending.startswith(BOM):
            self._pending = self._pending[len(BOM) :]

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of UTF-8, b"" only at the end."""
        while True:
            chunk = self._read_undecided(max(size, _MIN_READ_BYTES)) if self._is_undecided else self._read_bytes(size)
            if self._decoder is None or self._is_ended:
                return chunk
            self._is_ended = not chunk
            text = self._decoder.decode(chunk, final=self._is_ended).encode("utf-8")
            if text or self._is_ended:
                return text

    def _read_bytes(self, size: int) -> bytes:
        chunk, self._pending = self._pending[:size], self._pending[size:]
        if len(chunk) < size:
            chunk += read_fully(self._bytes, size - len(chunk))
        return chunk

    def _read_undecided(self, size: int) -> bytes:
        """Return the next bytes of a file that is ASCII so far, and decide its encoding where these are not."""
        chunk = self._read_bytes(size)
        if chunk.isascii():
            return chunk
        search = Utf8Search()
        is_utf8 = search.feed(chunk, final=len(chunk) < size)
        whole = chunk.removesuffix(search.cut)
        if not is_utf8 and whole.isascii():
            # Nothing but the beginning of a character, whose rest comes next.
            self._pending = search.cut + self._pending
            return whole
        self._is_undecided = False
        self.is_sure = is_utf8 or self._looks_ahead
        if not is_utf8 and not (self._looks_ahead and self._is_utf8_further_on(search)):
            self._set_encoding("cp1252")
            self.notes.append("The file is not UTF-8; it was read as Windows-1252.")
        return chunk

    def _is_utf8_further_on(self, search: Utf8Search) -> bool:
        """Return whether the rest has a character that is valid UTF-8."""
        if search.feed(self._pending):
            return True
        with reread(self._source, self._start) as second:
            if second is not None:
                _, whole = self._open(second)
                search = Utf8Search()
                try:
                    return any(search.feed(part) for part in iter(lambda: read_fully(whole, MIB), b""))
                finally:
                    self._searched_bytes = whole.bytes_read
        self._bytes = buffered = BufferedSource(self._bytes)
        is_utf8 = any(search.feed(part) for part in iter(lambda: buffered.read_ahead(MIB), b""))
        buffered.rewind()
        return is_utf8


def _declared(charset: str | None) -> str:
    if not charset:
        return ""
    encoding = encoding_of(charset)
    if encoding is None:
        raise InputError("unknown_charset", value=charset)
    return encoding
