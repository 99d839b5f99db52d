"""Entries in Airflow's *Browse* menu: each project's versions in MLflow, and the page."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from dash_app.settings import PageSettings
from launcher.airflow_steps.projects import readable_projects
from launcher.local.machine import local_url
from model_zoo.settings import Places

PLACES, PAGE = Places.load(), PageSettings.load()


def _entry(name: str, href: str) -> dict[str, str]:
    return {"name": name, "href": href, "destination": "nav", "category": "browse"}


class CatwalkLinks(AirflowPlugin):
    """The other pages of Catwalk, one click away from Airflow."""

    name = "catwalk_links"
    external_views = [  # noqa: RUF012  (Airflow reads a plain list)
        *(
            _entry(
                f"Versions of {project.name} in MLflow",
                f"{PLACES.tracking_uri}/#/models/{project.registered_model}",
            )
            for project in readable_projects()
        ),
        _entry("Catwalk's page", local_url(PLACES.host, PAGE.page_port)),
    ]
