"""/metrics: one process in the test's own, and the sum over two for real."""

import hashlib
import os
import re
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from served import Server, running

from app import wiring
from app.settings import Settings
from app.web import create_app


@pytest.fixture
def counted():
    return wiring.build(Settings()).test_client()


def figures(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines if not re.search(r"_bucket\{|_created", name)}


def test_requests_are_counted_by_method_route_and_status(counted, customer):
    counted.post("/v1/customer", json=customer)
    counted.post("/v1/customer", json={})
    counted.get("/health")

    actual = figures(counted.get("/metrics").text)

    assert actual['churn_requests_total{method="POST",route="/v1/customer",status="200"}'] == 1
    assert actual['churn_requests_total{method="POST",route="/v1/customer",status="422"}'] == 1
    assert actual['churn_requests_total{method="GET",route="/health",status="200"}'] == 1
    assert actual['churn_problems_total{code="bad_customer"}'] == 1
    assert actual['churn_request_seconds_count{route="/v1/customer"}'] == 2
    assert 0 < actual['churn_request_seconds_sum{route="/v1/customer"}'] < 60


def test_rows_are_counted_by_what_became_of_them(counted):
    with (Path(__file__).parents[1] / "data" / "bad_numbers.csv").open("rb") as file:
        answer = counted.post("/v1/customerbatch?on_error=skip", data={"file": (file, "x.csv")})
    rejected = int(answer.headers["X-Rejected-Rows"])
    scored = len(answer.json)

    actual = figures(counted.get("/metrics").text)

    assert rejected > 0
    assert actual['churn_rows_total{outcome="scored"}'] == scored
    assert actual['churn_rows_total{outcome="rejected"}'] == rejected


def test_the_drift_of_the_last_large_file_is_reported(counted):
    header, *lines = (Path(__file__).parents[1] / "data" / "sample.csv").read_bytes().splitlines(keepends=True)
    kinds = {"Content-Type": "text/csv", "Accept": "application/json"}

    summary = counted.post("/v2/batches", data=header + b"".join(lines) * 5, headers=kinds).json
    counted.post("/v2/batches", data=header + lines[0], headers=kinds)

    actual = figures(counted.get("/metrics").text)
    assert actual['churn_drift_psi{of="greatest"}'] == max(summary["drift"].values())
    assert actual['churn_drift_psi{of="score"}'] == summary["drift"]["probability"]


def test_a_streamed_file_reports_its_drift_too(counted):
    header, *lines = (Path(__file__).parents[1] / "data" / "sample.csv").read_bytes().splitlines(keepends=True)

    answer = counted.post("/v2/batches", data=header + b"".join(lines) * 5, headers={"Content-Type": "text/csv"})

    assert answer.text.count("\n") == 601
    assert figures(counted.get("/metrics").text)['churn_drift_psi{of="greatest"}'] > 0


def test_the_model_is_named(counted, scorer):
    actual = figures(counted.get("/metrics").text)

    assert actual[f'churn_model_info{{sha256="{scorer.sha256}",version="1.0.0"}}'] == 1


def test_made_up_methods_and_paths_make_no_new_figures(counted):
    for number in range(20):
        counted.open(f"/secret-{number}", method=f"BREW{number}")

    names = [name for name in figures(counted.get("/metrics").text) if "churn_requests_total" in name]

    assert names == ['churn_requests_total{method="other",route="none",status="404"}']


def test_no_customer_and_no_key_is_among_the_figures(make_customer):
    key = "key-of-the-crm"
    digest = hashlib.sha256(key.encode()).hexdigest()
    client = wiring.build(Settings(api_keys=(digest,))).test_client()
    client.post("/v1/customer?who=Smith", json=make_customer(customerID="7590-VHVEG"), headers={"X-Api-Key": key})

    page = client.get("/metrics", headers={"X-Api-Key": key}).text

    fingerprint = hashlib.sha256(digest.encode()).hexdigest()[:12]
    assert 'route="/v1/customer"' in page
    assert not [word for word in ("7590", "Smith", key, digest, fingerprint) if word in page]


def test_they_need_a_key_where_the_api_does():
    client = wiring.build(Settings(api_keys=("ab" * 32,))).test_client()

    assert client.get("/metrics").json["code"] == "no_key"


