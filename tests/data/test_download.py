"""A download is tried three times and goes on where it was cut off."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model_zoo.data import download as module
from model_zoo.data.download import download
from model_zoo.errors import UserError

CONTENT = bytes(range(256)) * 700
BLOCK = 1 << 16  # what is written at a time


@dataclass
class Mirror:
    """A server on this machine that says how it fails, in turn, and what it was asked."""

    failures: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    known = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            known.ranges.append(asked)
            failure = known.failures.pop(0) if known.failures else ""
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if start >= len(CONTENT):
                return self.send_error(416)
            if failure == "error":
                return self.send_error(503)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            end = start + BLOCK + 3000 if failure == "cut" else None
            self.wfile.write(CONTENT[start:end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known.url = f"http://127.0.0.1:{server.server_port}/file"
    yield known
    server.shutdown()
    server.server_close()


def test_what_was_cut_off_is_continued(mirror: Mirror, tmp_path: Path) -> None:
    mirror.failures = ["cut", "cut"]
    download(mirror.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert mirror.ranges == [None, f"bytes={BLOCK}-", f"bytes={2 * BLOCK}-"]


def test_what_is_complete_is_left_alone(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    download(mirror.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_after_three_attempts_it_says_why(mirror: Mirror, tmp_path: Path) -> None:
    mirror.failures = ["error"] * 5
    with pytest.raises(UserError, match=r"could not be downloaded after 3 attempts \(503"):
        download(mirror.url, tmp_path / "file")
    assert len(mirror.ranges) == 3


def test_a_server_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    with pytest.raises(UserError, match=r"after 3 attempts \(no connection: ConnectionError\)"):
        download("http://127.0.0.1:9/file", tmp_path / "file")
