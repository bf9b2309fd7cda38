"""The image of a Space, and of any other host."""

import http.client
import json
import secrets
import time
from contextlib import closing

import pytest
from image_runs import AS_SPACE, CUSTOMERS, FORM, JSON, MOST_BYTES, SAMPLE, SOAK, TMP, form_of, note
from load import Load
from podman import (
    READ_ONLY,
    Container,
    pieces,
    podman,
)
from shipped import EXAMPLE

from model import artifact

UPLOAD_ROWS = 5_000_000 if SOAK else 200_000
UPLOAD_MEMORY = "256m"

# The first of them bootstraps a base image and builds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_space_answers_at_its_root(space):
    status, headers, body = space.ask("GET", "/")
    head_status, _, head_body = space.ask("HEAD", "/")

    assert (status, head_status, head_body) == (200, 200, b"")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["model_version"] == artifact.default_version()


def test_the_health_check_of_a_space_passes(space):
    assert json.loads(podman("image", "inspect", "--format", "{{json .HealthCheck}}", space.inspect(".Image")))[
        "Interval"
    ]
    podman("healthcheck", "run", space.name)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_space_answers_a_customer_as_the_server_does(space, local_server, customer):
    body = json.dumps(customer).encode()

    assert space.ask("POST", "/v1/customer", body, JSON)[2] == local_server.ask("POST", "/v1/customer", body, JSON)[2]


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_a_space_answers_a_file_as_the_server_does(space, local_server, accept):
    asked = ("POST", "/v1/customerbatch", form_of(SAMPLE), {**FORM, "Accept": accept})

    status, _, body = space.ask(*asked)

    assert status == 200
    assert body == local_server.ask(*asked)[2]


def test_the_repository_of_a_space_answers_too(space_image):
    with Container(space_image, AS_SPACE).wait() as container:
        answer = container.ask("POST", "/v1/customer", json.dumps(dict(EXAMPLE)).encode(), JSON)

    assert (answer[0], json.loads(answer[2])) == (200, {"Prediction": "churn"})


def test_a_space_has_a_process_for_each_of_its_cores(space):
    running = podman("exec", space.name, "sh", "-c", "cat /proc/[0-9]*/comm").split()

    # The one that started them, and one for each of CPU_CORES=2.
    assert len([name for name in running if name.startswith(("python", "churn"))]) == 3


def test_any_user_can_run_a_space(spaces_image):
    user = 10_000 + secrets.randbelow(50_000)

    with Container(spaces_image, (*AS_SPACE, "--user", f"{user}:{user}")).wait() as container:
        assert podman("exec", container.name, "id", "-u") == str(user)
        assert container.ask("POST", "/v1/customerbatch", form_of(SAMPLE), FORM)[0] == 200
        assert "Traceback" not in container.logs()


def test_a_stop_lets_the_requests_in_flight_finish(spaces_image):
    body = form_of(SAMPLE)
    half = len(body) // 2
    with Container(spaces_image, AS_SPACE).wait() as container, closing(container.connect()) as connection:
        connection.putrequest("POST", "/v1/customerbatch")
        for name, value in {**FORM, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:half])
        time.sleep(0.5)
        podman("kill", "--signal", "TERM", container.name)
        time.sleep(1)

        connection.send(body[half:])
        answer = connection.getresponse()

        assert (answer.status, len(json.loads(answer.read()))) == (200, 120)
        assert podman("wait", container.name, timeout=60) == "0"


@pytest.mark.soak
def test_a_space_under_load_answers_rightly(space):
    load = Load().run(space.port, 64, 60 if SOAK else 10)

    peak, kills, most = space.memory()
    note(
        what="64 connections at the Space",
        figures=load.figures(),
        peak_mb=round(peak / 1e6),
        process_mb=round(most / 1e6),
    )
    assert (load.wrong, load.broken, kills) == ([], {}, 0)
    assert set(load.statuses) == {200, 400, 404, 422}
    assert most < MOST_BYTES


def test_a_space_without_disk_space_breaks_off_and_goes_on(spaces_image):
    options = (*READ_ONLY, "--tmpfs", "/tmp:rw,size=8m,mode=1777", "--env", "CPU_CORES=1")
    with Container(spaces_image, options).wait() as container:
        with pytest.raises(ConnectionError):
            container.ask("POST", "/v1/customerbatch", form_of(b"".join(pieces(200_000))), FORM)
        status, *_ = container.ask("POST", "/v1/customerbatch", form_of(b"".join(pieces(100))), FORM)
        written = podman("exec", container.name, "sh", "-c", "find /tmp -type f ! -path '/tmp/churn-metrics-*'")
        logs = container.logs()

    assert status == 200
    assert "A connection failed." in logs
    assert written == ""


def test_a_space_without_a_writable_folder_does_not_start_and_logs_why(spaces_image):
    with Container(spaces_image, READ_ONLY) as container:
        assert podman("wait", container.name, timeout=60) == "1"
        logs = container.logs()

    assert "/tmp" in logs
    assert "Traceback" not in logs


def test_a_process_that_is_out_of_memory_is_replaced(spaces_image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the runtime leaves a file where it was started
    # Enough for customers, and too little for what scores files.
    tmp_path.chmod(0o777)
    options = (*READ_ONLY, "--volume", f"{tmp_path}:/tmp", "--memory", "80m", "--env", "CPU_CORES=1")
    with Container(spaces_image, options).wait() as container:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            container.ask("POST", "/v1/customerbatch", form_of(b"".join(pieces(200_000))), FORM)

        container.wait()
        body = json.dumps(dict(EXAMPLE)).encode()
        assert container.ask("POST", "/v1/customer", body, JSON)[2] == b'{"Prediction": "churn"}'
        assert container.memory()[1] > 0, "nothing was killed"


def test_the_commands_can_be_run_from_the_image(spaces_image):
    output = podman("run", "--rm", *READ_ONLY, *TMP, spaces_image, "schema")

    assert json.loads(output)["properties"].keys() >= EXAMPLE.keys()


@pytest.mark.soak
def test_a_large_upload_takes_bounded_memory(spaces_image, tmp_path):
    # A tmpfs counts as memory, so that a large file wants a disk there.
    tmp_path.chmod(0o777)
    options = (*READ_ONLY, "--volume", f"{tmp_path}:/tmp", "--memory", UPLOAD_MEMORY, "--env", "CPU_CORES=1")
    head, tail = form_of(b"|").split(b"|")
    length = sum(map(len, pieces(UPLOAD_ROWS))) + len(head) + len(tail)
    with Container(spaces_image, options).wait() as container, closing(container.connect(timeout=900)) as connection:
        connection.putrequest("POST", "/v1/customerbatch")
        for name, value in {**FORM, "Accept": "text/csv", "Content-Length": str(length)}.items():
            connection.putheader(name, value)
        started = time.monotonic()
        connection.endheaders(head)
        for piece in pieces(UPLOAD_ROWS):
            connection.send(piece)
        connection.send(tail)
        answer = connection.getresponse()
        lines = sum(piece.count(b"\n") for piece in iter(lambda: answer.read(1 << 20), b""))
        seconds = time.monotonic() - started
        peak, kills, most = container.memory()

    note(
        what="an upload to the Space",
        rows=UPLOAD_ROWS,
        mb=round(length / 1e6),
        seconds=round(seconds, 1),
        process_mb=round(most / 1e6),
        peak_mb=round(peak / 1e6),
    )
    assert (answer.status, lines) == (200, UPLOAD_ROWS + 1)
    assert kills == 0
    assert most < MOST_BYTES
