"""What nobody may learn: keys, credentials and customers, looked for in everything that a server states."""

import hashlib
import http.client
import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from bad_input import HEADER, ROW, form_of
from ports import free_port
from served import EXAMPLE_BODY, ROOT, running

from model import artifact
from model.artifact import SCORECARD, SUMS
from model.pipeline import joblib_name

KEY = "the-key-of-the-crm-and-nobody-else"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
WRONG = "a-key-somebody-lost"
CREDENTIAL = "credential-of-the-account"
CUSTOMER = "7590-SECRET"
CELL = "a-cell-of-a-customer"

FORM = {"Content-Type": "multipart/form-data; boundary=cut"}
BAD_FILE = form_of(("file", f"{HEADER}\n{CUSTOMER},{ROW}\n{CUSTOMER},{ROW}{CELL}\n".encode()))
REQUESTS = [
    *[
        ("GET", path, b"", {})
        for path in ("/", "/health", "/docs", "/openapi.json", "/metrics", "/v2/model", f"/{CELL}")
    ],
    ("GET", "/", b"", {"Accept": "text/html"}),
    ("POST", "/v1/customer", EXAMPLE_BODY, {}),
    ("POST", f"/v1/customer?api_key={KEY}", EXAMPLE_BODY, {}),
    ("POST", "/v1/customer", f'{{"Contract": "{CELL}", "customerID": "{CUSTOMER}"}}'.encode(), {}),
    ("POST", "/v2/customers", f'{{"customers": [{{"customerID": "{CUSTOMER}", "tenure": "{CELL}"}}]}}'.encode(), {}),
    ("POST", "/v1/customerbatch", BAD_FILE, FORM),
    ("POST", "/v2/batches", BAD_FILE, FORM),
    ("POST", "/v2/batches", CELL.encode(), {"Content-Type": "text/csv"}),
    ("BREW", "/v1/customer", b"", {}),
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> dict[str, str]:
    """All that a server answered to those with and without the key, and all that it wrote."""
    log = tmp_path_factory.mktemp("secrets") / "log"
    environ = {"AWS_SECRET_ACCESS_KEY": CREDENTIAL, "AWS_SESSION_TOKEN": CREDENTIAL}
    answers = []
    with running(log, CHURN_API_KEYS=DIGEST, **environ) as server:
        for key in ({"X-Api-Key": KEY}, {"X-Api-Key": WRONG}, {}):
            for method, path, body, headers in REQUESTS:
                with closing(server.connect()) as connection:
                    connection.request(method, path, body, {"Content-Type": "application/json", **headers, **key})
                    answer = connection.getresponse()
                    answers.append(f"{answer.headers}{answer.read().decode('utf-8', 'replace')}")
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
            connection.request("GET", "/metrics", headers={"X-Api-Key": KEY})
            metrics = connection.getresponse().read().decode()
    return {"answers": "\n".join(answers), "log": log.read_text(), "metrics": metrics}


def test_the_server_really_answered(outputs):
    assert '{"Prediction": "churn"}' in outputs["answers"]
    assert outputs["answers"].count('"code": "wrong_key"') > 5
    assert "churn_requests_total" in outputs["metrics"]
    assert '"code": "bad_customer"' in outputs["log"]


@pytest.mark.parametrize("where", ["answers", "log", "metrics"])
@pytest.mark.parametrize("secret", [KEY, DIGEST, WRONG, CREDENTIAL], ids=["key", "digest", "wrong key", "credential"])
def test_no_key_and_no_credential_is_ever_logged(outputs, where, secret):
    assert secret not in outputs[where]


@pytest.mark.parametrize("where", ["log", "metrics"])
@pytest.mark.parametrize("datum", [CUSTOMER, CELL])
def test_nothing_of_a_customer_is_kept(outputs, where, datum):
    assert datum not in outputs[where]


SHAPES = {
    "an access key of AWS": r"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}\b",
    "a token of Hugging Face": r"\bhf_[A-Za-z0-9]{30,}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a token of GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_file_of_the_repository_has_the_shape_of_a_secret(shape):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]

    assert len(files) > 100
    assert [path for path in files if re.search(shape, path.read_text(encoding="utf-8", errors="replace"))] == []


@pytest.fixture
def models(tmp_path) -> Path:
    """A copy of the stored models, to be tampered with."""
    shutil.copytree(artifact.ARTIFACTS, tmp_path / "models")
    return tmp_path / "models"


def start(models: Path, engine: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(ROOT / "app/cli"), "serve", "--port", str(free_port())]
    environ = {"CHURN_MODELS": str(models), "CHURN_ENGINE": engine, "PATH": "/usr/bin:/bin"}
    return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("engine", ["scorecard", "pipeline"])
def test_a_changed_byte_of_the_model_stops_the_start_with_its_reason(models, engine):
    folder = models / artifact.default_version(models)
    name = SCORECARD if engine == "scorecard" else joblib_name(folder.name)
    flip(folder / name)

    done = start(models, engine)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name} has sha256" in done.stderr
    assert "It was changed or damaged." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scorecard_for_another_schema_stops_the_start(models):
    folder = models / artifact.default_version(models)
    document = json.loads((folder / SCORECARD).read_text())
    content = json.dumps({**document, "schema_version": document["schema_version"] + 1}).encode()
    (folder / SCORECARD).write_bytes(content)
    sums = (folder / SUMS).read_text()
    result = hashlib.sha256(content).hexdigest()
    (folder / SUMS).write_text(re.sub(rf"^\w+(?=  {re.escape(SCORECARD)}$)", result, sums, flags=re.MULTILINE))

    done = start(models, "scorecard")

    assert (done.returncode, done.stdout) == (2, "")
    assert "was built for schema" in done.stderr


def test_a_pickle_is_not_opened_before_its_hash_is_checked(models, tmp_path):
    folder = models / artifact.default_version(models)
    trap = tmp_path / "opened"
    # What pickle would run: os.open(trap, O_CREAT | O_WRONLY).
    (folder / joblib_name(folder.name)).write_bytes(f"cposix\nopen\n(V{trap}\nI65\ntR.".encode())

    done = start(models, "pipeline")

    assert done.returncode == 2
    assert "has sha256" in done.stderr
    assert not trap.exists()


def test_the_trap_of_the_test_above_works(tmp_path):
    import pickle

    trap = tmp_path / "opened"
    pickle.loads(f"cposix\nopen\n(V{trap}\nI65\ntR.".encode())

    assert trap.exists()
