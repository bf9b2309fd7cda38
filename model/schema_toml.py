"""schema.toml, the schema file that people write: read with the line of each error, and written. Standard library only.

The keys are those of model/schema_file.py; docs/schema.md lists them.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from model.errors import ArtifactError
from model.schema import Schema
from model.schema_document import to_document
from model.schema_file import read_schema
from model.strict_json import DocumentError, Member

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a schema file; 60 features of a thousand words each have 1 MB."""

_LINE_CHARACTERS: Final = 110

_PART: Final = r"""(?:[\w-]++|"(?:[^"\\\n]++|\\[^\n])*+"?|'[^'\n]*+'?)"""
_KEYS: Final = re.compile(
    r'''"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?|'{3}(?:[^']++|'(?!''))*+(?:'{3})?|#[^\n]*+'''
    rf"|(?P<many>{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{9}})|{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+",
    re.DOTALL,
)
"""What may be a key, with those of many parts: tomllib takes a time that is quadratic in their number (Python 3.11).

Texts and comments are matches too, whole, and one that never ends goes to the end, so that the search is linear.
"""

_LONG_NUMBER: Final = re.compile(r"[0-9][0-9_]{4300}")
"""Beyond what Python converts."""

_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_DOTTED: Final = r"""((?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*"""
_TABLE_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*{_DOTTED}\]")
_KEY: Final = re.compile(rf"\s*{_DOTTED}=")
_FEATURE: Final = re.compile(r"features\[(\d+)\]")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path) -> Schema:
    """Return the schema of a schema file.

    Raises
    ------
    ArtifactError
        With the file, the line, the key, the rule and the value.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise ArtifactError(f"{path} is longer than {MAX_BYTES:,} bytes, the most that a schema file may have.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ArtifactError(f"{path}, line {line}: the file is not UTF-8 text. A schema file is TOML.") from error
    return parse_toml(text, str(path))


def parse_toml(text: str, where: str) -> Schema:
    """Return the schema of the text of a schema file; `where` names it in errors."""
    document = _parse(text, where)
    try:
        return read_schema(Member(document, where))
    except DocumentError as error:
        line = _line_of(error.key, text)
        raise ArtifactError(f"{where}, line {line}: {_locate(error, document)}.") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    dotted = next((match for match in _KEYS.finditer(text) if match["many"]), None)
    if dotted:
        line = text.count("\n", 0, dotted.start()) + 1
        raise ArtifactError(f"{where}, line {line}: a key has too many parts joined by dots.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        at = _AT_LINE.search(reason)
        line = int(at[1]) if at and at[1] else text.count("\n") + 1
        reason = reason[: at.start()] if at else reason
        raise ArtifactError(f"{where}, line {line}: this is not TOML: {reason[:1].lower()}{reason[1:]}.") from error
    except RecursionError as error:
        raise ArtifactError(f"{where} is not TOML that can be read: it is nested too deeply.") from error
    except ValueError as error:
        long = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, long.start() if long else 0) + 1
        raise ArtifactError(f"{where}, line {line}: a number has more than 4,300 digits.") from error


def _locate(error: DocumentError, document: Mapping[str, Any]) -> str:
    """Return what is wrong, with the name of the feature in place of its index."""
    match = _FEATURE.match(error.key)
    features = document.get("features")
    if not match or not isinstance(features, list):
        return error.reason
    feature = features[int(match[1])]
    name = feature.get("name") if isinstance(feature, dict) else None
    label = name if isinstance(name, str) and name.isprintable() and len(name) <= _LINE_CHARACTERS else None
    who = f"feature {label or int(match[1]) + 1}"
    reason = error.reason.replace(f"{match.group().partition('.')[0]}.", "", 1)
    return f"{who}: {reason}".replace(f"features[{match[1]}] ", "it ", 1)


def _line_of(key: str, text: str) -> int:
    """Return the line of a key of the document, or of the table that lacks it; 1 where it is not found."""
    best, longest, count = 1, 0, -1
    table: list[str] = []
    for number, line in _code_lines(text):
        header = _TABLE_HEADER.match(line)
        own = header or _KEY.match(line)
        if not own:
            continue
        path = _parts(own[own.lastindex or 0])
        if header:
            count += path == ["features"] and header[1] == "[["
            if path[0] == "features" and count >= 0:
                path[0] = f"features[{count}]"
            table = path
        else:
            path = table + path
        full = ".".join(path)
        if full.startswith((f"{key}.", f"{key}[")):
            full = key
        if len(full) > longest and (key == full or key.startswith((f"{full}.", f"{full}["))):
            best, longest = number, len(full)
    return best


def _parts(dotted: str) -> list[str]:
    parts = re.findall(r"""[\w-]++|"(?:[^"\\]++|\\.)*+"?|'[^']*+'?""", dotted)
    return [_unquote(part) for part in parts]


