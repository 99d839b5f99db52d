"""A home of one's own with the first run, and its version registered twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from first_run import FirstRun

from model_zoo.plugin_registry import discover
from model_zoo.registry.client import connect
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import CONTENT_TAG
from model_zoo.runs.folder import Run, open_run
from model_zoo.settings import Places, Project


@pytest.fixture
def second_run(
    project: Project, places: Places, first_run: FirstRun, another_store: None, tmp_path: Path
) -> Callable[..., Run]:
    """Makes a run that has come as far as the first, with version 2 as its candidate."""
    import mlflow

    discover(places.plugins_dir)
    home = tmp_path / "home"
    left_out = shutil.ignore_patterns("runs", "versions", "features")
    shutil.copytree(places.home, home, ignore=left_out)
    here = places.model_copy(update={"home": home})
    store = store_of(project, here)
    client = connect(store)
    mlflow.set_tracking_uri(store.uri)
    first = client.get_model_version(store.model, "1")
    tags = first.tags | {CONTENT_TAG: "f" * 64}
    client.create_model_version(
        store.model, first.source, run_id=first.run_id, model_id=first.model_id, tags=tags
    )

    def make(promotion: str = "automatic") -> Run:
        run = open_run(project.with_values({"judging.promotion": promotion}), here, "second")
        for step in ("ingest", "preprocess", "evaluate"):
            shutil.copy(first_run.folder / f"{step}.json", run.folder)
        return run

    return make
