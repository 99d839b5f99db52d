"""Nothing new, nothing to do: a run that would make the last version again ends after `ingest`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from model_zoo.data.dataset import Dataset
from model_zoo.registry import lineage, run_log
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.versions import Version, list_versions
from model_zoo.runs.folder import Run
from model_zoo.settings import Project

#: Says which images, as the snapshot itself does; and which may become some.
NAME_IMAGES = ("data.snapshot", "data.unlabelled")


def nothing_new(run: Run, dataset: Dataset) -> str:
    """Why this run has nothing to do, and what would give it something; empty: it has.

    It has nothing where images and deciding settings are those of the version that was judged last.
    A run that has begun to train is never stopped by this, nor is one that is forced.
    """
    if run.project.retraining.force or (run.folder / run_log.NOTE).exists():
        return ""
    judged = next((one for one in list_versions(run.store) if "gate" in one.tags), None)
    if judged is None or judged.tags.get("dataset_digest") != dataset.snapshot:
        return ""
    before = _settings(run, judged)
    if before is None or before != deciding(run.project):
        return ""
    return (
        f"Nothing new, nothing to do: images (snapshot {dataset.snapshot}) and settings are those "
        f"of version {judged.version}, which was judged already. New, changed or removed images "
        "would make it run, corrections that somebody accepts, another value in [data], [model], "
        "[search] or [training], or force"
    )


def deciding(project: Project) -> dict[str, Any]:
    """The values that decide a model, but for the name of its images, as JSON has them."""
    values = lineage.deciding(project)
    for name in NAME_IMAGES:
        values.pop(name, None)
    return dict(json.loads(json.dumps(values)))


def _settings(run: Run, version: Version) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        path = fetch_run_file(run.store, version.run_id, lineage.FILE, Path(folder))
        if path is None:
            return None
        values = dict(json.loads(path.read_text())["settings"])
    for name in NAME_IMAGES:
        values.pop(name, None)
    return values
