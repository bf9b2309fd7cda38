"""A client of the API: create an upload, send its file to the bucket, ask for its job, download the results.

Requests to the API are repeated while the service is busy or cannot be reached (urllib3's Retry). A form or a link
expires, so those who transfer a file ask for a new one before they try again.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from model.bulk.unchanged import Unchanged
from model.errors import ChurnError

BUSY: Final = {429, 500, 502, 503, 504}
PIECE_BYTES: Final = 256 * 1024

_POLICY: Final = Retry(
    status_forcelist=BUSY,
    allowed_methods=None,  # POST too: an upload without a file does no harm
    backoff_factor=1,
    backoff_max=30,
    retry_after_max=30,
    raise_on_status=False,
)
_FIRST_REQUEST: Final = _POLICY.new(total=2)
"""Gives up after about 2 s: the address may be mistyped."""

_LATER_REQUEST: Final = _POLICY.new(total=14)
"""Gives up after about 5 minutes."""

_TIMEOUT: Final = urllib3.Timeout(connect=20, read=120)
"""The first is also the time to send one piece of a file."""

_FILE_MARK: Final = b"the bytes of the file"

ReportBytes = Callable[[int], object]
"""Called with the number of bytes of a file that were sent so far."""


class Api:
    """One service, and the key for it. The key is not sent to the bucket, and no redirect is followed."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._headers = {"X-Api-Key": key} if key else {}

    def create_upload(self) -> dict[str, Any]:
        """Return a form for a file, and the id of its job."""
        return self._request("POST", "/v2/uploads", _FIRST_REQUEST)

    def get_job(self, job_id: str) -> dict[str, Any]:
        """Return the state of a job."""
        return self._request("GET", f"/v2/jobs/{job_id}", _LATER_REQUEST)

    def _request(self, method: str, path: str, retries: Retry) -> dict[str, Any]:
        url = self._url + path
        try:
            response = _pool(url).request(method, url, headers=self._headers, retries=retries, redirect=False)
        except HTTPError as error:
            raise _unreachable(self._url, error) from error
        try:
            document = json.loads(response.data)
        except ValueError:
            document = None
        if not isinstance(document, dict) or (response.status >= 400 and "detail" not in document):
            raise ChurnError(
                f"{self._url} answered with status {response.status}, but not as this service does. Is it the API?"
            )
        if response.status in BUSY:
            raise ConnectionError(
                f"{self._url} is busy or broken ({response.status}): {document['detail'].rstrip('.')}"
            )
        if response.status >= 300:
            raise ChurnError(document["detail"])
        return document


def is_expired(form: Mapping[str, Any]) -> bool:
    """Return whether a form is too old to be sent."""
    return datetime.fromisoformat(form["expires"]) <= datetime.now(UTC)


def send(form: Mapping[str, Any], file: Unchanged, size: int, report: ReportBytes) -> None:
    """Send a file with its form to the bucket, which accepts all of the announced `size` bytes or nothing.

    Raises a ChurnError if the bucket refuses it, or the file changes while it is sent; a ConnectionError if the next
    try may succeed.
    """
    empty, content_type = urllib3.encode_multipart_formdata(
        {**form["fields"], "file": ("file.csv", _FILE_MARK, "text/csv")}
    )
    head, tail = empty.split(_FILE_MARK)

    def body() -> Iterator[bytes]:
        yield head
        sent = 0
        while piece := file.read(PIECE_BYTES):
            yield piece
            sent += len(piece)
            report(sent)
        yield tail

    headers = {"Content-Type": content_type, "Content-Length": str(len(head) + size + len(tail))}
    with _stream("POST", form["url"], headers=headers, body=body()) as response:
        answer = response.read().decode("utf-8", "replace")
    if response.status < 300:
        return
    reason = ": ".join(re.findall(r"<(?:Code|Message)>([^<]*)<", answer)[:2]) or f"status {response.status}"
    if response.status in BUSY:
        raise ConnectionError(f"The bucket did not take the file ({reason})")
    raise ChurnError(f"The bucket did not take the file ({reason}).")


def download(url: str, file: IO[bytes], size: int) -> None:
    """Write the content of a link into a file.

    Raises a ConnectionError if it cannot be read to its end.
    """
    with _stream("GET", url) as response:
        if response.status != 200:
            raise ConnectionError(f"A result could not be fetched (status {response.status})")
        for piece in response.stream(PIECE_BYTES):
            file.write(piece)
    if file.tell() != size:
        raise ConnectionError(f"The connection ended after {file.tell():,} of {size:,} bytes of a result")


@contextmanager
def _stream(method: str, url: str, **options: Any) -> Iterator[urllib3.BaseHTTPResponse]:
    """Give the response to one request, which is not repeated, before its body is read."""
    try:
        response = _pool(url).request(method, url, retries=False, preload_content=False, **options)
        try:
            yield response
            response.drain_conn()
        except BaseException:
            response.close()
            raise
    except HTTPError as error:
        raise _unreachable(url, error) from error


def _pool(url: str) -> urllib3.PoolManager:
    parts = urlsplit(url)
    return _pool_of(None if proxy_bypass(str(parts.hostname)) else getproxies().get(parts.scheme))


@functools.cache
def _pool_of(proxy: str | None) -> urllib3.PoolManager:
    return urllib3.ProxyManager(proxy, timeout=_TIMEOUT) if proxy else urllib3.PoolManager(timeout=_TIMEOUT)


def _unreachable(url: str, error: HTTPError) -> ConnectionError:
    parts = urlsplit(url)  # without the query, which signs a link
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    return ConnectionError(f"{parts.scheme}://{parts.netloc} cannot be reached, or broke off ({type(cause).__name__})")
