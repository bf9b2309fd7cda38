"""The API as its clients see it: begin an upload, send its file to the bucket, ask for its job, fetch its results.

What passes by itself (a connection that fails, a service that is busy) is tried again; what does not is raised.
"""

import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from model.bulk.unchanged import Unchanged
from model.errors import ChurnError

BUSY: Final = {429, 500, 502, 503, 504}
LONGEST_PAUSE_S: Final = 30.0
PIECE_BYTES: Final = 256 * 1024
TRIES: Final = 3
"""Of a file on its way to the bucket, or of a result on its way here."""

_MARK: Final = b"the bytes of the file"

Tell = Callable[[int], object]
"""Told how many bytes of a file have gone."""


class Api:
    """One service, asked with one key. The key goes to it alone, not to the bucket, and no redirect is followed.

    Parameters
    ----------
    patience_s : float
        How long a request that fails is repeated.
    """

    def __init__(self, url: str, key: str | None, patience_s: float = 300) -> None:
        self._url, self._patience_s = url, patience_s
        self._headers = {"X-Api-Key": key} if key else {}

    def begin(self) -> dict[str, Any]:
        """Return a form for a file, and the id of its job."""
        # Whoever mistyped the address should not have to wait.
        return self._ask("POST", "/v2/uploads", min(5, self._patience_s))

    def state(self, job: str) -> dict[str, Any]:
        """Return how far a job is."""
        return self._ask("GET", f"/v2/jobs/{job}", self._patience_s)

    def _ask(self, method: str, path: str, patience_s: float) -> dict[str, Any]:
        deadline, pause_s = time.monotonic() + patience_s, 1.0
        while True:
            try:
                with _answer(method, self._url + path, headers=self._headers) as answer:
                    content = answer.read()
            except HTTPError as error:
                if time.monotonic() + pause_s > deadline:
                    raise _unreachable(self._url, error) from error
            else:
                asked_s = answer.headers.get("Retry-After", "")
                pause_s = min(float(asked_s), LONGEST_PAUSE_S) if asked_s.isdigit() else pause_s
                if answer.status not in BUSY or time.monotonic() + pause_s > deadline:
                    return self._members(answer.status, content)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _members(self, status: int, content: bytes) -> dict[str, Any]:
        """Return what was answered, or raise the problem that it is."""
        try:
            members = json.loads(content)
        except ValueError:
            members = None
        if not isinstance(members, dict) or (status >= 400 and "detail" not in members):
            raise ChurnError(f"{self._url} answered with status {status}, but not as this service does. Is it the API?")
        if status in BUSY:
            raise ConnectionError(f"{self._url} is busy or broken ({status}): {members['detail'].rstrip('.')}")
        if status >= 300:
            raise ChurnError(members["detail"])
        return members


def is_over(form: Mapping[str, Any]) -> bool:
    """Return whether a form is too old to be sent."""
    return datetime.fromisoformat(form["expires"]) <= datetime.now(UTC)


def send(form: Mapping[str, Any], file: Unchanged, size: int, tell: Tell) -> None:
    """Send a file with its form to the bucket, which takes all of the `size` bytes that are announced or nothing.

    Raises
    ------
    ChurnError
        If the bucket does not take it, or the file is changed meanwhile.
    ConnectionError
        If it may take it the next time.
    """
    empty, kind = urllib3.encode_multipart_formdata({**form["fields"], "file": ("file.csv", _MARK, "text/csv")})
    head, tail = empty.split(_MARK)
    body = _Form(head, file, tail, tell)
    headers = {"Content-Type": kind, "Content-Length": str(len(head) + size + len(tail))}
    try:
        with _answer("POST", form["url"], headers=headers, body=body) as answer:
            said = answer.read().decode("utf-8", "replace")
    except HTTPError as error:
        raise _unreachable(form["url"], error) from error
    if answer.status < 300:
        return
    reason = ": ".join(re.findall(r"<(?:Code|Message)>([^<]*)<", said)[:2]) or f"status {answer.status}"
    if answer.status in BUSY:
        raise ConnectionError(f"The bucket did not take the file ({reason})")
    raise ChurnError(f"The bucket did not take the file ({reason}).")


class _Form:
    """A form with a file in it, read piece by piece."""

    def __init__(self, head: bytes, file: Unchanged, tail: bytes, tell: Tell) -> None:
        self._pieces = self._read(head, file, tail, tell)

    @staticmethod
    def _read(head: bytes, file: Unchanged, tail: bytes, tell: Tell) -> Iterator[bytes]:
        yield head
        sent = 0
        while piece := file.read(PIECE_BYTES):
            yield piece
            sent += len(piece)
            tell(sent)
        yield tail

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def fetch(url: str, out: IO[bytes], size: int) -> None:
    """Write what a link leads to.

    Raises
    ------
    ConnectionError
        If it does not come, or not whole.
    """
    try:
        with _answer("GET", url) as answer:
            if answer.status != 200:
                raise ConnectionError(f"A result could not be fetched (status {answer.status})")
            for piece in answer.stream(PIECE_BYTES):
                out.write(piece)
    except HTTPError as error:
        raise _unreachable(url, error) from error
    if out.tell() != size:
        raise ConnectionError(f"Of a result of {size:,} bytes {out.tell():,} came")


@contextmanager
def _answer(method: str, url: str, **more: Any) -> Iterator[urllib3.BaseHTTPResponse]:
    parts = urlsplit(url)
    proxy = None if proxy_bypass(str(parts.hostname)) else getproxies().get(parts.scheme)
    answer = _manager(proxy).request(method, url, retries=False, preload_content=False, **more)
    try:
        yield answer
        answer.drain_conn()
    except BaseException:
        answer.close()
        raise


@functools.cache
def _manager(proxy: str | None) -> urllib3.PoolManager:
    # The first is also how long a piece of a file may take to leave.
    timeout = urllib3.Timeout(connect=20, read=120)
    return urllib3.ProxyManager(proxy, timeout=timeout) if proxy else urllib3.PoolManager(timeout=timeout)


def _unreachable(url: str, error: HTTPError) -> ConnectionError:
    # Without the query, which signs a link.
    parts = urlsplit(url)
    return ConnectionError(f"{parts.scheme}://{parts.netloc} cannot be reached, or broke off ({type(error).__name__})")
