"""The project's own images, split as a run splits them."""

from __future__ import annotations

from model_zoo.data.dataset import Dataset, Images
from model_zoo.runs.folder import open_run
from model_zoo.runs.images import dataset_of, training_and_validation
from model_zoo.runs.runner import run_step
from model_zoo.settings import Places, Project


def split_images(project: Project, places: Places, name: str) -> tuple[Dataset, Images, Images]:
    """The dataset, its training and its validation images, by the first steps of a run."""
    run = open_run(project, places, name)
    for step in ("ingest", "preprocess"):
        if not (run.folder / f"{step}.json").exists():
            run_step(step, project, places, name)
    return dataset_of(run), *training_and_validation(run)
