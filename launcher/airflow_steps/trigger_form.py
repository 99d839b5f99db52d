"""The fields of Airflow's trigger form, with the types and limits that the settings have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from launcher.options import FIELDS, OPTIONS, RUN_NAME, field_of, given_values
from model_zoo.settings import Project
from model_zoo.settings.projects import list_named


def trigger_form(project: Project) -> dict[str, Param]:
    """One Airflow parameter a field; its JSON schema is that of the setting.

    Airflow refuses a value outside the schema when the run is triggered, ``load_project`` when a
    step starts: both read the limits from the settings' declarations.
    """
    profiles = list(list_named("profile", project.file.parent))
    form = {name: _field(name, profiles) for name in FIELDS}
    form[RUN_NAME] = Param(
        None,
        type=["null", "string"],
        maxLength=100,
        title="Run name",
        description="Names the run's folder and its MLflow run. The name of an unfinished run "
        "continues that run. Empty: Airflow's run id.",
    )
    return form


def _field(name: str, profiles: list[str]) -> Param:
    """A field that may stay empty: the project's own value then."""
    schema = _schema(OPTIONS[name])
    limits = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    rules: dict[str, Any] = {limit: schema[limit] for limit in limits if limit in schema}
    choices = profiles if name == "profile" else schema.get("enum")
    if choices:
        rules["enum"] = [None, *choices]
    return Param(
        None,
        type=["null", schema["type"]],
        title=name.replace("_", " ").capitalize(),
        description=f"{field_of(OPTIONS[name]).description} Empty: the project's value.",
        **rules,
    )


def _schema(name: str) -> dict[str, Any]:
    """The JSON schema of one value, without that it may be null."""
    *groups, last = name.split(".")
    kind: Any = Project
    for group in groups:
        kind = kind.model_fields[group].annotation
    found: dict[str, Any] = kind.model_json_schema()["properties"][last]
    kinds = [found, *found.get("anyOf", [])]
    return next(one for one in kinds if one.get("type") not in (None, "null"))


def overrides(params: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by dotted names, for ``load_project``."""
    return given_values({name: params.get(name) for name in FIELDS})
