"""Formats that a version was registered without, made outside its run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_zoo.data import store
from model_zoo.plugin_registry import discover
from model_zoo.runs.runner import quiet
from model_zoo.settings import Places, Project


def make_later(
    names: tuple[str, ...],
    folder: Path,
    facts: dict[str, Any],
    project: Project,
    places: Places,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Make formats from a version's own files and the images that it was trained on.

    Args:
        folder: holds ``model.keras`` and ``model.onnx`` of the version; the new files come here.
        facts: the version's ``classifier.json``.

    Returns:
        Facts that name the new files too.

    Raises:
        UserError: the images are not in this home, or a file is outside its tolerance.
    """
    training, test = (
        store.load(places.datasets_dir, facts["dataset_digest"], part) for part in store.PARTS
    )
    quiet()
    os.environ["KERAS_BACKEND"] = "tensorflow"  # which alone converts
    discover(places.plugins_dir)  # layers of a backbone that is a plugin
    from model_zoo.export.later import make_formats

    return make_formats(names, folder, facts, project.export, training, test, say)
