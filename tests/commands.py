"""The command `churn`, in this process and in one of its own, and the files it reads and writes."""

import csv
import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shipped import SCHEMA

from app.cli.__main__ import churn
from model import describe

ROOT = Path(__file__).parents[1]
CLI = [sys.executable, str(ROOT / "app/cli")]
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
BAD_LINE = LINE.replace(",12,", ",-1,")
RESULTS = ["predictions.csv", "rejects.csv", "summary.json"]


def clear_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the environment without settings."""
    for name in [name for name in os.environ if name.startswith("CHURN_")]:
        monkeypatch.delenv(name)


def run_command(*words: str, input: bytes | None = None) -> Result:
    """Run a command in this process. The handler of SIGTERM, which commands replace, is restored."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return CliRunner().invoke(churn, words, input=input)
    finally:
        signal.signal(signal.SIGTERM, before)


def plain_environment() -> dict[str, str]:
    """Return the environment without settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CHURN_", "AWS_"))}


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as a process of its own, in an environment without settings, where every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**plain_environment(), "PYTHONPATH": str(ROOT / "tests"), **environment},
        capture_output=True,
        text=True,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, *lines: str) -> bytes:
    """Write a file, compressed if it is called .gz, and return its content."""
    content = "".join(lines).encode()
    Path(name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return content
