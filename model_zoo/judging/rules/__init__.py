"""The rules that are shipped, one file a kind; each registers itself as a plugin's would."""

from model_zoo.judging.rules import (
    better,
    better_or_newer,
    calibration,
    classes,
    drift,
    floor,
    generated,
    not_worse,
    robustness,
    served_file,
    slices,
)

__all__ = [
    "better",
    "better_or_newer",
    "calibration",
    "classes",
    "drift",
    "floor",
    "generated",
    "not_worse",
    "robustness",
    "served_file",
    "slices",
]
