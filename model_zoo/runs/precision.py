"""What a run computes in, decided once for its search and its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_zoo.data.dataset import Dataset
from model_zoo.files import read_json, write_json
from model_zoo.progress import part
from model_zoo.runs.folder import Run
from model_zoo.settings import Project

KEPT = "precision.json"


def decided_once(run: Run, dataset: Dataset) -> Project:
    """The run's project with ``training.precision`` decided; what was decided before stands, so
    that each step reads the features that the first one kept."""
    kept = run.folder / KEPT
    if run.project.training.precision == "auto" and not kept.exists():
        chosen = with_precision(run.project, dataset, run.say).training.precision
        write_json(kept, {"precision": chosen})
    if run.project.training.precision != "auto":
        return run.project
    return run.project.with_values({"training.precision": read_json(kept)["precision"]})


def with_precision(project: Project, dataset: Dataset, say: Callable[[str], None]) -> Project:
    """The project with ``training.precision`` decided: for ``auto`` the Keras dtype policy by
    which this machine trains faster."""
    from model_zoo.training.phases import trained_network
    from model_zoo.training.precision import choose_precision

    def build() -> Any:
        return trained_network(dataset, project.model, project.training)

    with part(say, "choosing the precision to compute in"):
        chosen = choose_precision(project.training.precision, build, say)
    return project.with_values({"training.precision": chosen})
