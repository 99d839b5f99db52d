"""Where things lie: the home, the data, the plugins, the projects, MLflow, shared storage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from model_zoo.settings.environment import Environment, Folder

CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Places(Environment):
    """Flat variables that every part of Catwalk may need; none of them decides a model."""

    home: Folder = Field(Path(".catwalk"), description="Everything that Catwalk writes lies here.")
    data_dir: Folder | None = Field(
        None, description="Folder with the files of a source that would else be downloaded."
    )
    plugins_dir: Folder = Field(
        CHECKOUT / "plugins",
        description="Plugins are found here; those of this checkout, wherever we run.",
    )
    projects_dir: Folder = Field(
        CHECKOUT / "projects", description="The folder of project files, one TOML file each."
    )
    project: str = Field(
        "fashion-mnist", description="The project that a command without --project means."
    )
    tracking_uri: str = Field("", description="MLflow server; empty: SQLite under home.")
    storage: str = Field(
        "",
        description="Folder that every worker reaches, as fsspec spells it (s3://bucket/catwalk, "
        "gs://..., file:///mnt/...): runs and datasets lie there too. Empty: only in the home.",
    )
    corrections: str = Field(
        "",
        description="Folder or fsspec URL where corrections that people send wait for review, the "
        "same for the page and for every worker. Empty: corrections/ in CATWALK_STORAGE, or in the "
        "home.",
    )
    allow_generated: bool = Field(
        False,
        description="Let a source make images up if none can be had (the demo sets this).",
    )
    feature_cache_gb: float = Field(
        30.0,
        ge=0,
        description="Disk for the features of frozen layers; what does not fit is computed anew "
        "in each epoch.",
    )

    host: str = Field("127.0.0.1", description="Address that every server of ours binds to.")
    trial_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Trials of a search side by side on this machine; 0: one a GPU; without GPUs "
        "one a core where a random search trains heads on features, else one.",
    )

    @field_validator("home")
    @classmethod
    def _is_a_folder(cls, home: Path) -> Path:
        if home.exists() and not home.is_dir():
            raise ValueError("this is a file; expected a folder, or one that can be made")
        return home

    def of(self, project: str) -> Places:
        """The same places, of this project."""
        return self.model_copy(update={"project": project})

    @property
    def project_data(self) -> Path:
        """What is known of the images of the project at hand; no cache: it is not made again."""
        return self.home / "data" / Path(self.project).stem

    @property
    def cache_dir(self) -> Path:
        return self.home / "cache"

    @property
    def datasets_dir(self) -> Path:
        return self.cache_dir / "datasets"

    @property
    def runs_dir(self) -> Path:
        return self.home / "runs"
