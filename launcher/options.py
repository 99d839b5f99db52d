"""Short names of what people choose for one run: flags, and fields of Airflow's form."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from model_zoo.settings import Project

#: Short name: dotted name in a project.
OPTIONS = {
    "profile": "profile",
    "recipe": "recipe",
    "backend": "training.backend",
    "backbone": "model.backbone",
    "weights": "model.weights",
    "image_size": "model.image_size",
    "unfrozen_blocks": "model.unfrozen_blocks",
    "search_trials": "search.trials",
    "search_algorithm": "search.algorithm",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "class_weights": "training.class_weights",
    "train_limit": "data.train_limit",
    "snapshot": "data.snapshot",
    "promotion": "judging.promotion",
    "force": "retraining.force",
}
#: Those that Airflow's trigger form has too, and the one that it has beside them.
FIELDS = (
    *("profile", "backbone", "search_trials", "epochs", "learning_rate", "class_weights"),
    *("promotion", "snapshot", "force"),
)
RUN_NAME = "run_name"


def field_of(name: str) -> FieldInfo:
    """The declaration of a value, by its dotted name: description, limits, default."""
    kind: Any = Project
    *groups, last = name.split(".")
    for group in groups:
        kind = kind.model_fields[group].annotation
    found: FieldInfo = kind.model_fields[last]
    return found


def given_values(chosen: dict[str, Any]) -> dict[str, Any]:
    """What was chosen by short names, by dotted names; what is empty was not chosen."""
    return {OPTIONS[name]: value for name, value in chosen.items() if value not in (None, "")}
