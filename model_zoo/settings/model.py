"""The network: backbone, weights, size, head."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group

PUBLISHED, NO_WEIGHTS = "imagenet", "none"


class ModelSettings(Group):
    """``[model]``: decides a run."""

    backbone: str = Field("resnet50", description="Name of a registered backbone.")
    weights: str = Field(
        PUBLISHED,
        description="imagenet, none, or a weights file (.weights.h5, .keras, ..._notop.h5, .pth).",
    )
    image_size: int = Field(224, ge=8, le=1024, description="Side in pixels fed to the backbone.")
    unfrozen_blocks: int = Field(
        1, ge=0, description="Last blocks that are fine-tuned; all are with weights none."
    )
    normalisation: Literal["frozen", "trained"] = Field(
        "frozen",
        description="Batch normalisation in unfrozen blocks: frozen keeps the statistics that "
        "the weights came with, trained learns with its block.",
    )
    dense_1: int = Field(256, ge=8, le=8192, description="Width of the first dense layer.")
    dense_2: int = Field(128, ge=8, le=8192, description="Width of the second dense layer.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout before the logits.")

    @property
    def from_scratch(self) -> bool:
        """Whether the trunk begins with random weights."""
        return self.weights == NO_WEIGHTS
