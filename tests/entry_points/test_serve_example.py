"""`make run`, which is `churn serve --example`: a question, its answer, and last the address to open."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from other_schema import SCHEMA, write_models
from ports import free_port
from served import EXAMPLE_BODY, LABEL, running

from app.cli.__main__ import churn

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


def test_a_server_of_any_model_is_asked_for_the_example_of_its_own(tmp_path):
    with running(tmp_path / "log", CHURN_MODELS=str(write_models(tmp_path / "models"))) as server:
        result = CliRunner().invoke(churn, ["ask", "--port", str(server.port)])

    request, answer = result.stdout.strip().splitlines()
    assert result.exit_code == 0
    assert request.startswith(
        f"curl http://127.0.0.1:{server.port}/v1/customer -H 'Content-Type: application/json' -d "
    )
    assert json.loads(shlex.split(request)[-1]) == SCHEMA["example"]
    assert list(json.loads(answer)) == ["Prediction"]


def test_the_question_to_the_shipped_model_is_its_example(tmp_path):
    with running(tmp_path / "log") as server:
        result = CliRunner().invoke(churn, ["ask", "--port", str(server.port)])

    url = f"http://127.0.0.1:{server.port}/v1/customer"
    body = EXAMPLE_BODY.decode()
    assert result.stdout == f"\ncurl {url} -H 'Content-Type: application/json' -d '{body}'\n{LABEL.decode()}\n\n"


def test_a_server_that_wants_a_key_is_shown_as_it_answers(tmp_path):
    with running(tmp_path / "log", CHURN_API_KEYS="a" * 64) as server:
        result = CliRunner().invoke(churn, ["ask", "--port", str(server.port)])

    request, answer = result.stdout.strip().splitlines()
    assert request == f"curl http://127.0.0.1:{server.port}/v2/schema"
    assert json.loads(answer)["status"] == 401
