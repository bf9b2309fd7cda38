"""The commands of docs/schema.md lead from a file of customers alone to a served model, for each of its files."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ports import free_port

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TELCO_CSV", ROOT / ".." / "shared" / "data" / "telco.csv")).parent
PAGE = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
FILES = ["usage-telecom.csv", "orange-like.csv", "ibm-telco-11.csv"]

IGNORED = {
    "usage-telecom.csv": {"Contact phone", "Activation date", "Currency", "Cancellation ticket"},
    "orange-like.csv": {"Total day charge", "Total eve charge", "Total night charge", "Total intl charge"},
    "ibm-telco-11.csv": {
        *("Count", "Country", "State", "City", "Zip Code", "Lat Long", "Latitude", "Longitude"),
        *("Churn Value", "Churn Score", "Churn Reason"),
    },
}
"""Columns that a person would leave out: leaks, constants, copies, dates, telephone numbers, positions."""


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """The environment of a reader in a folder of its own: `churn` can be called, nothing is set."""
    launcher = tmp_path / "bin" / "churn"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/app/cli" "$@"\n')
    launcher.chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHURN_")}
    return {**plain, "PATH": f"{launcher.parent}:{os.environ['PATH']}", "CPU_CORES": "1"}


def run(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)


def columns_ignored(schema_file: str) -> set[str]:
    section = schema_file.partition("\n# ignored\n")[2]
    return {line.removeprefix("#     ").partition(": ")[0] for line in section.splitlines()}


def test_the_page_has_the_commands_for_each_file():
    assert [block[0].split()[2] for block in BLOCKS] == FILES
    for block in BLOCKS:
        assert [line.split()[1] for line in block] == ["infer-schema", "check-schema", "train", "score", "serve"]


@pytest.mark.parametrize("block", BLOCKS, ids=FILES)
def test_a_schema_is_proposed_that_fits_the_file(block, environment, tmp_path):
    name = shlex.split(block[0])[2]
    if not (DATA / name).exists():
        pytest.skip(f"there is no {DATA / name}")
    (tmp_path / name).symlink_to(DATA / name)

    for command in block[:2]:
        done = run(command, tmp_path, environment)
        assert done.returncode == 0, (command, done.stderr)

    assert columns_ignored((tmp_path / "schema.toml").read_text(encoding="utf-8")) == IGNORED[name]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", BLOCKS, ids=FILES)
def test_the_commands_lead_from_a_file_to_a_served_model(block, environment, tmp_path):
    name = shlex.split(block[0])[2]
    if not (DATA / name).exists():
        pytest.skip(f"there is no {DATA / name}")
    (tmp_path / name).symlink_to(DATA / name)
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        customers = sum(1 for _ in csv.reader(file)) - 1

    *commands, serve = block
    for command in commands:
        done = run(command, tmp_path, environment)
        assert done.returncode == 0, (command, done.stderr)

    summary = json.loads((tmp_path / "scored" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["rows_in"], summary["rows_scored"]) == (customers, customers)
    metrics = json.loads((tmp_path / "models" / "1.0.0" / "metrics.json").read_text(encoding="utf-8"))
    assert 0.7 < find(metrics, "roc_auc") < 0.95, "a leak would be beyond, a model without use below"
    port = free_port()
    words = [*shlex.split(serve), "--port", str(port)]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            asked = run(f"churn ask --port {port} --wait 60", tmp_path, environment)
        finally:
            server.terminate()
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout.strip().splitlines()[-1])["Prediction"] in ("churn", "not churn")


def find(document: object, name: str) -> float:
    """Return the first number under a name, wherever it is."""
    if isinstance(document, dict):
        if isinstance(document.get(name), int | float):
            return float(document[name])
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            number = find(value, name)
            if number == number:
                return number
    return float("nan")
