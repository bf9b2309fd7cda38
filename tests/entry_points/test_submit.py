"""`churn submit`, the whole round trip: a server, S3, its notification, the handler of Lambda, and back."""

import gzip
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from faulty_proxy import Fault, FaultyProxy
from ports import free_port
from round_trip import CLI, round_trip
from shipped import SCHEMA
from terminals import run_on_a_terminal

from app.cli.client import is_expired
from app.jobs import local
from app.jobs.scoring import Scoring
from model import artifact, describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
MIXED = (HEADER + LINE * 3 + LINE.replace(",12,", ",-1,")).encode()
RESULTS = ["predictions.csv", "rejects.csv", "summary.json"]
KEY = "a key of the tests".replace(" ", "-")


@pytest.fixture(scope="module")
def service(s3, moto_server, tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A server with a bucket whose drops are scored, and the proxy by which it names S3."""
    folder = tmp_path_factory.mktemp("service")
    with closing(FaultyProxy(moto_server)) as bucket, round_trip(s3, moto_server, bucket.address, folder) as running:
        running.bucket = bucket
        yield running


@pytest.fixture
def bucket(service, moto_server) -> Iterator[FaultyProxy]:
    """The way to S3 of forms and links, on which requests fail on order."""
    service.bucket.reset(moto_server)
    yield service.bucket
    service.bucket.reset(moto_server)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("CHURN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def submit(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, "submit", *words], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("name", ["list.csv", "list.csv.gz"])
def test_a_file_goes_out_and_its_results_come_back(service, folder, name):
    Path(name).write_bytes(gzip.compress(MIXED) if name.endswith("gz") else MIXED)

    done = submit(name, "--url", service.url)

    assert done.returncode == 0, done.stderr + service.log.read_text()
    (job,) = re.findall(r"^Sent .*\. Job: ([0-9a-f]{32})$", done.stderr, re.MULTILINE)
    assert "4 rows in, 3 scored, 1 rejected." in done.stderr
    assert "Results: list-scored" in done.stderr
    # The same bytes as of the file scored here; a job is named for where its file came from.
    with Path(name).open("rb") as source:
        local.score_file(source, name, Path("here"), Scoring(artifact.load(), OutputOptions(), FileLimits()))
    there, here = ({path.name: path.read_bytes() for path in Path(name).iterdir()} for name in ("list-scored", "here"))
    ours, theirs = (json.loads(files.pop("summary.json")) for files in (here, there))
    assert names("list-scored") == RESULTS
    assert there == here
    assert {**ours, "job": ""} == {**theirs, "job": ""}

    again = submit("--job", job, "-o", "again", "--url", service.url)
    assert again.returncode == 0, again.stderr
    assert (folder / "again" / "predictions.csv").read_bytes() == there["predictions.csv"]


def test_a_file_that_cannot_be_scored_ends_with_2_and_why(service, folder):
    Path("book.csv").write_bytes(b"PK\x03\x04 a workbook")

    done = submit("book.csv", "--url", service.url)

    assert done.returncode == 2
    assert "Save it as CSV (UTF-8) and send that." in done.stderr
    assert names() == ["book.csv"]


def test_a_file_that_is_too_long_is_not_sent(service, folder):
    with Path("long.csv").open("wb") as file:
        file.truncate(20_000_001)

    done = submit("long.csv", "--url", service.url)

    assert (done.returncode, done.stderr) == (
        2,
        "long.csv has 20,000,001 bytes; at most 20,000,000 are accepted. Compress it with gzip, or send it in parts.\n",
    )


def test_a_terminal_shows_what_has_gone_and_what_was_scored(service, folder):
    Path("list.csv").write_bytes((HEADER + LINE * 100_000).encode())

    code, shown = run_on_a_terminal([*CLI, "submit", "list.csv", "--url", service.url])

    assert code == 0, shown
    assert re.search(r"\d+ %\|.*sent \d+\.\d MB", shown)
    # What is seen in between is up to how long the job takes.
    assert re.search(r"100 %\|[^\r]*100,000 rows, 00:00 left", shown)


@pytest.mark.parametrize("words", [[], ["list.csv", "--job", "0" * 32]], ids=["nothing", "both"])
def test_a_file_or_a_job_has_to_be_named(service, folder, words):
    Path("list.csv").write_bytes(MIXED)

    done = submit(*words, "--url", service.url)

    assert done.returncode == 2
    assert "Name either a FILE to submit" in done.stderr


@pytest.mark.parametrize("job", ["0" * 32, "x", "../health?"])
def test_a_job_that_is_not_there_ends_with_2(service, folder, job):
    done = submit("--job", job, "--url", service.url)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert names() == []


def test_nobody_at_the_address_ends_with_1(folder):
    Path("list.csv").write_bytes(MIXED)
    url = f"http://127.0.0.1:{free_port()}"

    done = submit("list.csv", "--url", url)

    assert done.returncode == 1
    assert done.stderr == f"{url} cannot be reached, or broke off (NewConnectionError).\n"


def test_a_service_without_buckets_is_an_error(folder):
    Path("list.csv").write_bytes(MIXED)
    port = str(free_port())
    server = subprocess.Popen([*CLI, "serve", "--port", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        subprocess.run([*CLI, "ask", "--port", port, "--wait", "60"], check=True, capture_output=True)
        done = submit("list.csv", PORT=port)
    finally:
        server.terminate()
        server.wait(60)

    assert done.returncode == 2
    assert "no bucket for uploads" in done.stderr


def test_a_key_comes_from_a_file_or_the_environment_and_never_shows(folder):
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.headers["X-Api-Key"])
            body = b'{"code": "wrong_key", "detail": "The key is not valid here."}'
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    Path("list.csv").write_bytes(MIXED)
    Path("key").write_text(KEY + "\n")
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        done = [
            submit("list.csv", "--url", url, "--key-file", "key"),
            submit("list.csv", "--url", url, CHURN_API_KEY=KEY),
        ]
    finally:
        server.shutdown()
        server.server_close()

    assert seen == [KEY, KEY]
    assert [(process.returncode, process.stderr) for process in done] == [(2, "The key is not valid here.\n")] * 2


def test_what_is_no_api_is_named_as_such(folder, moto_server):
    Path("list.csv").write_bytes(MIXED)

    done = submit("list.csv", "--url", moto_server)

    assert done.returncode == 2
    assert "Is it the API?" in done.stderr


@pytest.fixture
def shaky(service) -> Iterator[FaultyProxy]:
    """A way to the server on which requests fail on order."""
    proxy = FaultyProxy(service.url)
    yield proxy
    proxy.close()


def test_questions_that_fail_are_asked_again(service, folder, shaky):
    Path("list.csv").write_bytes(MIXED)
    shaky.faults = [
        Fault("POST", "/v2/uploads", times=1, status=503),
        Fault("GET", "/v2/jobs/", times=1, break_at=5),
        Fault("GET", "/v2/jobs/", times=1, status=503),
    ]

    done = submit("list.csv", "--url", shaky.address)

    assert done.returncode == 0, done.stderr
    assert names("list-scored") == RESULTS


def test_a_file_that_does_not_get_through_is_sent_again_by_the_same_form(service, folder, bucket):
    Path("list.csv").write_bytes(MIXED)
    bucket.faults = [Fault("POST", "/inbox-", times=1, status=503, code="SlowDown")]

    done = submit("list.csv", "--url", service.url)

    assert done.returncode == 0, done.stderr
    assert [request.split()[0] for request in bucket.seen].count("POST") == 2
    assert len([request for request in bucket.seen if request.startswith("PUT") and "upload.json" in request]) == 1


@pytest.mark.parametrize(("expires", "over"), [("2026-01-01T00:00:00Z", True), ("2999-01-01T00:00:00Z", False)])
def test_a_form_that_grew_old_is_not_sent_again(expires, over):
    assert is_expired({"expires": expires}) is over


@pytest.mark.parametrize(("status", "code"), [(503, 1), (403, 2)], ids=["busy", "refused"])
def test_a_file_that_the_bucket_does_not_take_names_its_reason(service, folder, bucket, status, code):
    Path("list.csv").write_bytes(MIXED)
    bucket.faults = [Fault("POST", "/inbox-", status=status, code="AnyReason")]

    done = submit("list.csv", "--url", service.url)

    assert (done.returncode, done.stderr) == (code, "The bucket did not take the file (AnyReason: on order).\n")
    assert names() == ["list.csv"]


def test_a_result_that_breaks_off_is_fetched_again(service, folder, bucket):
    Path("list.csv").write_bytes(MIXED)
    bucket.faults = [Fault("GET", r"/predictions\.csv", times=1, break_at=20)]

    done = submit("list.csv", "--url", service.url)

    assert done.returncode == 0, done.stderr
    assert len(Path("list-scored/predictions.csv").read_text().splitlines()) == 5


def test_results_that_never_come_whole_are_not_shown_and_can_be_had_later(service, folder, bucket):
    Path("list.csv").write_bytes(MIXED)
    bucket.faults = [Fault("GET", r"/rejects\.csv", break_at=20)]

    done = submit("list.csv", "--url", service.url)

    assert done.returncode == 1
    assert "Get its results later: churn submit --job " in done.stderr
    assert "X-Amz-Signature" not in done.stderr
    assert names() == ["list.csv"]


def test_an_interrupt_names_the_command_to_go_on(service, folder, shaky):
    Path("list.csv").write_bytes(MIXED)
    shaky.faults = [Fault("GET", "/v2/jobs/", status=503)]
    process = subprocess.Popen([*CLI, "submit", "list.csv", "--url", shaky.address], stderr=subprocess.PIPE, text=True)
    while not any("/v2/jobs/" in request for request in shaky.seen):
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]

    assert process.returncode == 1
    (command,) = re.findall(r"Get its results later: churn (.*)", errors)
    assert not Path("list-scored").exists()
    taken = submit(*command.split()[1:], "--url", service.url)
    assert taken.returncode == 0, taken.stderr
    assert names("list-scored") == RESULTS
