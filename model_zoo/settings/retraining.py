"""When there is a reason to retrain."""

from __future__ import annotations

from pydantic import Field

from model_zoo.settings.group import Group


class RetrainingSettings(Group):
    """``[retraining]``: does not decide the trained model."""

    new_images: int = Field(
        100,
        ge=0,
        description="New or changed images at the source, and accepted corrections, that together "
        "are a reason to retrain at once, before the schedule says so; 0: they are none.",
    )
    expected_weeks: float = Field(
        0.0,
        ge=0,
        le=520,
        description="Without a new version for so many weeks people are told once a day "
        "(CATWALK_NOTIFY); 0: never.",
    )
    force: bool = Field(
        False, description="Retrain although images and settings are those of the last version."
    )
