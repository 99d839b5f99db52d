"""When a candidate may take the place of what is in production, and who says so."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from model_zoo.settings.group import Group

#: What a project is judged by when it says nothing else; see docs/judging.md for each.
RULES = (
    "floor",
    "real-over-generated",
    "better-or-newer",
    "no-class-falls",
    "calibration",
    "robustness",
    "served-file",
    "drift",
)
#: Figures that a project may be judged by, in words.
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
CORRUPTIONS = ("noise", "blur", "brightness", "contrast", "shift", "jpeg")
#: The column of slices that ``class_groups`` makes.
CLASS_GROUP = "class-group"
NOTHING = "none"
Names = Annotated[tuple[str, ...], NoDecode]
#: Ways of promotion, the strictest last.
STRICTNESS = ("automatic", "approval", "manual")


def strictest(*said: str | None) -> str | None:
    """The strictest of the ways of promotion that somebody asked for; what is none is left out."""
    known = [one for one in said if one in STRICTNESS]
    return max(known, key=STRICTNESS.index, default=None)


class JudgingSettings(Group):
    """``[judging]``: but for ``metric`` it does not decide the trained model.

    Every share is of test images unless it says otherwise: 0.005 is half a point of accuracy.
    """

    metric: Literal["accuracy", "balanced_accuracy", "macro_f1"] = Field(
        "accuracy",
        description="The figure that floor, margin, better and drift are about, and by which the "
        "search ranks its trials and training chooses its epoch. balanced_accuracy: the mean of "
        "the classes' recalls; macro_f1: the mean of their F1.",
    )

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
    rules: Names = Field(
        RULES,
        description="Rules by name; a candidate passes when none fails. There are also not-worse, "
        "better and slices, and those of plugins. In the environment separated by commas.",
    )
    floor: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Least figure on the test images, by metric; a project knows what is no use "
        "to it.",
    )
    margin: float = Field(
        0.0075,
        ge=0,
        le=1,
        description="not-worse: of the metric, what a candidate on newer images may, with "
        "confidence, have lost to production. With 10,000 images a smaller one refuses equal "
        "candidates often.",
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="not-worse, calibration: one-sided confidence of a bound, and of each rule "
        "that something fell.",
    )
    error: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="better: probability that a test part, in its whole life, lets through a "
        "candidate that is not better; divided over all decisions on it.",
    )
    looks: int = Field(
        52,
        ge=1,
        description="Decisions after which a fresh test part is due: a year of weekly ones.",
    )
    drift_budget: float = Field(
        0.01,
        ge=0,
        le=1,
        description="drift: of the metric, what production may be below the best version that ever "
        "was in production, so that small margins cannot add up.",
    )
    drift_confidence: float = Field(
        0.9995,
        gt=0.5,
        lt=1,
        description="drift: one-sided confidence of that; high, as it is asked at every decision.",
    )
    class_images: int = Field(
        30,
        ge=1,
        description="no-class-falls, slices: test images with which a class or slice is judged; "
        "with fewer a fall cannot be told from chance.",
    )
    slices: Names = Field(
        (),
        description="slices: columns that cut the test images into parts of which none may fall: "
        "class-group; of the snapshot origin (the folder), first_seen (the month), group, size; "
        "or a statistic of images such as brightness. Numbers are cut in quarters.",
    )
    class_groups: tuple[str, ...] = Field(
        (),
        description='slices: the column class-group, each group as "name: class, class".',
    )
    calibration_loss: float = Field(
        0.02,
        ge=0,
        le=1,
        description="calibration: how much larger than production's the calibration error may be.",
    )
    corruptions: Names = Field(
        CORRUPTIONS, description=f"robustness: of {', '.join(CORRUPTIONS)}, each at two severities."
    )
    corrupted_images: int = Field(
        128,
        ge=1,
        description="robustness: test images that are corrupted, the same at every decision. 128 "
        "take two cores two seconds for each version of a small ResNet50.",
    )
    latency_factor: float = Field(
        3.0, gt=0, description="served-file: how many times as slow as production's it may be."
    )
    size_factor: float = Field(
        3.0, gt=0, description="served-file: how many times as large as production's it may be."
    )

    @field_validator("rules", "slices", "corruptions", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        return () if names == (NOTHING,) else names

    @field_validator("rules")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("each rule once")
        return names

    @field_validator("class_groups")
    @classmethod
    def _named(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        for group in groups:
            if not all(part.strip() for part in group.partition(":")):
                raise ValueError('each group as "name: class, class"')
        return groups

    @property
    def classes_of_groups(self) -> dict[str, tuple[str, ...]]:
        """The classes of each group by its name."""
        parts = [group.partition(":") for group in self.class_groups]
        return {
            name.strip(): tuple(one.strip() for one in classes.split(","))
            for name, _, classes in parts
        }