def test_they_can_be_switched_off():
    assert wiring.build(Settings(metrics=False)).test_client().get("/metrics").status_code == 404


def test_an_app_without_a_server_has_none(scorer):
    assert create_app(scorer, Settings()).test_client().get("/metrics").status_code == 404


def test_a_full_disk_fails_no_answer(counted, customer, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prometheus_client.Counter.inc", fail)

    assert counted.post("/v1/customer", json=customer).status_code == 200


def get(server: Server, path: str = "/metrics") -> str:
    # A new connection each time, so that either process may take it.
    with closing(server.connect()) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def wait_for_two(server: Server, *, without: int | None = None) -> None:
    """Wait until two processes, not the one that ended, have started and state that they answer."""
    deadline = time.monotonic() + 30
    while len(server.workers()) != 2 or without in server.workers() or figures(get(server))["churn_processes"] != 2:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.05)


@pytest.fixture
def two_processes(tmp_path):
    (tmp_path / "tmp").mkdir()
    with running(tmp_path / "log", CPU_CORES="2", TMPDIR=str(tmp_path / "tmp")) as server:
        wait_for_two(server)
        yield server


HEALTH = 'churn_requests_total{method="GET",route="/health",status="200"}'


def test_the_figures_of_all_processes_are_summed_and_outlive_them(two_processes, scorer):
    first, second = two_processes.workers()
    before = figures(get(two_processes))[HEALTH]

    for resting in (first, second):
        # So that the other one answers.
        os.kill(resting, signal.SIGSTOP)
        for _ in range(5):
            get(two_processes, "/health")
        os.kill(resting, signal.SIGCONT)
    summed = figures(get(two_processes))[HEALTH]
    os.kill(first, signal.SIGKILL)
    wait_for_two(two_processes, without=first)
    after = figures(get(two_processes))

    assert summed - before == 10
    assert after[HEALTH] == summed
    assert after[f'churn_model_info{{sha256="{scorer.sha256}",version="1.0.0"}}'] == 1


def test_a_request_too_broken_for_the_app_is_counted_too(two_processes):
    two_processes.talk(b"nonsense\r\n\r\n")

    actual = figures(get(two_processes))

    assert actual['churn_problems_total{code="bad_request"}'] == 1
    assert actual['churn_requests_total{method="other",route="none",status="400"}'] == 1


def test_the_shared_folder_is_removed_at_the_end(tmp_path):
    (tmp_path / "tmp").mkdir()
    with running(tmp_path / "log", CPU_CORES="2", TMPDIR=str(tmp_path / "tmp")):
        pass

    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_key_reaches_neither_log_of_a_real_server(tmp_path):
    key = "a-key-that-must-not-be-seen"
    digest = hashlib.sha256(key.encode()).hexdigest()
    with running(tmp_path / "log", CHURN_API_KEYS=digest) as server, closing(server.connect()) as connection:
        for path, sent in [("/v1/customer", key), (f"/v1/customer?api_key={key}", key), ("/v1/customer", key + "x")]:
            connection.request("POST", path, b"{}", {"X-Api-Key": sent})
            connection.getresponse().read()
        server.talk(f"GET /?{key} HTTP/1.1\r\nX-Api-Key {key}\r\n\r\n".encode())

    log = server.log.read_text()
    assert [line["status"] for line in server.lines() if line.get("route") != "/health"] == [422, 400, 401, 400]
    assert key not in log
    assert digest not in log


def test_room_for_the_counts_is_taken_before_the_first_request(tmp_path):
    with running(tmp_path / "log", TMPDIR=str(tmp_path)):
        files = list(tmp_path.glob("churn-metrics-*/*.db"))
        worker = next(file.stem.rsplit("_", 1)[1] for file in files if file.stem.startswith("counter"))
        taken = {
            file.stem.rsplit("_", 1)[0]: file.stat().st_blocks * 512
            for file in sorted(files)
            if file.stem.endswith(worker)
        }

    # A file with holes would kill the process once the disk is full and one of them is written to.
    assert set(taken) == {"counter", "histogram", "gauge_livesum", "gauge_max"}
    assert all(size >= 1 << 20 for size in taken.values())