def _unquote(part: str) -> str:
    try:
        return str(json.loads(part)) if part[0] == '"' else part.strip("'")
    except ValueError:
        return part.strip('"')


_TOKEN: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]++|\\.)*+"?|\'[^\'\n]*+\'?|#[^\n]*|[\[\]{}]')


def _code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that begin a key or a table: none within a list or a text of several lines."""
    quote, depth = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        if not quote and not depth:
            yield number, line
            if line.lstrip().startswith("["):
                continue
        position = 0
        while True:
            if quote:
                end = line.find(quote, position)
                if end < 0:
                    break
                position, quote = end + len(quote), ""
            token = _TOKEN.search(line, position)
            if not token:
                break
            position = token.end()
            if token.group() in ('"""', "'''"):
                quote = token.group()
            elif token.group() in "[{":
                depth += 1
            elif token.group() in "]}":
                depth -= 1


def to_toml(
    schema: Schema,
    above: Sequence[str] = (),
    comments: Mapping[str, Sequence[str]] | None = None,
    below: Sequence[str] = (),
) -> str:
    """Return the schema as the text of a schema file.

    Parameters
    ----------
    schema : Schema
    above, below : sequence of str
        Comments at the top and at the end, a line each.
    comments : mapping of str to sequence of str, optional
        Comments above a key of the top level, or, by name, above a feature.
    """
    comments = comments or {}
    document = to_document(schema)
    features, example = document.pop("features"), document.pop("example")
    lines = [*map(_comment, above), *[""] * bool(above)]
    for key in _TOP:
        lines += map(_comment, comments.get(key, ()))
        if key in document:
            lines += _assign(key, document[key])
    lines += ["", "[example]", *[line for name, value in example.items() for line in _assign(name, value)]]
    for feature in features:
        lines += ["", *map(_comment, comments.get(feature["name"], ())), "[[features]]"]
        lines += [line for key, value in feature.items() for line in _assign(key, value)]
    lines += [*[""] * bool(below), *map(_comment, below)]
    return "\n".join(lines) + "\n"


_TOP: Final = ("id", "target", "positive", "negative", "money", "segments", "currency", "horizon")


def _comment(text: str) -> str:
    return f"# {''.join(letter if letter.isprintable() else ' ' for letter in text)}".rstrip()


def _assign(key: str, value: object) -> list[str]:
    if value is None:
        # TOML has no null. A key of the example that is absent is a value that is missing.
        return []
    line = f"{_to_key(key)} = {_to_value(value)}"
    if not isinstance(value, list) or len(line) <= _LINE_CHARACTERS:
        return [line]
    return [f"{_to_key(key)} = [", *[f"    {_to_value(item)}," for item in value], "]"]


def _to_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _to_text(key)


def _to_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_to_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_to_key(key)} = {_to_value(item)}' for key, item in value.items())} }}"
    return _to_text(value) if isinstance(value, str) else str(value)


def _to_text(text: str) -> str:
    # JSON escapes are TOML's, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
