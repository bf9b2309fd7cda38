"""The rate limit of the server: so many requests of one key or address, then 429. Imported by app/wiring.py only.

Counts are in the memory of one process, in windows that begin with the minute (second, hour, day).
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable
from typing import Final

from flask import Response, g, request

from app.web.api_keys import is_guarded
from app.web.errors import RequestError

MAX_CLIENTS: Final = 100_000
"""Counted one by one, in 11 MB; the others of a window share one count, so that no flood of addresses fills memory."""

_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_NETWORK_BITS: Final = 64
"""Of IPv6: one customer of a provider can choose among all addresses of such a network."""


class RateLimit:
    """Counts requests and refuses those beyond a limit.

    Parameters
    ----------
    limit : str
        Such as "600/minute".
    clock : callable
        Seconds since the epoch.
    """

    def __init__(self, limit: str, clock: Callable[[], float] = time.time) -> None:
        count, _, unit = limit.partition("/")
        self.max_requests, self.window_s = int(count), _SECONDS[unit]
        self.words = f"{self.max_requests:,} {'request' if self.max_requests == 1 else 'requests'} in one {unit}"
        self._clock, self._lock = clock, threading.Lock()
        self._window, self._counts = 0, dict[str, int]()

    def count(self, client: str) -> tuple[int, int]:
        """Return the count of `client` in this window, with this request, and the seconds until the next window."""
        now = self._clock()
        window = int(now // self.window_s)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            if client not in self._counts and len(self._counts) >= MAX_CLIENTS:
                client = ""
            count = self._counts[client] = self._counts.get(client, 0) + 1
        return count, max(1, math.ceil((window + 1) * self.window_s - now))

    def check(self) -> None:
        """Count this request.

        Raises
        ------
        RequestError
            too_many_requests.
        """
        if not is_guarded():
            return
        key = g.get("key")
        count, seconds = g.rate = self.count(f"key {key}" if key else address_of(request.remote_addr))
        if count > self.max_requests:
            client = "key" if key else "address"
            raise RequestError("too_many_requests", limit=self.words, client=client, seconds=seconds)

    def add_headers(self, response: Response) -> Response:
        """Add what is left, in the headers of draft-ietf-httpapi-ratelimit-headers."""
        if "rate" in g:
            count, seconds = g.rate
            response.headers["RateLimit-Policy"] = f'"requests";q={self.max_requests};w={self.window_s}'
            response.headers["RateLimit"] = f'"requests";r={max(0, self.max_requests - count)};t={seconds}'
            if response.status_code == 429:
                response.headers["Retry-After"] = str(seconds)
        return response


def address_of(address: str | None) -> str:
    """Return what counts as one client: an address, or the network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "nobody"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), _NETWORK_BITS), strict=False))
    return str(parsed)
