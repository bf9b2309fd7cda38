"""The server on a free port of this machine, spoken to over sockets."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from served import EXAMPLE_BODY, JSON, ROOT, Server, running, soon
from shipped import EXAMPLE, NAMES

from app import server as web_server
from app import wiring
from app.settings import Settings
from app.web.errors import RequestError
from app.web.slots import Slots
from model.errors import ArtifactError, ChurnError


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


def test_one_connection_carries_many_requests(server):
    with closing(server.connect()) as connection:
        connection.connect()
        before = connection.sock.getsockname()
        bodies = []
        for _ in range(3):
            connection.request("POST", "/v1/customer", EXAMPLE_BODY, JSON)
            bodies.append(connection.getresponse().read())

        assert bodies == [b'{"Prediction": "churn"}'] * 3
        assert connection.sock.getsockname() == before


def test_head_is_answered_without_a_body(server):
    with closing(server.connect()) as connection:
        connection.request("HEAD", "/")
        answer = connection.getresponse()

        assert (answer.status, answer.read()) == (200, b"")


def test_an_upload_may_come_in_chunks(server):
    rows = [",".join([f"customer-{number}", *(str(EXAMPLE[name]) for name in NAMES)]) for number in range(20_000)]
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    content = "\n".join([",".join(["customerID", *NAMES]), *rows]).encode()
    chunks = [head, *(content[at : at + 10_007] for at in range(0, len(content), 10_007)), b"\r\n--cut--\r\n"]

    with closing(server.connect()) as connection:
        headers = {"Content-Type": "multipart/form-data; boundary=cut"}
        connection.request("POST", "/v1/customerbatch", iter(chunks), headers, encode_chunked=True)
        answer = connection.getresponse()
        labels = json.loads(answer.read())

    assert answer.status == 200
    assert len(labels) == 20_000
    assert set(labels.values()) == {"Churn"}


@pytest.mark.parametrize(
    ("path", "code"),
    [("/v1/customer", "too_large"), ("/v1/customerbatch", "send_form"), ("/nowhere", "not_found")],
)
@pytest.mark.parametrize("chunked", [True, False])
def test_ten_megabytes_of_json_get_an_answer_and_not_a_broken_pipe(server, path, code, chunked):
    body = b'{"note": "' + b"x" * 10_000_000 + b'"}'

    with closing(server.connect()) as connection:
        connection.request("POST", path, iter([body]) if chunked else body, JSON, encode_chunked=chunked)
        answer = connection.getresponse()

        assert json.loads(answer.read())["code"] == code


def test_a_body_that_breaks_off_is_not_scored(server):
    head = f"POST /v1/customer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(EXAMPLE_BODY) + 10}\r\n\r\n".encode()

    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(head + EXAMPLE_BODY[:-20])
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))

    assert b"Prediction" not in answer


HEAD_BYTES = 32 * 1024
"""The shortest head that is too long."""

MALFORMED = {
    "no request line": (b"nonsense\r\n\r\n", 400),
    "no such version": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "no header": (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
    "bad Content-Length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", 400),
    "long address": (b"GET /" + b"a" * (HEAD_BYTES - 27) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    "long header": (b"GET / HTTP/1.1\r\nX: " + b"a" * (HEAD_BYTES - 23) + b"\r\n\r\n", 431),
    "unknown transfer coding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501),
}


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused_and_ends_its_connection(server, request_bytes, status):
    head, _, body = server.talk(request_bytes).partition(b"\r\n\r\n")

    assert head.split()[1] == str(status).encode()
    assert b"Content-Type: application/problem+json" in head
    assert body


def test_every_line_of_standard_output_is_json_without_customer_data(tmp_path):
    with running(tmp_path / "log") as server:
        server.talk(b'{"customerID": "7590-VHVEG"}\r\n\r\n')
        with closing(server.connect()) as connection:
            connection.request("POST", "/v1/customer?id=7590-VHVEG", b'{"customerID": "7590-VHVEG"}', JSON)
            connection.getresponse().read()

    lines = [line for line in server.lines() if line.get("route") != "/health"]
    # The first did not reach the app: the server writes the line of a request that it refuses.
    assert [(line["status"], line["code"]) for line in lines] == [(400, "bad_request"), (422, "bad_customer")]
    assert [line for line in server.log.read_text().splitlines() if line[:1] != "{"] == [listening(server)]
    assert "VHVEG" not in server.log.read_text()


def listening(server: Server) -> str:
    return f"Listening on http://127.0.0.1:{server.port} in 1 processes."


def test_sigterm_ends_the_server_cleanly_with_idle_connections(tmp_path):
    with running(tmp_path / "log") as server, closing(server.connect()) as connection:
        connection.request("GET", "/health")
        connection.getresponse().read()

        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(15) == 0


def test_a_model_that_is_not_there_stops_the_start():
    with pytest.raises(ArtifactError, match=r"There is no model version 9\.9\.9; versions: 1\.0\.0"):
        wiring.build(Settings(model_version="9.9.9"))


def test_the_app_is_made_from_the_settings():
    app = wiring.build(Settings(threshold=0.99))

    assert app.test_client().post("/v1/customer", json=dict(EXAMPLE)).json == {"Prediction": "not churn"}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_port_that_is_taken_is_a_sentence(host):
    with web_server.listen(host, 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(ChurnError) as caught:
            web_server.listen(host, port)

    assert str(caught.value) == (
        f"Cannot listen on port {port} of {host}: another program uses it. PORT sets another port."
    )


def test_sigint_ends_the_server_at_once(tmp_path):
    with running(tmp_path / "log", CPU_CORES="2") as server, closing(server.connect()) as connection:
        connection.request("GET", "/health")
        connection.getresponse().read()

        server.process.send_signal(signal.SIGINT)

        assert server.process.wait(5) == 0
    assert "Traceback" not in server.log.read_text()


def test_the_other_processes_end_when_the_first_is_killed(tmp_path):
    with running(tmp_path / "log", CPU_CORES="2") as server:
        server.process.kill()
        server.process.wait()

        assert soon(lambda: is_free(server.port))


def is_free(port: int) -> bool:
    try:
        web_server.listen("127.0.0.1", port).close()
    except ChurnError:
        return False
    return True


def test_a_slot_goes_to_anyone_who_has_waited_longest_and_only_a_new_file_is_refused():
    slots = Slots(1, timeout_s=0.05, max_waiting=9)
    order = []

    def work(name: str) -> None:
        with slots.acquire(True):
            order.append(name)

    with slots.acquire(False):
        threads = []
        for name in "abc":
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            while len(slots._waiting) < len(threads):
                time.sleep(0.001)
        with pytest.raises(RequestError, match="more requests than it can answer"), slots.acquire(False):
            pass
    for thread in threads:
        thread.join()

    assert order == ["a", "b", "c"]
    with slots.acquire(False):
        pass


def test_a_new_file_is_refused_at_once_while_as_many_wait_as_may():
    slots = Slots(1, timeout_s=60, max_waiting=0)

    with (
        slots.acquire(False),
        pytest.raises(RequestError, match="more requests than it can answer"),
        slots.acquire(False),
    ):
        pass


def test_one_customer_loads_no_heavy_library():
    code = (
        "import sys; from app import wiring; from app.settings import Settings;"
        "from model.artifact import first_schema;"
        "wiring.build(Settings()).test_client().post('/v1/customer', json=dict(first_schema().example)).data;"
        "print(*{'numpy', 'pyarrow', 'pandas', 'sklearn', 'joblib', 'boto3'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == ""
