"""Entries in Airflow's *Browse* menu: the registry in MLflow, and the page."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from launcher.local.airflow import local_url
from model_zoo.config import load_settings

SETTINGS = load_settings()


def _entry(name: str, href: str) -> dict[str, str]:
    return {"name": name, "href": href, "destination": "nav", "category": "browse"}


class CatwalkLinks(AirflowPlugin):
    """The other two pages of Catwalk, one click away from Airflow."""

    name = "catwalk_links"
    external_views = [  # noqa: RUF012  (Airflow reads a plain list)
        _entry("Versions in MLflow", f"{SETTINGS.tracking_uri}/#/models/{SETTINGS.model_name}"),
        _entry("Catwalk's page", local_url(SETTINGS, SETTINGS.page_port)),
    ]
