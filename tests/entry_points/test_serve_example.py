"""`make run`, which is `churn serve --example`: a question, its answer, and last the address to open."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ports import free_port

ROOT = Path(__file__).parents[2]


def wait_for(log: Path, process: subprocess.Popen[bytes], word: str, seconds: float = 60) -> None:
    """Wait until `word` is in the log."""
    deadline = time.monotonic() + seconds
    while word not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_last_line_is_the_address_to_open(tmp_path, host):
    log, port = tmp_path / "log", free_port()
    environ = {**os.environ, "PORT": str(port), "CHURN_HOST": host, "CPU_CORES": "4"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app/cli"), "serve", "--example"], env=environ, stdout=out, stderr=out
        )
    try:
        wait_for(log, process, "Open ", 60)
        time.sleep(1)  # what the server still states of its start would come now
        lines = log.read_text().splitlines()
    finally:
        process.terminate()
        process.wait(60)

    assert '{"Prediction": "churn"}' in lines
    assert lines[-1] == f"Open http://127.0.0.1:{port} in a browser. Ctrl-C ends the server."


def test_run_of_the_makefile_starts_that():
    (recipe,) = [part for part in (ROOT / "Makefile").read_text().split("\n\n") if part.startswith("run:")]

    assert recipe.splitlines()[1].strip() == "@exec $(BIN)/churn serve --example"
