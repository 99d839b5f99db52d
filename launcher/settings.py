"""What the launcher reads from the environment: ports, Airflow's placement of tasks, containers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from model_zoo.settings import Environment


class Ports(Environment):
    """Of the servers that `catwalk up` starts beside the page."""

    mlflow_port: int = Field(5000, ge=1, le=65535, description="Port of the MLflow server.")
    airflow_port: int = Field(8080, ge=1, le=65535, description="Port of Airflow's API server.")


class Placement(Environment):
    """Where Airflow runs search and training (docs/deploy.md); the defaults are one machine."""

    heavy_queue: str = Field(
        "", description="Airflow queue of search and training; empty: that of every other task."
    )
    heavy_pool: str = Field(
        "", description="Airflow pool of search and training, a slot a GPU; empty: no pool."
    )
    heavy_gpus: int = Field(
        0, ge=0, le=64, description="GPUs that search and training ask for; 0: they take the CPU."
    )
    search_shares: int = Field(
        1,
        ge=1,
        le=64,
        description="Tasks among which a random search is divided; each may run on a machine of "
        "its own. 1: the task `tune` runs all trials.",
    )
    share_queue: str = Field(
        "", description="Airflow queue of a search's shares; empty: that of search and training."
    )


class Notices(Environment):
    """Who is told, and when something is late."""

    notify: str = Field(
        "",
        repr=False,
        description="Who is told of a failed or hung run, a waiting approval, a promotion, and "
        "production that grows old: addresses as apprise spells them (mailto://, slack://, "
        "json:// ...), separated by commas. Empty: nobody.",
    )
    step_hours: float = Field(
        6.0, gt=0, allow_inf_nan=False, description="A step that takes longer is stopped."
    )
    heavy_hours: float = Field(
        48.0,
        gt=0,
        allow_inf_nan=False,
        description="The same of search and training (tune, search_share, train).",
    )


class Containers(Environment):
    """What the compose file and Kubernetes set for the program that runs first."""

    secrets: Path = Field(Path("/run/secrets"), description="Folder of the secrets, a file each.")
    listen: str = Field("", description="HOST:PORT of the one server in this container.")
    airflow_admin_password: str = Field("", repr=False, description="Of Airflow's user admin.")
    airflow_operator_password: str = Field(
        "", repr=False, description="Of Airflow's user operator, who starts runs."
    )
    airflow_approver_password: str = Field(
        "", repr=False, description="Of Airflow's user approver, who answers for promotions."
    )
    airflow_viewer_password: str = Field(
        "", repr=False, description="Of Airflow's user viewer, who looks."
    )
    tag: str = Field("", description="Tag of the images, for the compose file.")
