"""What the test images can be cut into slices by: names and numbers, a value an image."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.manifest import Manifest
from model_zoo.images.statistics import MEASURED_AT_ONCE, STATISTICS
from model_zoo.settings import JudgingSettings
from model_zoo.settings.judging import CLASS_GROUP

#: Columns of a snapshot, and how each cuts: the folder that an image lies in, the month in which
#: it was first seen, its declared or found group, its bytes (numbers are cut in quarters).
OF_SNAPSHOT = ("origin", "first_seen", "group", "size")


def known_columns() -> list[str]:
    """Whatever `judging.slices` may name."""
    return [CLASS_GROUP, *OF_SNAPSHOT, *STATISTICS.names()]


def columns(
    settings: JudgingSettings, dataset: Dataset, test: Images, snapshot: Callable[[], Manifest]
) -> dict[str, np.ndarray]:
    """The columns that the project's slices name, each a value a test image (N,).

    Args:
        snapshot: reads the run's own; asked only where a slice needs it.
    """
    found = {}
    for name in settings.slices:
        if name == CLASS_GROUP:
            found[name] = _class_groups(settings, dataset)[test.labels]
        elif name in OF_SNAPSHOT:
            found[name] = of_snapshot(snapshot(), name)
        else:
            measure = STATISTICS.get(name).measure
            parts = range(0, len(test), MEASURED_AT_ONCE)
            found[name] = np.concatenate(
                [measure(np.asarray(test.images[i : i + MEASURED_AT_ONCE])) for i in parts]
            )
    return found


def of_snapshot(manifest: Manifest, name: str) -> np.ndarray:
    """One of :data:`OF_SNAPSHOT` for the images of the test part (N,)."""
    rows = manifest.rows_of("test")
    if name == "size":
        return np.asarray(manifest.sizes)[rows]
    if name == "group":
        return np.array([manifest.groups[row] for row in rows], str)
    if name == "origin":
        return np.array([str(PurePosixPath(manifest.origins[row]).parent) for row in rows], str)
    seen = (datetime.fromtimestamp(int(manifest.first_seen[row]), UTC) for row in rows)
    return np.array([f"{one:%Y-%m}" for one in seen], str)


def _class_groups(settings: JudgingSettings, dataset: Dataset) -> np.ndarray:
    group_of = {
        label: group for group, labels in settings.classes_of_groups.items() for label in labels
    }
    return np.array([group_of.get(label, "") for label in dataset.labels])
