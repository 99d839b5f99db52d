"""When a candidate may take the place of what is in production, and who says so."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group

#: Ways of promotion, the strictest last.
STRICTNESS = ("automatic", "approval", "manual")


def strictest(*said: str | None) -> str | None:
    """The strictest of the ways of promotion that somebody asked for; what is none is left out."""
    known = [one for one in said if one in STRICTNESS]
    return max(known, key=STRICTNESS.index, default=None)


class JudgingSettings(Group):
    """``[judging]``: does not decide the trained model."""

    promotion: Literal["automatic", "approval", "manual"] = Field(
        "automatic",
        description="automatic: the gate decides; approval: a person after the gate, in Airflow or "
        "by `catwalk approve`; manual: the version stays candidate until somebody promotes it. "
        "Said in several places, the strictest wins.",
    )
    approval_hours: float = Field(
        72.0,
        gt=0,
        le=8760,
        description="How long a verdict waits for an approval; then production stays as it is.",
    )
    floor: float = Field(
        0.0, ge=0, le=1, description="Least test accuracy; a project knows what is no use to it."
    )
    margin: float = Field(
        0.0, ge=0, le=1, description="How much accuracy a candidate may lose to production."
    )
