"""The rate limit of the server: so many requests of one key or address, then 429. Imported by app/wiring.py only.

Counts lie in the memory of one process, in windows that begin with the minute (second, hour, day).
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

MOST_CLIENTS: Final = 100_000
"""Counted one by one, in 11 MB; the others of a window share one count, so that no flood of addresses fills memory."""

_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_NETWORK_BITS: Final = 64
"""Of IPv6: what one customer of a provider has to choose addresses from."""


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
        most, _, unit = limit.partition("/")
        self.most, self.window_s = int(most), _SECONDS[unit]
        self.words = f"{self.most:,} {'request' if self.most == 1 else 'requests'} in one {unit}"
        self._clock, self._lock = clock, threading.Lock()
        self._window, self._counts = 0, dict[str, int]()

    def count(self, client: str) -> tuple[int, int]:
        """Return how many requests of `client` this window has seen, with this one, and seconds until the next."""
        now = self._clock()
        window = int(now // self.window_s)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            if client not in self._counts and len(self._counts) >= MOST_CLIENTS:
                client = ""
            seen = self._counts[client] = self._counts.get(client, 0) + 1
        return seen, max(1, math.ceil((window + 1) * self.window_s - now))

    def admit(self) -> None:
        """Count this request.

        Raises
        ------
        RequestError
            too_many_requests.
        """
        if not is_guarded():
            return
        key = g.get("key")
        seen, seconds = g.rate = self.count(f"key {key}" if key else address_of(request.remote_addr))
        if seen > self.most:
            client = "key" if key else "address"
            raise RequestError("too_many_requests", limit=self.words, client=client, seconds=seconds)

    def describe(self, response: Response) -> Response:
        """Say in the headers what is left, as draft-ietf-httpapi-ratelimit-headers has it."""
        if "rate" in g:
            seen, seconds = g.rate
            response.headers["RateLimit-Policy"] = f'"requests";q={self.most};w={self.window_s}'
            response.headers["RateLimit"] = f'"requests";r={max(0, self.most - seen)};t={seconds}'
            if response.status_code == 429:
                response.headers["Retry-After"] = str(seconds)
        return response


def address_of(address: str | None) -> str:
    """Return what counts as one client: an address, or the network of one of the sixth version."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "nobody"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False))
    return str(found)
