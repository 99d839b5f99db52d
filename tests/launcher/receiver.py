"""A server on this machine that receives what apprise sends to CATWALK_NOTIFY."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """``messages`` that arrived, each with ``title`` and ``message``; ``address`` as apprise has
    it."""

    address: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)

    def titles(self) -> list[str]:
        return [one["title"] for one in self.messages]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Until the block ends."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"json://127.0.0.1:{server.server_port}/hook"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
