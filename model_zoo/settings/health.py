"""What is looked for in the images before anything is trained on them, and when that matters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group

Rule = Literal["off", "warn", "stop"]
#: The rules, in the order in which people read them.
RULES = ("labels", "leaks", "duplicates", "outliers", "pictures")


class HealthSettings(Group):
    """``[health]``: does not decide the trained model.

    Each rule is off (not looked for), warn (the run says it and goes on) or stop (the run ends
    before training); it speaks when more than its share of the images looked at is found.
    """

    labels: Rule = Field(
        "warn", description="Labels that are likely wrong, by what pretrained features say."
    )
    labels_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Of the labels, how many may be suspect.",
    )
    label_chance: float = Field(
        0.2,
        gt=0,
        le=1,
        description="A label is suspect which the features find less likely than this part of what "
        "chance would give (0.2: a fifth of it): smaller finds fewer, and is more often right "
        "(docs/health.md has both).",
    )
    leaks: Rule = Field(
        "warn",
        description="Test or validation images that look all but the same as one that is trained "
        "on.",
    )
    leaks_share: float = Field(
        0.01, ge=0, le=1, description="Of the test and validation images, how many may have one."
    )
    duplicates: Rule = Field(
        "warn", description="Images that are in their part twice, or nearly so."
    )
    duplicates_share: float = Field(
        0.1, ge=0, le=1, description="Of all images, how many may be there again: they count twice."
    )
    outliers: Rule = Field(
        "warn", description="Images that are unlike every class, by pretrained features."
    )
    outliers_share: float = Field(
        0.01, ge=0, le=1, description="Of the images, how many may be unlike every class."
    )
    outlier_distance: float = Field(
        8.0,
        gt=0,
        description="How unlike is an outlier: deviations of the distance from the nearest class.",
    )
    pictures: Rule = Field(
        "warn", description="Images that are blank, dark, washed out, blurred, or of an odd size."
    )
    pictures_share: float = Field(
        0.01, ge=0, le=1, description="Of all images, how many may be of each of these kinds."
    )
    shown: int = Field(
        48, ge=1, le=500, description="Images shown of each finding; the table lists all of them."
    )
