"""Who gets through the proxy before the page, and as whom: nginx itself, where it is installed."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
SEEN = ("X-Forwarded-User", "X-Forwarded-Proto", "Authorization")


class Page(BaseHTTPRequestHandler):
    """In the page's place: answers with what it was told about who asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({name: self.headers.get(name) for name in SEEN}).encode())

    def log_message(self, *_: object) -> None:
        pass


class Proxy:
    """nginx with our file, the places in it those of a test."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.folder = folder
        self.plain, self.secure = _free_port(), _free_port()
        script = folder / "make-secrets"
        script.write_bytes((DOCKER / "make-secrets").read_bytes())
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        self.password = (folder / "secrets" / "page_password").read_text()
        self._make_certificate()
        given = (DOCKER / "proxy" / "nginx.conf").read_text()
        for old, new in {
            "page:8050": f"127.0.0.1:{upstream}",
            " /tmp/": f" {folder}/",
            "/etc/catwalk/behind-*": str(DOCKER / "kubernetes" / "behind-*"),
            " /run/secrets": f" {folder}/secrets",
            "listen 8000;": f"listen 127.0.0.1:{self.plain};",
            "# listen 8443": f"listen 127.0.0.1:{self.secure}",
            "# ssl_": "ssl_",
            "worker_processes auto;": "worker_processes 1;",
        }.items():
            assert old in given, old
            given = given.replace(old, new)
        (folder / "nginx.conf").write_text(given)
        command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-g", "daemon off; user root;"]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not _listens(self.plain):
            assert self.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)

    def _make_certificate(self) -> None:
        place = self.folder / "secrets" / "page_certificate"
        command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=page",
                   "-keyout", f"{place}_key", "-out", str(place)]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)

    def ask(
        self, path: str, log_in: str = "", *, secure: bool = False, **headers: str
    ) -> tuple[int, dict[str, str | None]]:
        port, scheme = (self.secure, "https") if secure else (self.plain, "http")
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if log_in:
            request.add_header("Authorization", _basic(log_in))
        trusting = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, {}


def _basic(log_in: str) -> str:
    return "Basic " + base64.b64encode(log_in.encode()).decode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        made = Proxy(tmp_path_factory.mktemp("proxy"), page.server_address[1])
        try:
            yield made
        finally:
            made.process.terminate()
            made.process.wait()
            page.shutdown()


@pytest.mark.parametrize(
    "path",
    ["/", "/p/shirts/", "/_dash-update-component", "/p/shirts/x/../../..//healthz/", "/x/api/"],
)
def test_nobody_without_a_log_in_sees_the_page(proxy: Proxy, path: str) -> None:
    assert proxy.ask(path)[0] == 401
    assert proxy.ask(path, "catwalk:guessed")[0] == 401


def test_who_logged_in_is_told_to_the_page_and_the_password_is_not(proxy: Proxy) -> None:
    status, told = proxy.ask("/", f"catwalk:{proxy.password}", X_Forwarded_User="somebody else")
    assert status == 200
    assert told["X-Forwarded-User"] == "catwalk" and told["Authorization"] is None


def test_one_more_line_is_one_more_person_from_then_on(proxy: Proxy) -> None:
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input="open sesame", text=True, capture_output=True
    ).stdout
    with (proxy.folder / "secrets" / "page_users").open("a") as users:
        users.write(f"anna:{hashed}")
    assert proxy.ask("/", "anna:open sesame")[1]["X-Forwarded-User"] == "anna"


def test_programs_send_the_token_of_the_api_and_no_log_in(proxy: Proxy) -> None:
    status, told = proxy.ask("/api/v1/model", Authorization="Bearer 123")
    assert status == 200 and told["Authorization"] == "Bearer 123"
    told = proxy.ask("/api/v1/model", "anna:never checked", X_Forwarded_User="anna")[1]
    assert told["X-Forwarded-User"] is None, "nobody says who they are"


def test_health_is_told_to_everybody_and_counters_to_nobody(proxy: Proxy) -> None:
    for path in ("/healthz", "/readyz", "/p/shirts/healthz", "/p/shirts/readyz"):
        assert proxy.ask(path)[0] == 200, path
    assert proxy.ask("/metrics", f"catwalk:{proxy.password}")[0] == 404


def test_with_the_lines_of_a_certificate_it_speaks_tls(proxy: Proxy) -> None:
    status, told = proxy.ask("/", f"catwalk:{proxy.password}", secure=True)
    assert status == 200 and told["X-Forwarded-Proto"] == "https"
