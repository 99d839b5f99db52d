"""What the search may change: the head, the learning rate, on request decay and depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model_zoo.backbones import get_backbone
from model_zoo.classifier import Head
from model_zoo.settings import Project

if TYPE_CHECKING:
    import keras_tuner

MOST_UNFROZEN = 4
LOG_SCALED = ("dense_1", "dense_2", "learning_rate", "training.weight_decay")


@dataclass(frozen=True)
class Candidate:
    """One point of the space.

    Attributes:
        head: widths, dropout and learning rate.
        changed: values of the project beyond the head that were searched, by their dotted names.
    """

    head: Head
    changed: dict[str, Any] = field(default_factory=dict)

    def applied_to(self, project: Project) -> Project:
        """The project with what this candidate changes."""
        return project.with_values(self.changed)

    def as_dict(self) -> dict[str, Any]:
        """Every hyperparameter by name."""
        return self.head.as_dict() | self.changed


def declare(project: Project) -> keras_tuner.HyperParameters:
    """The space as KerasTuner's oracles take it. A learning rate that is set is not searched.

    Raises:
        UserError: unknown backbone.
    """
    import keras_tuner

    model, search, training = project.model, project.search, project.training
    space = keras_tuner.HyperParameters()
    space.Choice("dense_1", [64, 128, 256, 512], default=256)
    space.Choice("dense_2", [32, 64, 128, 256], default=128)
    space.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    if training.learning_rate is None:
        middle = training.base_rate
        space.Float("learning_rate", 0.3 * middle, 3 * middle, sampling="log", default=middle)
    if search.weight_decay:
        space.Float("weight_decay", 1e-5, 1e-2, sampling="log", default=1e-4)
    blocks = min(MOST_UNFROZEN, len(get_backbone(model.backbone).blocks))
    if search.unfrozen_blocks and not model.from_scratch:
        space.Int("unfrozen_blocks", 0, blocks, default=min(model.unfrozen_blocks, blocks))
    return space


def candidate_from(values: Mapping[str, Any], project: Project) -> Candidate:
    """A candidate from an oracle's values by name, without KerasTuner's own (``tuner/...``)."""
    head = Head(
        dense_1=int(values["dense_1"]),
        dense_2=int(values["dense_2"]),
        dropout=round(float(values["dropout"]), 6),  # steps of 0.1 add up to 0.30000000000000004
        learning_rate=float(values.get("learning_rate") or project.training.peak_rate),
    )
    changed: dict[str, Any] = {}
    if "weight_decay" in values:
        changed["training.weight_decay"] = float(values["weight_decay"])
    if "unfrozen_blocks" in values:
        changed["model.unfrozen_blocks"] = int(values["unfrozen_blocks"])
    return Candidate(head, changed)
