"""The name of the asset that a promotion updates; Airflow itself is not imported for it."""

from __future__ import annotations

from model_zoo.settings import Project


def asset_uri(project: Project) -> str:
    """``catwalk://<project>/production``."""
    return f"catwalk://{project.name}/production"
