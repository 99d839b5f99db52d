"""What `catwalk clean` takes for old, and when Airflow runs it."""

from __future__ import annotations

from pydantic import Field

from model_zoo.settings.environment import Environment


class Cleaning(Environment):
    """Flat variables, as where and when things are deleted is no matter of a project."""

    clean_after_days: float = Field(
        30.0,
        ge=0,
        description="Age in days, by last use, from which a run's folder, a cache, a log, what was "
        "deleted in MLflow and Airflow's rows may go.",
    )
    clean_keep_versions: int = Field(
        10,
        ge=1,
        description="Newest versions of each project that keep their files, beside those that "
        "carry an alias. Of older ones the files go; their figures and their history stay.",
    )
    clean_schedule: str = Field(
        "",
        description="When the DAG catwalk_clean runs, as cron or @daily; empty: only when "
        "somebody triggers it.",
    )
