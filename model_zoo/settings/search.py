"""The search for a head and a learning rate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group


class SearchSettings(Group):
    """``[search]``: decides a run."""

    trials: int = Field(10, ge=0, le=1000, description="Trials; 0 skips the search.")
    algorithm: Literal["random", "bayesian", "hyperband"] = Field(
        "bayesian", description="Bayesian needs the fewest trials in a space of four values."
    )
    epochs: int = Field(2, ge=1, description="Epochs that a trial trains at the most.")
    limit: int = Field(4000, ge=100, description="Training images that a trial sees.")
    patience: int = Field(
        2, ge=0, description="Epochs without gain after which a trial is stopped; 0: never."
    )
    weight_decay: bool = Field(
        False, description="Search the weight decay too, from 0.00001 to 0.01."
    )
    unfrozen_blocks: bool = Field(
        False, description="Search the number of unfrozen blocks too; not with weights none."
    )
