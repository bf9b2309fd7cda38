"""How many files one process of the server scores at once. Imported by app/wiring.py only."""

import contextlib
import threading
from collections.abc import Iterator

from app.web.problems import RequestError


class Slots:
    """So many files are scored at once; the others wait for a slot, up to a timeout."""

    def __init__(self, count: int, timeout_s: float) -> None:
        self._free, self._timeout_s = threading.BoundedSemaphore(count), timeout_s

    @contextlib.contextmanager
    def acquire(self) -> Iterator[None]:
        """Hold a slot.

        Raises
        ------
        RequestError
            busy.
        """
        if not self._free.acquire(timeout=self._timeout_s):
            raise RequestError("busy")
        try:
            yield
        finally:
            self._free.release()
