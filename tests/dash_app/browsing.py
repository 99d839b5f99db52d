"""The page as users start it, and what a visitor does with it in headless Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 60_000  # milliseconds, for a machine that is busy
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def serve(home: Path, **more: str) -> tuple[subprocess.Popen, str]:
    """The page of a home, as users start it; returns when it answers."""
    port = free_port()
    env = os.environ | {"CATWALK_HOME": str(home), "CATWALK_PAGE_PORT": str(port)} | more
    process = subprocess.Popen(
        [sys.executable, "-m", "dash_app"], env=env, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/healthz", process)
    return process, url


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(900):
        try:
            DIRECT.open(url)
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer in time")


def watch(page: Page) -> list[str]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if "Content Security Policy" in message.text or "Callback error" in message.text
            else None
        ),
    )
    return errors


@contextmanager
def slow_server(page: Page, milliseconds: int = 700) -> Iterator[None]:
    """Meanwhile an answer takes so much longer than a visitor does."""
    network = page.context.new_cdp_session(page)
    as_fast_as_it_gets = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    given = as_fast_as_it_gets | {"latency": milliseconds}
    network.send("Network.emulateNetworkConditions", given)
    yield
    network.send("Network.emulateNetworkConditions", as_fast_as_it_gets | {"latency": 0})
    network.detach()


def as_file(content: bytes, name: str = "a.png", kind: str = "image/png") -> dict:
    return {"name": name, "mimeType": kind, "buffer": content}


def drop(page: Page, *files: dict, into: str = "#upload") -> None:
    page.locator(f"{into} input[type=file]").set_input_files(list(files))


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def serious_findings(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds in the page: a rule, what it asks for, and where it is broken."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (one["id"], one["help"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
