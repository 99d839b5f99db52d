"""What the page reads from the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings import Environment


class PageSettings(Environment):
    """Flat variables of the page and its HTTP interface."""

    page_port: int = Field(8050, ge=1, le=65535, description="Port of the page.")
    page_workers: int = Field(1, ge=1, le=64, description="Worker processes of the page.")
    max_upload_mb: float = Field(10.0, gt=0, description="Largest upload in MiB.")
    max_images: int = Field(
        500, ge=1, description="Most images in one upload or request, those in a ZIP included."
    )
    pictures_a_minute: int = Field(
        1200,
        ge=0,
        description="Pictures that one address may send a minute to a process of the page; 0: no "
        "limit.",
    )
    proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies in front of the page that set X-Forwarded-For; by it senders are told "
        "apart. 0: none, and what the header says is not believed.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="What the page's server logs: lines for people, or a line of JSON an event, "
        "with time, level and the request's id, and one a request.",
    )
    api_token: str = Field(
        "",
        repr=False,
        description="What the API asks for as `Authorization: Bearer ...`. Empty: nothing on "
        "127.0.0.1, elsewhere a token that is made and kept in the home folder.",
    )
    feedback: bool = Field(
        True,
        description="Offer to correct a prediction; what is sent waits for review where "
        "CATWALK_CORRECTIONS says. Nothing is trained on before somebody accepts it.",
    )
    feedback_per_hour: int = Field(
        30,
        ge=0,
        description="Corrections taken from one address in an hour, by page and API together. An "
        "address is kept as a hash by a key of the day, which does not stay.",
    )
    feedback_limit: int = Field(
        5000, ge=0, description="Corrections that may wait for review; then none is taken."
    )
    feedback_mb: float = Field(
        2000.0,
        ge=0,
        description="Room in MiB for pictures that people sent with their corrections; then only "
        "what the model saw is taken, about 1 to 50 KB each.",
    )
    mlflow_link: str = Field(
        "", description="Where people reach MLflow's pages, if not at the tracking URI."
    )
    airflow_link: str = Field(
        "", description="Where people reach Airflow's pages; empty: 127.0.0.1, port 8080."
    )
