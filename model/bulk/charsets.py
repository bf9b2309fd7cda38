"""Names of encodings, and how to find out whether bytes are UTF-8. Knows nothing of files, rows or columns."""

import codecs
import re
from encodings.aliases import aliases
from typing import Final

_READ: Final = {
    "utf_8": "utf-8",
    "utf_8_sig": "utf-8",
    "ascii": "utf-8",
    "utf_16": "utf-16",
    "latin_1": "latin-1",
    "cp1252": "cp1252",
}
_SEPARATORS: Final = re.compile(r"[^a-z0-9.]+", re.ASCII)
_LONGEST_NAME: Final = 40
# A fixed table: codecs.lookup keeps every name it was ever asked for, known or not (7.6 KB each in Python 3.11).
_NAMES: Final = {
    **_READ,
    "iso8859_1": "latin-1",
    **{alias: _READ[name] for alias, name in aliases.items() if name in _READ},
}

_UNDEFINED: Final = "churn-undefined"
_STRAY: Final = "churn-stray"


def encoding_of(name: str) -> str | None:
    """Return the encoding that a stranger calls `name`, None for one that is not read here."""
    if len(name) > _LONGEST_NAME or not name.isascii():
        return None
    plain = _SEPARATORS.sub("_", name.lower()).strip("_")
    return _NAMES.get(plain) or _NAMES.get(plain.replace(".", "_"))


def _undefined(error: UnicodeError) -> tuple[str, int]:
    # Windows-1252 leaves five bytes undefined; they are controls there as in Latin-1 (WHATWG Encoding Standard, 9.1).
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _stray(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", _UNDEFINED), error.end


codecs.register_error(_UNDEFINED, _undefined)
codecs.register_error(_STRAY, _stray)


def errors_of(encoding: str) -> str:
    """Return what to do with bytes that mean nothing in `encoding`, as `bytes.decode` takes it."""
    return {"cp1252": _UNDEFINED, "utf-8": _STRAY}.get(encoding, "replace")


class Utf8Search:
    """Looks for a letter of several bytes that is valid UTF-8, in pieces that may cut one in two."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def read(self, data: bytes, final: bool = False) -> bool:
        """Return whether there is one in the next piece."""
        if data.isascii() and not self.cut:
            return False
        return not self._decoder.decode(data, final).isascii()

    @property
    def cut(self) -> bytes:
        """The beginning of a letter at the end of what was read so far."""
        return self._decoder.getstate()[0]
