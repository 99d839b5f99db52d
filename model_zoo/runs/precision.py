"""What a run computes in, decided once for its search and its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_zoo.data.dataset import Dataset
from model_zoo.progress import part
from model_zoo.settings import Project


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
