"""Which images, and how they are divided."""

from __future__ import annotations

from pydantic import Field

from model_zoo.settings.group import Group


class DataSettings(Group):
    """``[data]``: decides a run."""

    source: str = Field("fashion-mnist", description="Name of a registered source of images.")
    validation_share: float = Field(
        0.1, gt=0, lt=0.5, description="Part of each class's training images held out to validate."
    )
    train_limit: int = Field(0, ge=0, description="Train on this many images only; 0: all.")
    seed: int = Field(20, ge=0, description="Seeds the split.")
