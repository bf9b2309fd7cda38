"""What a request costs: CPU and bytes of answer for the bytes that it brings, and bodies to try it with."""

import random
import time
from collections.abc import Callable

from shipped import EXAMPLE, NAMES
from werkzeug.test import TestResponse

MB = 1_000_000
LENGTH = MB // 3
HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
SHORTEST = "0,No,No,0,No,No,One year,Mailed check,0,0"
WIDE = HEADER + ",x" * 16_000
EVERY_OPTION = "reasons=all&value_at_risk=true&include_input=true&spreadsheet_safe=true"

CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
PART = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"'
FORM = "multipart/form-data; boundary=cut"
CHOSEN = random.Random(16)


def noise(length: int = 4) -> str:
    return "".join(CHOSEN.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def repeated(rows: str, header: str = HEADER, length: int = LENGTH) -> bytes:
    line = rows.encode()
    return header.encode() + b"\n" + line * (length // len(line))


def drawn(make: Callable[[int], str], length: int = LENGTH) -> bytes:
    lines, count = [HEADER], 0
    while count < length:
        lines.append(make(len(lines)))
        count += len(lines[-1].encode()) + 1
    return "\n".join([*lines, ""]).encode()


REQUESTS = [
    ("/v2/batches", EVERY_OPTION, CSV),
    ("/v2/batches", EVERY_OPTION, NDJSON),
    ("/v2/batches", "output=rejects&spreadsheet_safe=true", CSV),
    ("/v2/batches", "top=1000", JSON),
    ("/v2/batches", f"on_error=refuse&{EVERY_OPTION}", NDJSON),
    ("/v1/customerbatch", "on_error=skip", JSON),
]


def cost_of(
    client, path: str, query: str, accept: str, body: bytes, content_type: str
) -> tuple[float, int, TestResponse, bytes]:
    """Return CPU seconds, bytes of answer, the answer, and its last piece."""
    if path == "/v1/customerbatch":
        body, content_type = PART + b"\r\n\r\n" + body + b"\r\n--cut--\r\n", FORM
    sent = {"data": body, "headers": {"Content-Type": content_type, "Accept": accept}}
    started = time.thread_time()
    answer = client.post(f"{path}?{query}", **sent)
    length, piece = 0, b""
    try:
        for piece in answer.response:
            length += len(piece)
    except ConnectionResetError:
        pass  # cut off at a limit
    seconds = time.thread_time() - started
    answer.close()
    return seconds, length, answer, piece


def check(client, body: bytes, requests=REQUESTS, content_type: str = CSV, decompressed: int | None = None) -> None:
    bytes_in = len(body) if decompressed is None else decompressed
    for path, query, accept in requests:
        seconds, length, answer, _ = cost_of(client, path, query, accept, body, content_type)
        summary = f"{path}?{query} {accept}: {answer.status_code}, {seconds:.2f} s, {length:,} bytes for {bytes_in:,}"
        assert seconds <= 0.5 + bytes_in / MB, summary
        assert length <= max(MB, 20 * bytes_in), summary
        assert answer.status_code < 500, summary


def good_rows(count: int) -> bytes:
    rows = [f"{number},{ROW}" for number in range(count)]
    return "\n".join([HEADER, *rows, ""]).encode()
