"""Which programs `catwalk up` starts, and how one sees that each is ready."""

from __future__ import annotations

import ipaddress
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from launcher.local.machine import Machine
from model_zoo.errors import UserError
from model_zoo.registry.store import sqlite_uri


@dataclass(frozen=True)
class Program:
    """One program: ``python -m module arguments``; ``ready`` asks it, or Airflow, how it is."""

    name: str
    module: str
    arguments: tuple[str, ...]
    ready: Callable[[], bool]


def programs(machine: Machine) -> list[Program]:
    """MLflow (unless another server is set), Airflow's four, and the page."""
    airflow = machine.airflow_url
    return [
        *([] if machine.places.tracking_uri else [mlflow_server(machine)]),
        Program(
            "api-server",
            "airflow",
            (
                "api-server",
                *("--host", machine.places.host, "--port", str(machine.ports.airflow_port)),
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
        Program("page", "dash_app", (), lambda: answers(f"{machine.page_url}/")),
    ]


def mlflow_server(machine: Machine) -> Program:
    home = machine.places.home
    return Program(
        "mlflow",
        "mlflow",
        (
            "server",
            *("--backend-store-uri", sqlite_uri(home / "mlflow.db")),
            *("--artifacts-destination", str(home / "mlflow-artifacts")),
            *("--host", machine.places.host, "--port", str(machine.ports.mlflow_port)),
            *("--workers", "1"),
        ),
        lambda: answers(f"{machine.mlflow_url}/health"),
    )


def check_host(machine: Machine) -> None:
    """Only this machine reaches the servers: MLflow and the page ask nobody for a password.

    Raises:
        UserError: the address is one that others reach.
    """
    host = machine.places.host
    try:
        alone = ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = host == "localhost"
    if not alone:
        raise UserError(
            f"CATWALK_HOST={host} would show MLflow and the page, which have no password here, to "
            "everybody who reaches this machine: leave it at 127.0.0.1 and come by an SSH tunnel, "
            "or use the containers, where each server has a log-in (docs/deploy.md)"
        )


def check_ports(machine: Machine) -> None:
    """Every port that we need is free.

    Raises:
        UserError: one is taken, or two are the same; names the setting to change.
    """
    ports = {
        "CATWALK_PAGE_PORT": machine.page.page_port,
        "CATWALK_AIRFLOW_PORT": machine.ports.airflow_port,
    }
    if not machine.places.tracking_uri:
        ports["CATWALK_MLFLOW_PORT"] = machine.ports.mlflow_port
    host = machine.places.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    seen: dict[int, str] = {}
    for variable, port in ports.items():
        if port in seen:
            raise UserError(f"{seen[port]} and {variable} are both {port}: change one of them")
        seen[port] = variable
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise UserError(
                    f"port {port} on {host} cannot be used ({error.strerror}): stop what "
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
