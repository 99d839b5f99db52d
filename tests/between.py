"""A network between two programs of a test: it lags, is cut, or swallows what is sent."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Network:
    """What comes to ``url`` goes on to another server, as the attributes say at that moment.

    Attributes:
        lag: seconds that each piece of what is sent or answered takes.
        is_cut: connections are closed, those that are open too.
        swallows: nothing goes on and nothing is answered.
    """

    def __init__(self, target: str) -> None:
        to = urlsplit(target)
        self._to = (to.hostname, to.port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.lag, self.is_cut, self.swallows = 0.0, False, False
        self.passed = 0  # bytes
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.is_cut = True
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            if self.is_cut:
                return
            with socket.create_connection(self._to) as far:
                other = {near: far, far: near}
                while not self.is_cut:
                    ready, _, _ = select.select([near, far], [], [], 0.02)
                    for one in [] if self.swallows else ready:
                        piece = one.recv(1 << 16)
                        if not piece:
                            return
                        time.sleep(self.lag)
                        other[one].sendall(piece)
                        self.passed += len(piece)


@contextmanager
def network(target: str) -> Iterator[Network]:
    """A network before the server at ``target``, http://host:port, until the block ends."""
    found = Network(target)
    try:
        yield found
    finally:
        found.close()
