"""How large a file may be, and that no test imports another."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_LINES, TEST_LINES = 300, 400
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FOLDERS = ("app", "benchmarks", "deploy", "model")
SOURCE = sorted([ROOT / "handler.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_long(path: Path, most: int) -> bool:
    return len(path.read_text(encoding="utf-8").splitlines()) > most


@pytest.mark.parametrize(("files", "most"), [(SOURCE, SOURCE_LINES), (TESTS, TEST_LINES)], ids=["source", "tests"])
def test_no_file_is_longer_than_it_may_be(files, most):
    assert {name_of(path) for path in files if is_long(path, most)} == set()


def imports_of(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_no_test_imports_another():
    tests = {path.stem for path in TESTS if path.stem.startswith("test_")}

    assert {name_of(path) for path in TESTS if imports_of(path) & tests} == set()
