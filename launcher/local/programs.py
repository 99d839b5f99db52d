"""Which programs `catwalk up` starts, and how one sees that each is ready."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from launcher.local.airflow import local_url
from model_zoo.config import Settings
from model_zoo.errors import UserError


@dataclass(frozen=True)
class Program:
    """One program: ``python -m module arguments``; ``ready`` asks it, or Airflow, how it is."""

    name: str
    module: str
    arguments: tuple[str, ...]
    ready: Callable[[], bool]


def programs(settings: Settings) -> list[Program]:
    """MLflow (unless another server is set), Airflow's four, and the page."""
    airflow = local_url(settings, settings.airflow_port)
    return [
        *([] if settings.tracking_uri else [mlflow_server(settings)]),
        Program(
            "api-server",
            "airflow",
            (
                "api-server",
                *("--host", settings.host, "--port", str(settings.airflow_port)),
                *("--workers", "1"),
            ),
            lambda: answers(f"{airflow}/api/v2/monitor/health"),
        ),
        # Task logs are read from the folder on this machine: no log servers (they would listen
        # on every interface).
        Program(
            "scheduler",
            "airflow",
            ("scheduler", "--skip-serve-logs"),
            lambda: healthy(airflow, "scheduler"),
        ),
        Program(
            "triggerer",
            "airflow",
            ("triggerer", "--skip-serve-logs"),
            lambda: healthy(airflow, "triggerer"),
        ),
        Program(
            "dag-processor",
            "airflow",
            ("dag-processor",),
            lambda: healthy(airflow, "dag_processor"),
        ),
        Program(
            "page", "dash_app", (), lambda: answers(local_url(settings, settings.page_port) + "/")
        ),
    ]


def mlflow_server(settings: Settings) -> Program:
    port = settings.mlflow_port
    return Program(
        "mlflow",
        "mlflow",
        (
            "server",
            *("--backend-store-uri", settings.mlflow_uri),
            *("--artifacts-destination", str(settings.artifact_dir)),
            *("--host", settings.host, "--port", str(port), "--workers", "1"),
        ),
        lambda: answers(local_url(settings, port) + "/health"),
    )


def check_ports(settings: Settings) -> None:
    """Every port that we need is free.

    Raises:
        UserError: one is taken, or two are the same; names the setting to change.
    """
    names = ["page_port", "airflow_port"] + ([] if settings.tracking_uri else ["mlflow_port"])
    seen: dict[int, str] = {}
    for name in names:
        port = getattr(settings, name)
        variable = f"CATWALK_{name.upper()}"
        if port in seen:
            raise UserError(f"{seen[port]} and {variable} are both {port}: change one of them")
        seen[port] = variable
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                raise UserError(
                    f"port {port} on {settings.host} cannot be used ({error.strerror}): stop what "
                    f"listens there, or set {variable} to a free port"
                ) from None


def answers(url: str) -> bool:
    """Whether a server gives any good answer."""
    return fetch(url) is not None


def healthy(airflow: str, part: str) -> bool:
    found = fetch(f"{airflow}/api/v2/monitor/health")
    return found is not None and json.loads(found).get(part, {}).get("status") == "healthy"


def fetch(url: str) -> bytes | None:
    """What ``url`` on this machine answers, or None; never by way of a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, OSError):
        return None
