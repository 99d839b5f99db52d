"""What the programs of this machine are told: places, ports, and where each is reached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dash_app.settings import PageSettings
from launcher.settings import Placement, Ports
from model_zoo.settings import Places

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class Machine:
    """The flat variables that `catwalk up` and `catwalk demo` go by."""

    places: Places
    page: PageSettings
    ports: Ports
    placement: Placement

    @classmethod
    def load(cls) -> Self:
        """From the environment.

        Raises:
            UserError: a variable out of range.
        """
        return cls(Places.load(), PageSettings.load(), Ports.load(), Placement.load())

    @property
    def airflow_home(self) -> Path:
        return self.places.home / "airflow"

    @property
    def logs(self) -> Path:
        return self.places.home / "logs"

    @property
    def airflow_url(self) -> str:
        return local_url(self.places.host, self.ports.airflow_port)

    @property
    def page_url(self) -> str:
        return local_url(self.places.host, self.page.page_port)

    @property
    def mlflow_url(self) -> str:
        """Of the server that we start, or of the one that is set."""
        return self.places.tracking_uri or local_url(self.places.host, self.ports.mlflow_port)


def local_url(host: str, port: int) -> str:
    """Where a server of ours is reached from this machine."""
    reached = LOOPBACK if host in EVERYWHERE else host
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
