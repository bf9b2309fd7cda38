"""How many files one process of the server works on at once. Imported by app/wiring.py only."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

from app.web.errors import RequestError


class Slots:
    """So many files are worked on at once by one process; the others wait in order.

    A file gives its slot back after each of its parts and waits for the next one behind the others: nobody holds one
    who waits for a client, and a long file delays a short one by a part. New files are refused while `max_waiting`
    files wait, as each of them keeps a thread from short requests.
    """

    def __init__(self, count: int, timeout_s: float, max_waiting: int) -> None:
        self._free, self._timeout_s, self._max_waiting = count, timeout_s, max_waiting
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextlib.contextmanager
    def acquire(self, has_begun: bool = False) -> Iterator[None]:
        """Hold a slot.

        Raises
        ------
        RequestError
            busy, for a file that has not begun: others hold their slots for a part only, so there is no end to await.
        """
        if not self._acquire(None if has_begun else self._timeout_s):
            raise RequestError("busy")
        try:
            yield
        finally:
            self._release()

    def _acquire(self, timeout_s: float | None) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if timeout_s is not None and len(self._waiting) >= self._max_waiting:
                return False
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return True
        with self._lock:
            if mine.is_set():
                return True
            self._waiting.remove(mine)
            return False

    def _release(self) -> None:
        with self._lock:
            # Passed to the thread that has waited longest: free, it would mostly be acquired again by the same thread.
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
