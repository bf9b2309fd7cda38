"""The life of a model, by the command and the real server: trained from nothing, compared, promoted, served, undone."""

import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from ports import free_port
from shipped import EXAMPLE, SCHEMA

from model.artifact import ARTIFACTS, default_version
from model.describe import template

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv"))
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if not name.startswith("CHURN_")}, "CPU_CORES": "1"}

ASKED = {
    "v1": ("POST", "/v1/customer", {"Content-Type": "application/json"}, json.dumps(dict(EXAMPLE)), 200),
    "v1 refuses": ("POST", "/v1/customer", {"Content-Type": "application/json"}, "{}", 422),
    "v2": ("POST", "/v2/customers", {"Content-Type": "application/json"}, json.dumps(dict(EXAMPLE)), 200),
    "csv": ("POST", "/v2/batches", {"Content-Type": "text/csv"}, template(SCHEMA), 200),
    "ndjson": (
        "POST",
        "/v2/batches",
        {"Content-Type": "text/csv", "Accept": "application/x-ndjson"},
        template(SCHEMA),
        200,
    ),
    "summary": (
        "POST",
        "/v2/batches",
        {"Content-Type": "text/csv", "Accept": "application/json"},
        template(SCHEMA),
        200,
    ),
    "model": ("GET", "/v2/model", {}, None, 200),
    "nothing there": ("GET", "/v3", {}, None, 404),
}


def run(models: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app/cli"), *words],
        env={**ENVIRONMENT, "CHURN_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(models: Path) -> Iterator[int]:
    port = free_port()
    words = [sys.executable, str(ROOT / "app/cli"), "serve", "--port", str(port), "--models", str(models)]
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        run(models, "ask", "--port", str(port), "--wait", "60")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def versions_named(port: int) -> dict[str, set[str]]:
    """Ask in every way, and return the versions that header and body of the answer name."""
    named = {}
    for how, (method, path, headers, body, status) in ASKED.items():
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == status, (how, text)
            named[how] = {answer.getheader("X-Model-Version")}
            if answer.getheader("Content-Type") == "application/json":
                answer_body = json.loads(text)
                named[how] |= {answer_body[name] for name in ("model_version", "version") if name in answer_body}
    return named


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not REAL.exists(),
    reason=f"the public data is not at {REAL}; TELCO_CSV names another place",
)
def test_a_model_is_trained_from_nothing_compared_promoted_served_and_undone(tmp_path):
    models, former = tmp_path / "models", default_version()
    models.mkdir()
    shutil.copytree(ARTIFACTS / former, models / former)
    (models / "DEFAULT").write_text(f"{former}\n")

    # Two minutes: the one test that trains as a person does.
    assert run(models, "train", "--data", str(REAL), "--version", "1.1.0") == f"{models / '1.1.0'}\n"

    new, old = (json.loads((models / version / "scorecard.json").read_text()) for version in ("1.1.0", former))
    # The shipped version is from before models carried their schema.
    assert {**new, "version": former, "schema_version": 1} == old
    assert default_version(models) == former

    gate = ("--max-loss-of", "auc=0.005", "--max-loss-of", "log_loss=0.005")
    answer_body = json.loads(run(models, "compare", former, "1.1.0", "--data", str(REAL), "--json", *gate))
    assert answer_body["second"]["out_of_fold"]
    assert {row["difference"] for row in answer_body["figures"]} == {0}
    assert answer_body["changed"] == []
    assert answer_body["figures"][0]["second"] == pytest.approx(0.8454, abs=0.002)

    with serving(models) as port:
        assert f"To go back: churn promote {former}" in run(models, "promote", "1.1.0")
        assert set.union(*versions_named(port).values()) == {former}, "a server keeps the version it has loaded"
    with serving(models) as port:
        assert versions_named(port) == {how: {"1.1.0"} for how in ASKED}

    run(models, "promote", former)
    with serving(models) as port:
        assert versions_named(port) == {how: {former} for how in ASKED}
