"""Training on what is recent: ``data.window``, by when an image was first seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_zoo.data.manifest import Manifest
from model_zoo.data.source import Found, ImageFiles, Say
from model_zoo.errors import UserError

DAY = 86_400


def within(found: Found, manifest: Manifest, window: str, now: int, say: Say) -> Found:
    """The same with fewer training images; those that test and validate stay as they are.

    Args:
        manifest: of ``found``.
        window: ``180d``, first seen in so many days before ``now``, or ``5000``, so many images.

    Raises:
        UserError: a class would have no training image.
    """
    training = manifest.rows_of("training")
    seen = manifest.first_seen[training]
    if window.endswith("d"):
        recent = np.flatnonzero(seen >= now - int(window[:-1]) * DAY)
    else:  # of those that came together the order is that of the part, which is a fair sample
        recent = np.sort(np.argsort(-seen, kind="stable")[: int(window)])
    labels = found.training.labels[recent]
    for number, label in enumerate(found.dataset.labels):
        if (found.training.labels == number).any() and not (labels == number).any():
            raise UserError(
                f"data.window = {window!r} leaves class {label!r} without a training image: widen "
                "the window, or take the class out of the source"
            )
    say(f"{len(recent):,} of {len(training):,} training images are within data.window = {window}")
    files = dict(found.files)
    if "training" in files:
        files["training"] = _some(files["training"], recent)
    return replace(found, training=found.training.take(recent), files=files)


def _some(files: ImageFiles, rows: np.ndarray) -> ImageFiles:
    return ImageFiles(
        files.digests[rows],
        tuple(files.paths[row] for row in rows),
        files.sizes[rows],
        tuple(files.groups[row] for row in rows),
    )
