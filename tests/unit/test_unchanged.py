"""A file that is changed while it is read, under every command that reads one: an error, and nothing is written."""

import builtins
import gzip
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from invented import invent, to_csv
from shipped import SCHEMA

from app.cli import client
from app.cli.__main__ import churn
from model import describe
from model.bulk.unchanged import FileChangedError, Unchanged

CLI = [sys.executable, str(Path(__file__).parents[2] / "app/cli")]
HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
CUSTOMERS = (HEADER + LINE * 40_000).encode()
"""3 MB: read in several pieces."""


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(LINE.encode())


def overwrite(path: Path) -> None:
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content[: len(HEADER)] + content[len(HEADER) :].replace(b"Month-to-month", b"MONTH-TO-MONTH", 1))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, (1, 1))
    other.replace(path)


CHANGES = [
    pytest.param(shrink, r"it had [0-9,]+ bytes at first, then [0-9,]+", id="shrunk"),
    pytest.param(append, r"it had [0-9,]+ bytes at first, then [0-9,]+", id="appended to"),
    pytest.param(overwrite, "it was written to meanwhile", id="overwritten in place"),
    pytest.param(replace, "another file took its place", id="replaced"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for name in [name for name in os.environ if name.startswith("CHURN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def changed_while_read(monkeypatch) -> Callable[[str, Callable[[Path], None]], None]:
    """Have a file changed once, after the first bytes of it were read."""
    is_changed = []

    def prepare(name: str, change: Callable[[Path], None]) -> None:
        # Long ago, so that any write gives it another time.
        os.utime(name, (1, 1))

        class Meddled(io.BufferedReader):
            def read(self, size: int | None = -1, /) -> bytes:
                first = super().read(100 if size is None or size < 0 else size)
                if not is_changed:
                    is_changed.append(name)
                    change(Path(name))
                return first + super().read() if size is None or size < 0 else first

        def opening(plain: Callable[..., io.IOBase]) -> Callable[..., io.IOBase]:
            def open_file(file: object, mode: str = "r", *rest: object, **more: object) -> io.IOBase:
                is_ours = mode == "rb" and not isinstance(file, int) and os.fspath(file) == name and not is_changed
                return Meddled(io.FileIO(name)) if is_ours else plain(file, mode, *rest, **more)

            return open_file

        monkeypatch.setattr(builtins, "open", opening(builtins.open))
        monkeypatch.setattr(io, "open", opening(io.open))

    return prepare


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {"other"}


@pytest.mark.parametrize(("change", "what"), CHANGES)
@pytest.mark.parametrize("name", ["list.csv", "list.csv.gz"])
def test_a_list_that_changes_while_it_is_scored_gives_no_result(folder, changed_while_read, name, change, what):
    Path(name).write_bytes(gzip.compress(CUSTOMERS, 0) if name.endswith("gz") else CUSTOMERS)
    before = names(folder)
    changed_while_read(name, change)

    done = CliRunner().invoke(churn, ["score", name])

    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"{name} changed while it was read: ")
    assert done.stderr.endswith("Nothing was written. Run this again once no other program writes to the file.\n")
    assert re.search(what, done.stderr)
    assert names(folder) == before


def test_results_that_were_there_stay_where_the_list_changes(folder, changed_while_read):
    Path("list.csv").write_bytes(CUSTOMERS)
    assert CliRunner().invoke(churn, ["score", "list.csv"]).exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("list-scored").iterdir()}
    changed_while_read("list.csv", shrink)

    assert CliRunner().invoke(churn, ["score", "list.csv"]).exit_code == 2

    assert {path.name: path.read_bytes() for path in Path("list-scored").iterdir()} == before


@pytest.mark.parametrize("change", [shrink, append, overwrite, replace])
@pytest.mark.parametrize(
    "words",
    [
        ["drift", "list.csv"],
        ["drift", "list.csv", "still.csv"],
        ["drift", "still.csv", "list.csv"],
        ["backtest", "list.csv", "still.csv"],
        ["backtest", "scored.csv", "list.csv"],
        ["evaluate", "--data", "list.csv", "--report", "report.html"],
        ["compare", "1.0.0", "1.0.0", "--data", "list.csv", "--report", "report.html"],
        ["train", "--data", "list.csv", "--out", "models", "--version", "3.0.0"],
    ],
    ids=" ".join,
)
def test_every_command_that_reads_customers_notices_a_change(folder, changed_while_read, words, change):
    customers = to_csv(invent(seed=1, count=300)).encode()
    for name in ("list.csv", "still.csv"):
        Path(name).write_bytes(customers)
    CliRunner().invoke(churn, ["score", "still.csv", "-o", "out"])
    for name in ("scored.csv", *(["list.csv"] if words[:2] == ["backtest", "list.csv"] else [])):
        Path(name).write_bytes(Path("out/predictions.csv").read_bytes())
    before = names(folder)
    changed_while_read("list.csv", change)

    done = CliRunner().invoke(churn, words)

    assert done.exit_code == 2, done.output
    # The lines before it are the progress of a training.
    assert done.stderr.splitlines()[-1].startswith("list.csv changed while it was read: ")
    assert names(folder) == before


def test_a_list_that_was_moved_away_while_it_was_read_is_scored_whole(folder, changed_while_read):
    Path("list.csv").write_bytes(CUSTOMERS)
    changed_while_read("list.csv", lambda path: path.rename("elsewhere"))

    assert CliRunner().invoke(churn, ["score", "list.csv"]).exit_code == 0


def test_pipes_and_standard_input_are_read_as_they_come(folder):
    Path("list.csv").write_bytes(CUSTOMERS)
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(CUSTOMERS))
    writer.start()

    piped = subprocess.run([*CLI, "score", "pipe"], capture_output=True, text=True, timeout=60)
    writer.join()
    with Path("list.csv").open("rb") as file:
        redirected = subprocess.run(
            [*CLI, "score", "-", "-o", "a"], stdin=file, capture_output=True, text=True, timeout=60
        )
    sent = subprocess.run([*CLI, "score", "-", "-o", "b"], input=CUSTOMERS, capture_output=True, timeout=60)

    assert [done.returncode for done in (piped, redirected, sent)] == [0, 0, 0]
    assert Path("a/predictions.csv").read_bytes() == Path("b/predictions.csv").read_bytes()


class Bucket(HTTPServer):
    """Takes one form, and keeps how many bytes were announced and how many received."""

    announced = received = 0


class _Form(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Bucket)
        self.server.announced = int(self.headers["Content-Length"])
        while piece := self.rfile.read1(1 << 16):
            self.server.received += len(piece)
            if self.server.received >= self.server.announced:
                break
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("change", [None, shrink, append, overwrite, replace])
def test_a_file_is_sent_as_it_was_announced_or_not_at_all(folder, change):
    Path("list.csv").write_bytes(CUSTOMERS)
    os.utime("list.csv", (1, 1))
    reports: list[int] = []

    def report(sent: int) -> None:
        if change and not reports:
            change(Path("list.csv"))
        reports.append(sent)

    with Bucket(("127.0.0.1", 0), _Form) as server, Path("list.csv").open("rb") as file:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        form = {"url": f"http://127.0.0.1:{server.server_port}/", "fields": {"key": "a"}}
        source = Unchanged(file, "list.csv")
        if change:
            with pytest.raises(FileChangedError, match=r"list\.csv changed while it was read"):
                client.send(form, source, len(CUSTOMERS), report)
        else:
            client.send(form, source, len(CUSTOMERS), report)
        thread.join(30)

    assert (server.received == server.announced) is (change is None)
    assert server.received <= server.announced
