"""The fields of Airflow's trigger form, with the types and limits that the settings have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from model_zoo.config import Settings
from model_zoo.recipes import PROFILES

#: Settings that a person may choose for one run; empty means the profile's own value.
FIELDS = (
    "profile",
    "backbone",
    "search_trials",
    "epochs",
    "learning_rate",
    "promotion",
)
RUN_NAME = "run_name"


def trigger_form(settings: Settings) -> dict[str, Param]:
    """One Airflow parameter a field; its JSON schema is that of the setting.

    Airflow refuses a value outside the schema when the run is triggered, ``load_settings`` when
    a step starts: both read the limits from ``Settings``.
    """
    schemas = Settings.model_json_schema()["properties"]
    form: dict[str, Any] = {name: _field(name, schemas[name]) for name in FIELDS}
    form["profile"] = Param(
        settings.profile,
        type="string",
        enum=list(PROFILES),
        title="Profile",
        description=schemas["profile"]["description"],
    )
    form["promotion"] = Param(
        settings.promotion,
        type="string",
        enum=schemas["promotion"]["enum"],
        title="Promotion",
        description=schemas["promotion"]["description"],
    )
    form[RUN_NAME] = Param(
        None,
        type=["null", "string"],
        maxLength=200,
        title="Run name",
        description="Names the run's folder and its MLflow run. The name of an unfinished run "
        "continues that run. Empty: Airflow's run id.",
    )
    return form


def _field(name: str, schema: dict[str, Any]) -> Param:
    """A field that may stay empty."""
    kinds = [schema, *schema.get("anyOf", [])]
    kind = next(one for one in kinds if one.get("type") not in (None, "null"))
    limits = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    return Param(
        None,
        type=["null", kind["type"]],
        title=name.replace("_", " ").capitalize(),
        description=f"{schema['description']} Empty: the profile's value.",
        **{limit: kind[limit] for limit in limits if limit in kind},
    )


def overrides(params: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, as keyword overrides of ``load_settings``."""
    return {name: params[name] for name in FIELDS if params.get(name) not in (None, "")}
