"""Sends requests over some connections at once, the next one as soon as the answer is there.

usage: python -m benchmarks.client PORT CONNECTIONS SECONDS

Prints one line of JSON: answers, seconds, and the latencies at 50 and 99 % in milliseconds. One thread and no library,
so that it uses little of the CPU that the server is measured by.
"""

import json
import selectors
import socket
import sys
import time

from benchmarks.example_request import request


def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Return the answers of the time; an answer other than 200 raises."""
    message, waits, selector = request(port), [], selectors.DefaultSelector()
    for _ in range(connections):
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(message)
        selector.register(client, selectors.EVENT_READ, [time.perf_counter(), b""])
    started = time.perf_counter()
    while (now := time.perf_counter()) < started + seconds:
        for key, _ in selector.select(1):
            sent, so_far = key.data
            so_far += key.fileobj.recv(65536)
            if not _is_whole(so_far):
                key.data[1] = so_far
                continue
            now = time.perf_counter()
            waits.append(now - sent)
            key.data[:] = now, b""
            key.fileobj.sendall(message)
    waits.sort()
    return {
        "answers": len(waits),
        "seconds": now - started,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[len(waits) * 99 // 100] * 1e3,
    }


def _is_whole(answer: bytes) -> bool:
    if not answer:
        raise ConnectionError("The server closed a connection.")
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer.decode("utf-8", "replace"))
    length = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    return len(body) >= int(length)


if __name__ == "__main__":
    print(json.dumps(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
