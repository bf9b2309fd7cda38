"""/v2/batches on the real server: in bounded memory both ways, and with clients that are slow, stuck or gone."""

import gzip
import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from served import Server, running
from shipped import EXAMPLE
from streams import HEADER, LINES, last_line, rows, send

ROWS = int(os.environ.get("SOAK_ROWS", "200000"))
"""5,000,000 in `make soak`."""

MOST_MIB = 250


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


def peak_mib(server: Server) -> float:
    """Return the most memory that the server's process which answers has had, in MiB."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    peaks = []
    for child in children:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines())
        peaks.append(int(status["VmHWM"].split()[0]) / 1024)
    return max(peaks)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson", "application/json"])
def test_a_long_file_goes_through_in_bounded_memory(tmp_path, accept):
    path = "/v2/batches?value_at_risk=true&reasons=3&include_input=true"
    with (
        running(tmp_path / "log", CHURN_MAX_UPLOAD_BYTES=str(1024**3), CHURN_MAX_FILE_CPU_SECONDS="3600") as server,
        closing(server.connect()) as connection,
    ):
        answer = send(connection, rows(ROWS), path, Accept=accept)
        lines, last = 0, b""
        while piece := answer.read(1 << 20):
            lines += piece.count(b"\n")
            last = (last + piece)[-20_000:]

        peak = peak_mib(server)

    assert answer.status == 200
    # CSV has a header; NDJSON ends with the summary; JSON is a line alone.
    assert lines == (1 if accept == "application/json" else ROWS + 1)
    assert accept == "text/csv" or f'"rows_scored":{ROWS}' in last.decode().replace(" ", "")
    sys.stdout.write(f"{ROWS:,} rows as {accept}: at most {peak:.0f} MiB\n")
    assert peak < MOST_MIB


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_an_answer_that_cannot_be_finished_has_no_end(server, accept):
    with closing(server.connect()) as connection:
        answer = send(connection, rows(60_000, b'"open,'), Accept=accept, **{"X-Request-Id": "cut-" + accept[-3:]})

        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()

    last = caught.value.partial.splitlines()[-1]
    assert answer.status == 200
    assert last.endswith(b",high,") if accept == "text/csv" else json.loads(last)["error"]["code"] == "open_quote"
    line = last_line(server, request_id="cut-" + accept[-3:])
    assert (line["code"], line["complete"]) == ("open_quote", False)
    assert "Traceback" not in server.log.read_text()


def test_a_client_that_goes_away_is_let_go_and_the_server_goes_on(server):
    for number in range(3):
        connection = server.connect()
        answer = send(connection, rows(200_000), **{"X-Request-Id": f"gone-{number}"})
        answer.read(10_000)
        answer.close()
        connection.close()

    lines = [last_line(server, request_id=f"gone-{number}") for number in range(3)]
    with closing(server.connect()) as connection:
        answer = send(connection, rows(1000))
        scored = answer.read().count(b"\n")

    assert [line["complete"] for line in lines] == [False] * 3
    assert scored == 1001
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("name", "length"), [("left-1", "Content-Length: 1000000"), ("left-2", "Transfer-Encoding: chunked")]
)
def test_a_list_that_was_cut_off_on_its_way_is_not_scored(server, name, length):
    head = f"POST /v2/batches HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\nContent-Type: text/csv\r\n{length}\r\n\r\n"
    body = HEADER + LINES[: LINES.index(b"\n") + 1]
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(head.encode() + (chunked if "chunked" in length else body))
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))

    # Nobody may be left to read an answer: the connection ends, and the request never reaches the app and its log.
    assert answer == b""
    with closing(server.connect()) as connection:
        assert send(connection, rows(1000)).read().count(b"\n") == 1001
    assert not [line for line in server.lines() if line.get("request_id") == name]
    assert "Traceback" not in server.log.read_text()


def test_a_slow_upload_is_waited_for_while_others_are_answered(server):
    def slowly() -> Iterator[bytes]:
        for piece in (HEADER, *LINES.splitlines(keepends=True)[:8]):
            half = len(piece) // 2
            yield piece[:half]
            time.sleep(0.1)
            with closing(server.connect()) as other:
                other.request("POST", "/v1/customer", json.dumps(dict(EXAMPLE)), {"Content-Type": "application/json"})
                assert other.getresponse().read() == b'{"Prediction": "churn"}'
            yield piece[half:]

    with closing(server.connect()) as connection:
        answer = send(connection, slowly())

        assert answer.status == 200
        assert answer.read().count(b"\n") == 9


def test_a_file_is_answered_at_once_while_others_read_slowly(tmp_path):
    # Each answer has 30 MB, more than sockets and the server hold; a process works on two files at a time.
    limits = {"CHURN_MAX_UPLOAD_BYTES": "1000000", "CHURN_IDLE_TIMEOUT_SECONDS": "300"}
    compressed = gzip.compress(b"".join(rows(60_000)))
    slow, answers = [], []
    with running(tmp_path / "log", **limits) as server:
        for _ in range(3):
            slow.append(connection := server.connect())
            names = {"Content-Type": "application/gzip", "Accept": "application/x-ndjson"}
            connection.request("POST", "/v2/batches?reasons=3", compressed, names)
            answers.append(answer := connection.getresponse())
            assert answer.read(1000).startswith(b'{"row":1,')

        with closing(server.connect()) as connection:
            assert send(connection, rows(1000)).read().count(b"\n") == 1001
        # And the slow ones get the rest when they take it; the first line was read above.
        left = answers[0].read()
        for connection in slow:
            connection.close()

    assert left.count(b"\n") == 60_000
    assert b'"rows_scored":60000' in left[-20_000:]


# Measured by coverage, it takes three times the CPU time, and then about as much as a file of 8.6 MB may take.
@pytest.mark.no_cover
def test_a_client_that_sends_everything_before_it_reads_gets_all_of_it(server):
    # The answer is longer than what sockets hold; were it begun before the body's end, both sides would wait.
    with closing(server.connect()) as connection:
        answer = send(connection, rows(100_000), "/v2/batches?include_input=true&reasons=10")
        time.sleep(1)

        assert answer.read().count(b"\n") == 100_001
