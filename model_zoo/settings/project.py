"""A project: which images, which network, when it is retrained, how it is judged.

``projects/<name>.toml`` is what a team owns. From its name follow the DAG, the experiment, the
registered model and every folder, each by one property here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from model_zoo.settings.data import DataSettings
from model_zoo.settings.environment import PREFIX
from model_zoo.settings.export import ExportSettings
from model_zoo.settings.group import Group
from model_zoo.settings.health import HealthSettings
from model_zoo.settings.judging import JudgingSettings
from model_zoo.settings.model import ModelSettings
from model_zoo.settings.retraining import RetrainingSettings
from model_zoo.settings.search import SearchSettings
from model_zoo.settings.training import TrainingSettings

NEVER = "never"
#: Groups of a project, in the order in which people read them.
GROUPS: dict[str, type[Group]] = {
    "data": DataSettings,
    "health": HealthSettings,
    "model": ModelSettings,
    "search": SearchSettings,
    "training": TrainingSettings,
    "judging": JudgingSettings,
    "export": ExportSettings,
    "retraining": RetrainingSettings,
}
#: Those that decide the trained model: a run that is continued must keep all of their values.
DECIDING = ("data", "model", "search", "training")
#: And by this figure the search chooses a trial, and training an epoch.
CHOSEN_BY = "judging.metric"
PLAIN = ("profile", "recipe", "schedule")
#: Set by whoever read the file; no source of values may say them.
NOT_VALUES = ("name", "file")


class Project(BaseSettings):
    """One project with every value decided; made by :func:`model_zoo.settings.load_project`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    profile: str = Field("quick", description="Set of values that fits a machine and a purpose.")
    recipe: str = Field("short", description="Set of values that says how it is trained.")
    schedule: str = Field(
        "@weekly", description=f"Airflow's: @daily, a cron expression, ...; {NEVER}: by hand only."
    )
    data: DataSettings = Field(default_factory=DataSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    search: SearchSettings = Field(default_factory=SearchSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    judging: JudgingSettings = Field(default_factory=JudgingSettings)
    export: ExportSettings = Field(default_factory=ExportSettings)
    retraining: RetrainingSettings = Field(default_factory=RetrainingSettings)

    # Not values of the file: set by whoever read it.
    name: str = Field("", exclude=True)
    file: Path = Field(Path(), exclude=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers are read one by one, so that each value's origin is known (``layers``)."""
        return (init_settings,)

    @property
    def dag_id(self) -> str:
        """Airflow's DAG that retrains it."""
        return f"{self.name.replace('-', '_')}_retrain"

    @property
    def experiment(self) -> str:
        """MLflow's experiment."""
        return self.name

    @property
    def registered_model(self) -> str:
        """The model in MLflow's registry."""
        return f"{self.name}-classifier"

    @property
    def airflow_schedule(self) -> str | None:
        """The schedule as Airflow takes it."""
        return None if self.schedule == NEVER else self.schedule

    def values(self, *groups: str) -> dict[str, Any]:
        """Values by their dotted names (``training.epochs``), of these groups or of all."""
        found: dict[str, Any] = {}
        for group in groups or GROUPS:
            found |= flattened(getattr(self, group).model_dump(), f"{group}.")
        return found

    def deciding(self) -> dict[str, Any]:
        """What decides the trained model, by dotted names."""
        return self.values(*DECIDING) | {CHOSEN_BY: self.judging.metric}

    def parameters(self) -> dict[str, str]:
        """What of :meth:`deciding` people compare: what is off, as by default, is left out."""
        defaults = type(self)().deciding()
        return {
            name: str(value)
            for name, value in self.deciding().items()
            if value or value != defaults[name]
        }

    def value(self, name: str) -> Any:
        """One value by its dotted name, or ``profile``, ``recipe``, ``schedule``."""
        found: Any = self
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def with_values(self, changed: Mapping[str, Any]) -> Project:
        """A copy in which some values, by dotted names, are others; they are not checked again."""
        copy: Any = self
        for name, value in changed.items():
            copy = _with_value(copy, name.split("."), value)
        return copy  # type: ignore[no-any-return]


def _with_value(group: Any, path: list[str], value: Any) -> Any:
    if path[0] not in type(group).model_fields:
        raise KeyError(path[0])
    if len(path) > 1:
        value = _with_value(getattr(group, path[0]), path[1:], value)
    return group.model_copy(update={path[0]: value})


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, by dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def known_names() -> list[str]:
    """Every value's dotted name, in the order of the file."""
    return [*PLAIN, *Project().values()]


def variable_of(name: str) -> str:
    """``training.epochs`` -> ``CATWALK_TRAINING__EPOCHS``."""
    return PREFIX + name.replace(".", "__").upper()


def variables_of_a_project() -> set[str]:
    """The environment's variables that set a value of the project at hand."""
    return {variable_of(name) for name in known_names()}
