"""A wire between a browser and a server that holds or cuts a POST on order, after so many bytes of either direction."""

import contextlib
import socket
import struct
import threading
from typing import Final

_PIECE: Final = 16_384


class Wire:
    """Goes to a port of this machine.

    Attributes
    ----------
    up, down : int or None
        So many bytes of a POST, and of its answer, go through; None is all.
    cuts : bool
        Whether the connection is then cut; else it is held until `let_go`.
    """

    def __init__(self, port: int) -> None:
        self.up: int | None = None
        self.down: int | None = None
        self.cuts = True
        self._port = port
        self._going = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._carrying: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def hold(self, *, up: int | None = None, down: int | None = None) -> None:
        self.up, self.down, self.cuts = up, down, False
        self._going.clear()

    def let_go(self) -> None:
        self.up = self.down = None
        self.cuts = True
        self._going.set()

    def close(self) -> None:
        self._going.set()
        # A socket that another thread reads is only let go of by a shutdown.
        _end(self._listener)
        self._accepting.join()
        for item in self._open:
            _end(item)
        for thread in self._carrying:
            thread.join()
        for value in [self._listener, *self._open]:
            value.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self._port), 20)
                except OSError:
                    _end(near)
                    continue
                far.settimeout(None)
                self._open.append(far)
                # A browser keeps connections, so what one carried before does not count.
                state = {"post": False}
                for here, there, is_up in ((near, far, True), (far, near, False)):
                    thread = threading.Thread(target=self._carry, args=(here, there, is_up, state), daemon=True)
                    thread.start()
                    self._carrying.append(thread)

    def _carry(self, here: socket.socket, there: socket.socket, is_up: bool, state: dict[str, bool]) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while piece := here.recv(_PIECE):
                if is_up and piece[:5] in {b"POST ", b"GET /"}:
                    state["post"] = piece.startswith(b"POST")
                    carried = 0
                most = self.up if is_up else self.down
                carried += len(piece) if state["post"] else 0
                if state["post"] and most is not None and carried > most:
                    if self.cuts:
                        for value in (here, there):
                            value.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            _end(value)
                        break
                    self._going.wait()
                there.sendall(piece)
        for value in (here, there):
            _end(value)


def _end(value: socket.socket) -> None:
    with contextlib.suppress(OSError):
        value.shutdown(socket.SHUT_RDWR)
