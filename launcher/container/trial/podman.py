"""How a trial speaks with what runs in containers: podman, compose, HTTP."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from model_zoo.errors import UserError
from model_zoo.settings import CHECKOUT

DOCKER = CHECKOUT / "docker"
FILES = ("--file", str(DOCKER / "compose.yaml"), "--file", str(DOCKER / "check/compose.yaml"))
AIRFLOW, MLFLOW, PAGE = (f"http://127.0.0.1:{port}" for port in (8080, 5000, 8000))
BEGAN = time.monotonic()


class AwayError(UserError):
    """A server does not answer well, for now."""


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.0f} s  {text}", flush=True)


def run(*command: str, **options: Any) -> str:
    """A program's output; its last lines as an error when it fails."""
    found = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    if found.returncode:
        raise UserError(f"{' '.join(command[:4])} failed:\n" + found.stdout[-3000:])
    return found.stdout


def compose(*arguments: str) -> str:
    return run(sys.executable, "-m", "podman_compose", *FILES, *arguments)


def logs(service: str) -> str:
    return run("podman", "logs", "--tail", "40", f"catwalk_{service}_1")


def secret(name: str) -> str:
    return (DOCKER / "secrets" / name).read_text().strip()


def basic(user: str, password: str) -> str:
    """The header of a log-in."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(url: str, method: str = "GET", body: Any = None, log_in: str = "") -> tuple[int, Any]:
    """Status and content of an answer; the content of a refusal is None.

    Args:
        log_in: what the header ``Authorization`` says.
    """
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": log_in} if log_in else {}),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        return error.code, None
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, content.decode(errors="replace")


def got(url: str, method: str = "GET", body: Any = None, log_in: str = "") -> Any:
    """The content of an answer that has to be a good one."""
    status, content = ask(url, method, body, log_in)
    if status >= 300:
        kind = AwayError if status >= 500 else UserError
        raise kind(f"{method} {url} answered {status}")
    return content


def expect(what: str, found: object, expected: object) -> None:
    """Say what was found, and end the trial where it is not what was promised."""
    if found != expected:
        raise UserError(f"{what}: {found}, not {expected}")
    say(f"  {what}: {found}")


def until(what: str, ready: Callable[[], object], seconds: float) -> float:
    """Wait until something holds; servers may be away meanwhile. Gives how long it took, in s."""
    began = time.monotonic()
    while True:
        try:
            if ready():
                return time.monotonic() - began
        except (OSError, AwayError):
            pass
        if time.monotonic() - began > seconds:
            raise UserError(f"{what}: not within {seconds:.0f} s")
        time.sleep(1)
