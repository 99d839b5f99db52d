"""When a candidate may take the place of what is in production, and who says so."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group


class JudgingSettings(Group):
    """``[judging]``: does not decide the trained model."""

    promotion: Literal["automatic", "approval", "manual"] = Field(
        "automatic",
        description="automatic: the gate decides; approval: a person in Airflow after the gate; "
        "manual: the version stays candidate until somebody promotes it.",
    )
    floor: float = Field(
        0.0, ge=0, le=1, description="Least test accuracy; a project knows what is no use to it."
    )
    margin: float = Field(
        0.0, ge=0, le=1, description="How much accuracy a candidate may lose to production."
    )
