"""The CPU time that a file from a stranger may take: a free part, and more for each MB of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from model.errors import ChurnError

MB: Final = 1_000_000
FREE_CPU_S: Final = 0.5
CPU_S_PER_MB: Final = 1.0
"""The costliest answer to good rows, NDJSON with every option, takes 0.4 s for each MB of the public data, and a plain
CSV 0.02 s."""

_MARGIN: Final = 0.85
"""The part of it after which a file is stopped: the last step before the check, and the error, cost as well."""


class OutOfCpuError(ChurnError):
    """A file has used the CPU time that it may take.

    Attributes
    ----------
    limit_s : float
        CPU seconds that a file like this may take.
    """

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The file takes more than {limit_s:.1f} s of CPU.")
        self.limit_s = limit_s


class Budget:
    """The CPU time of one file, counted while it is worked on and not while somebody waits.

    Parameters
    ----------
    max_cpu_s : float
        However large the file is.
    clock : callable
        Returns the CPU seconds of this thread: `time.thread_time`.
    free_cpu_s : float
        However small the file is.

    Attributes
    ----------
    bytes_in : int
        Decompressed bytes of the file read so far; those read twice count once.
    """

    def __init__(self, max_cpu_s: float, clock: Callable[[], float], free_cpu_s: float = FREE_CPU_S) -> None:
        self._max_cpu_s, self._clock, self._free_cpu_s = max_cpu_s, clock, free_cpu_s
        self._spent_s = 0.0
        self._since_s: float | None = None
        self.bytes_in = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the CPU time that this thread takes meanwhile."""
        self._since_s = self._clock()
        try:
            yield
        finally:
            self._spent_s += self._clock() - self._since_s
            self._since_s = None

    @property
    def limit_s(self) -> float:
        """CPU seconds that the file may take, as far as it has been read."""
        return min(self._max_cpu_s, self._free_cpu_s + CPU_S_PER_MB * self.bytes_in / MB)

    def check(self) -> None:
        """Raise OutOfCpuError if they are used up."""
        running_s = self._clock() - self._since_s if self._since_s is not None else 0.0
        if self._spent_s + running_s > self.limit_s * _MARGIN:
            raise OutOfCpuError(self.limit_s)
