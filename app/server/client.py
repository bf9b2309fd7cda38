"""One connection, on which no thread waits for a client: what it does not take is kept, what it owes has a pace."""

import errno
import io
import select
import socket
import struct
import tempfile
import time
from typing import IO, Any, Final

PIECE_BYTES: Final = 64 * 1024
SLOWEST_BYTES_S: Final = 4 * 1024
"""What a client has to send or take a second, on average, once its patience is used up."""

_IN_MEMORY_BYTES: Final = 256 * 1024
"""Of an answer that waits for its client; the rest lies in a temporary file."""


class TooSlowError(Exception):
    """A request did not come in time. No OSError: those mean that the client has gone, and get no answer."""


class Client(socket.socket):
    """A socket that never blocks the loop, and a thread only while the client keeps its pace.

    Parameters
    ----------
    accepted : socket
        Taken over.
    most_kept_bytes : int
        Of an answer that waits for its client. Beyond, the thread that makes it waits too.
    """

    def __init__(self, accepted: socket.socket, most_kept_bytes: int) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().setblocking(False)
        self._most_kept_bytes = most_kept_bytes
        self._kept: IO[bytes] | None = None
        self._kept_bytes = self._sent_bytes = 0
        self._patience_s: float | None = None
        self._since = 0.0
        self._moved_bytes = 0

    def wait_up_to(self, patience_s: float | None) -> None:
        """Let calls wait for the client, who has so many seconds and then its pace; None: nothing waits."""
        self._patience_s, self._since, self._moved_bytes = patience_s, time.monotonic(), 0

    def seconds_left(self) -> float:
        """Return how long the client may still take until more has moved."""
        if self._patience_s is None:
            return 0.0
        return self._since + self._patience_s + self._moved_bytes / SLOWEST_BYTES_S - time.monotonic()

    def _wait(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self, event)
        return seconds > 0 and bool(poll.poll(seconds * 1000))

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Return what is there, at most `size` bytes.

        Raises
        ------
        TooSlowError
            If nothing came, and nothing may be waited for any longer.
        """
        while True:
            try:
                content = super().recv(size, flags)
            except BlockingIOError:
                if not self._wait(select.POLLIN, self.seconds_left()):
                    raise TooSlowError from None
            else:
                self._moved_bytes += len(content)
                return content

    def has_unread(self) -> bool:
        """Return whether something came that was not read yet; the client's end of the connection is nothing."""
        try:
            return bool(super().recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def sendall(self, content: Any, _flags: int = 0, /) -> None:
        """Send what the client takes at once, and keep the rest for `send_kept`.

        Raises
        ------
        ConnectionResetError
            If more is to be kept than may be or can be.
        """
        rest = memoryview(content)
        if self._kept is None:
            rest = rest[self._send(rest) :]
            if not rest:
                return
            self._kept = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 (closed when sent)
            self._kept_bytes = self._sent_bytes = 0
        try:
            self._kept.seek(0, io.SEEK_END)
            self._kept.write(rest)
        except OSError as error:  # no room
            raise ConnectionResetError(errno.ECONNRESET, "The answer cannot be kept for its client.") from error
        self._kept_bytes += len(rest)
        while not self.send_kept() and self._kept_bytes - self._sent_bytes > self._most_kept_bytes:
            if not self._wait(select.POLLOUT, self._patience_s or 0.0):
                raise ConnectionResetError(errno.ECONNRESET, "The client does not take the answer.")

    def _send(self, content: memoryview) -> int:
        sent = 0
        try:
            while sent < len(content):
                sent += super().send(content[sent : sent + PIECE_BYTES])
        except BlockingIOError:
            pass
        self._moved_bytes += sent
        return sent

    def send_kept(self) -> bool:
        """Send what the client takes now of what was kept; return whether nothing is left."""
        while self._kept is not None:
            self._kept.seek(self._sent_bytes)
            piece = self._kept.read(PIECE_BYTES)
            if not piece:
                self._drop()
                break
            sent = self._send(memoryview(piece))
            self._sent_bytes += sent
            if sent < len(piece):
                return False
        return True

    @property
    def keeps(self) -> bool:
        """Whether a part of an answer waits for the client."""
        return self._kept is not None

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def abort(self) -> None:
        """Reset the connection, so that the client does not take what it has for all."""
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection; what was kept is lost."""
        self._drop()
        super().close()

    # gunicorn would have the socket wait by itself.

    def setblocking(self, flag: bool, /) -> None:
        """Stay as it is."""

    def settimeout(self, value: float | None, /) -> None:
        """Stay as it is."""
