"""The health of a run's images: what is looked at, and what is left of it in the run's folder."""

from __future__ import annotations

import csv
import shutil
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from model_zoo.data import snapshots
from model_zoo.data.dataset import Dataset
from model_zoo.data.manifest import Manifest, read_manifest
from model_zoo.files import PARTIAL, put_in_place, write_json
from model_zoo.health.findings import Health, Suspect
from model_zoo.health.look import look_at
from model_zoo.health.page import page_of
from model_zoo.health.parts import Part
from model_zoo.progress import part
from model_zoo.runs.folder import Run
from model_zoo.runs.images import dataset_of, parts_with_rows, training_and_validation
from model_zoo.runs.run_records import HEALTH

FACTS, PAGE, TABLE = "health.json", "page.html", "findings.csv"


def health_of(run: Run) -> Health:
    """Look at the images, and leave page, facts and table in the run's folder ``health``."""
    dataset, settings = dataset_of(run), run.project.health
    features, why_none = None, ""
    if settings.labels != "off" or settings.outliers != "off":
        features, why_none = training_features(run, dataset)
    health = look_at(
        _parts(run, dataset, features), dataset.labels, dataset.snapshot, settings,
        run.project.data.seed, why_none, run.say,
    )  # fmt: skip
    _keep(run.folder / HEALTH, health)
    return health


def _keep(folder: Path, health: Health) -> None:
    """All three files, in the place of those of a try before."""
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder.parent))
    try:
        write_json(partial / FACTS, health.as_dict())
        (partial / PAGE).write_text(page_of(health), encoding="utf-8")
        with (partial / TABLE).open("w", newline="", encoding="utf-8") as file:
            names = ["finding", *(one.name for one in fields(Suspect))]
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(health.rows())
        shutil.rmtree(folder, ignore_errors=True)
        partial.chmod(0o755)
        put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _parts(run: Run, dataset: Dataset, features: np.ndarray | None) -> list[Part]:
    path = snapshots.path_of(run.places.of(run.project.name).project_data, dataset.snapshot)
    manifest = read_manifest(path) if path.exists() else None
    found = []
    for name, (images, official, rows) in parts_with_rows(run).items():
        known = _known(manifest, official, rows) if manifest else {}
        given = features if name == "training" else None
        found.append(Part(name, images, given, **known))  # type: ignore[arg-type]
    return found


def _known(manifest: Manifest, official: str, rows: np.ndarray) -> dict[str, object]:
    """What the snapshot says of some images of a part."""
    mine = manifest.rows_of(official)[rows]
    return {
        "origins": [manifest.origins[row] for row in mine],
        "groups": [manifest.groups[row] for row in mine],
        "sizes": manifest.sizes[mine],
        "first_seen": manifest.first_seen[mine],
    }


def training_features(run: Run, dataset: Dataset) -> tuple[np.ndarray | None, str]:
    """What the frozen layers make of the training images, as the search and training read it too;
    or why nothing does."""
    project = run.project
    if project.model.from_scratch:
        return None, "the network begins with random weights (model.weights = none)"
    if not project.training.feature_views:
        return None, "no features are kept (training.feature_views = 0)"
    if project.search.unfrozen_blocks:
        return None, "the search tries what is frozen (search.unfrozen_blocks)"
    from model_zoo.lean_keras import import_keras

    with part(run.say, "starting Keras"):
        import_keras()
    from model_zoo.classifier import head_from
    from model_zoo.runs import kept_features, start
    from model_zoo.runs.precision import decided_once
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.features import Features
    from model_zoo.training.setup import Design, set_up_training

    project = decided_once(run, dataset)
    head = start.head_of_start(run) or head_from(project.model, project.training)
    design = Design(dataset, project.model, project.training, head, start=start.start_of(run))
    cache = FeatureCache(run.places.cache_dir / "features", run.places.feature_cache_gb)
    setup = set_up_training(design, *training_and_validation(run), cache, run.say)
    if isinstance(setup.train, Features) and isinstance(setup.validation, Features):
        kept_features.note(run, setup.train, setup.validation)
        return setup.train.views[0], ""
    return None, "the features of frozen layers are kept for no image of this run"
