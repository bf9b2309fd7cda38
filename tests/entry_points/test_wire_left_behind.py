"""Slow clients get whole answers; clients that disappear in the middle leave nothing behind."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from served import ASK, LABEL, Raw, Server, assert_limit, csv_of, head, post, running, soon

THREADS = 6
LIMIT = 20
LONG = csv_of(30_000)
LONG_PATH = "/v2/batches?include_input=true&reasons=3"
CHUNKED = head("POST", LONG_PATH, "Content-Type: text/csv", "Transfer-Encoding: chunked")
PLAIN = head("POST", LONG_PATH, "Content-Type: text/csv", f"Content-Length: {len(LONG)}")
FORM = head(
    *("POST", "/v1/customerbatch", "Content-Type: multipart/form-data; boundary=cut"),
    f"Content-Length: {len(LONG) + 200}",
)
PART = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
RECEIVE_BYTES = 4096

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads a process from /proc")


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    (tmp_path / "tmp").mkdir()
    settings = {"CHURN_THREADS": str(THREADS), "CHURN_CONNECTIONS": str(LIMIT), "TMPDIR": str(tmp_path / "tmp")}
    with running(tmp_path / "log", **settings) as server:
        yield server


def leave_in_the_upload(server: Server, begin: bytes, rng: random.Random) -> None:
    with suppress(OSError), Raw(server, begin + LONG[: rng.randrange(1, len(LONG))]) as raw:
        if rng.random() < 0.5:
            raw.abort()


def leave_between_chunks(server: Server, rng: random.Random) -> None:
    size = rng.randrange(1, 1_500_000)
    leave_in_the_upload(server, CHUNKED + b"%x\r\n" % size + LONG[:size] + b"\r\n5\r\n", rng)


def leave_in_the_answer(server: Server, rng: random.Random) -> None:
    with suppress(OSError), Raw(server, PLAIN + LONG, RECEIVE_BYTES) as raw:
        raw.read_exactly(rng.randrange(1, 100_000))
        if rng.random() < 0.5:
            raw.abort()


LEAVING: dict[str, Callable[[Server, random.Random], None]] = {
    "in an upload of known length": lambda server, rng: leave_in_the_upload(server, PLAIN, rng),
    "between chunks": leave_between_chunks,
    "in a form": lambda server, rng: leave_in_the_upload(server, FORM + PART, rng),
    "in the answer": leave_in_the_answer,
}


def leave(server: Server, how: Callable[[Server, random.Random], None], times: int) -> None:
    def client(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(times):
            how(server, rng)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(THREADS)]
    for item in clients:
        item.start()
    for item in clients:
        item.join()


def open_files(pid: int) -> list[str]:
    files = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            files.append(str(path.readlink()).partition(":")[0])
    return sorted(files)


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@needs_proc
@pytest.mark.parametrize("how", LEAVING.values(), ids=LEAVING)
def test_a_client_that_disappears_leaves_nothing_behind(server, tmp_path, how):
    with Raw(server, PLAIN + LONG) as raw:
        assert raw.read_answer().status == 200
    leave(server, how, times=1)
    assert soon(lambda: "socket" not in open_files(server.worker())[1:3] and not list((tmp_path / "tmp").glob("tmp*")))
    time.sleep(1)
    before, threads_before = open_files(server.worker()), threads(server.worker())

    leave(server, how, times=6)

    assert soon(lambda: open_files(server.worker()) == before), (before, open_files(server.worker()))
    assert threads(server.worker()) <= max(threads_before, THREADS + 20)
    assert not list((tmp_path / "tmp").glob("tmp*"))
    assert_limit(server, LIMIT)
    assert "Traceback" not in server.log.read_text()


def drip(raw: Raw, content: bytes, pieces: int, seconds: float) -> None:
    size = -(-len(content) // pieces)
    for at in range(0, len(content), size):
        raw.send(content[at : at + size])
        time.sleep(seconds / pieces)


def test_slow_uploads_are_answered_whole_and_nobody_waits_for_them(server):
    lists = [csv_of(rows, first=1000 * rows) for rows in (1, 7, 90, 800)]
    with ExitStack() as held:
        expected = []
        for content in lists:
            with Raw(server, post("/v2/batches", content, "text/csv")) as raw:
                expected.append(raw.read_answer().body)
        uploads = [held.enter_context(Raw(server)) for _ in lists]
        senders = [
            threading.Thread(target=drip, args=(raw, post("/v2/batches", content, "text/csv"), 40, 4))
            for raw, content in zip(uploads, lists, strict=True)
        ]
        for sender in senders:
            sender.start()
        slowest = 0.0
        while any(sender.is_alive() for sender in senders):
            started = time.monotonic()
            with Raw(server, ASK) as raw:
                assert raw.read_answer().body == LABEL
            slowest = max(slowest, time.monotonic() - started)

        assert [raw.read_answer().body for raw in uploads] == expected
    assert slowest < 2


def test_slow_readers_get_all_of_their_answer_and_nobody_waits_for_them(server):
    with Raw(server, PLAIN + LONG) as raw:
        whole = raw.read_answer().body
    assert whole.count(b"\n") == 30_001

    def read_slowly(raw: Raw) -> None:
        raw.socket.settimeout(60)
        pieces = [raw.read_exactly(1)]
        for _ in range(10):
            time.sleep(0.3)
            pieces.append(raw.read_exactly(10_000))
        taken.append(b"".join([*pieces, raw.read_to_end()]))

    taken: list[bytes] = []
    with ExitStack() as held:
        request = PLAIN.replace(b"Host: x", b"Host: x\r\nConnection: close").replace(b"HTTP/1.1", b"HTTP/1.0") + LONG
        slow = []
        for _ in range(2 * THREADS // 3):
            slow.append(raw := held.enter_context(Raw(server, request, RECEIVE_BYTES)))
            # Files beyond half of the threads are refused while they are scored, so each is scored before the next.
            raw.socket.recv(1, socket.MSG_PEEK)
        readers = [threading.Thread(target=read_slowly, args=(raw,)) for raw in slow]
        for reader in readers:
            reader.start()
        slowest = 0.0
        for _ in range(20):
            started = time.monotonic()
            with Raw(server, ASK) as raw:
                assert raw.read_answer().body == LABEL
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.1)
        for reader in readers:
            reader.join()

    assert [content.partition(b"\r\n\r\n")[2] == whole for content in taken] == [True] * len(slow)
    assert slowest < 2
