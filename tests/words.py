"""Refuse the words of tests/words.toml in code and documents: `python tests/words.py`, part of `make lint`."""

import ast
import fnmatch
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TABLE = tomllib.loads((ROOT / "tests/words.toml").read_text(encoding="utf-8"))
BETTER = list(TABLE["words"].values())
PATTERNS = "|".join(f"(?P<w{index}>{pattern})" for index, pattern in enumerate(TABLE["words"]))
WORDS = re.compile(rf"\b(?:{PATTERNS})\b", re.IGNORECASE)
CHECKED = re.compile(r"\.(py|md|js|html|css|toml|yml|yaml|in|sh)$|Makefile$|Dockerfile[.\w]*$|\.ci/run$")
# Published models may not change by a byte; the corpus is hostile input; vendored files and lock files are not ours.
SKIPPED = re.compile(r"/vendor/|^model/artifacts/|^tests/(corpus|data)/|^node_modules/")


class Finding(NamedTuple):
    """A refused word: where it is, and what to write."""

    file: str
    line: int
    word: str
    better: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word!r}: write {self.better}"


def words(name: str) -> str:
    """Return snake_case and camelCase as separate words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")


def in_prose(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the word and the better word of each refused word in a text."""
    for public in TABLE["public"]["names"]:
        text = text.replace(public, "")
    text = words(text)
    for match in WORDS.finditer(text):
        better = BETTER[int(str(match.lastgroup)[1:])]
        yield text.count("\n", 0, match.start()) + 1, match.group().lower(), better


def in_name(name: str) -> Iterator[tuple[str, str]]:
    """Yield the refused words in a name, and what to write."""
    yield from ((word, better) for _, word, better in in_prose(name))
    if name.strip("_") in TABLE["names"]:
        yield name, TABLE["names"][name.strip("_")]


def defined_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each name that a module defines; names that it only uses belong to others."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name


def in_python(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield the refused words of the names, comments and strings of a module."""
    tree = ast.parse(source)
    for line, name in defined_names(tree):
        yield from ((line, word, better) for word, better in in_name(name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno + line - 1, word, better) for line, word, better in in_prose(node.value))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from ((token.start[0], word, better) for _, word, better in in_prose(token.string))


def in_javascript(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield the refused words of a script, its names included."""
    yield from in_prose(source)
    for match in re.finditer(r"\b(?:const|let|var|function|class)\s+(\w+)", source):
        if match[1] in TABLE["names"]:
            yield source.count("\n", 0, match.start()) + 1, match[1], TABLE["names"][match[1]]


READERS = {".py": in_python, ".js": in_javascript}


def is_allowed(file: str, word: str) -> bool:
    """Return whether an exception of the table covers the word in the file."""
    return any(fnmatch.fnmatch(file, entry["file"]) and entry["word"] in ("*", word) for entry in TABLE["allowed"])


def findings(file: str, source: str) -> list[Finding]:
    """Return the refused words of one file."""
    reader = READERS.get(Path(file).suffix, in_prose)
    refused = sorted(set(reader(source)))
    return [Finding(file, line, word, better) for line, word, better in refused if not is_allowed(file, word)]


def tracked_files() -> list[str]:
    """Return the paths of the files that git knows and that exist, below the root."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [file for file in listing.splitlines() if (ROOT / file).exists()]


def checked_files() -> list[str]:
    """Return the tracked files whose words are checked."""
    pending = TABLE["pending"]["files"]
    return [
        file
        for file in tracked_files()
        if CHECKED.search(file)
        and not SKIPPED.search(file)
        and not any(fnmatch.fnmatch(file, pattern) for pattern in pending)
    ]


def main() -> int:
    """Print each refused word and return 1 if there is one."""
    files = sys.argv[1:] or checked_files()
    refused = [finding for file in files for finding in findings(file, (ROOT / file).read_text(encoding="utf-8"))]
    for finding in refused:
        print(finding)  # noqa: T201 (a script)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
