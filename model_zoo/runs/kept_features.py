"""Where the features lie that `health` has computed or found, for the search of the same run.

To know them by what decides them the network has to be built, which takes a search that only reads
them some ten seconds. A run's settings do not change, so it can go by the note.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.files import read_json, write_json
from model_zoo.runs.folder import Run

if TYPE_CHECKING:
    from model_zoo.training.features import FeatureFiles, Features

NOTE = "features.json"


def note(run: Run, train: Features, validation: Features) -> None:
    """Note where they are, if a search can read them as they are."""
    from model_zoo.training.features import FeatureFiles

    (run.folder / NOTE).unlink(missing_ok=True)
    if (files := FeatureFiles.of(train, validation)) is not None:
        training = [str(path) for path in files.training]
        write_json(run.folder / NOTE, {"training": training, "validation": str(files.validation)})


def noted(run: Run) -> FeatureFiles | None:
    """Where they were; None: nobody has noted it."""
    from model_zoo.training.features import FeatureFiles

    if not (run.folder / NOTE).exists():
        return None
    found = read_json(run.folder / NOTE)
    return FeatureFiles(tuple(map(Path, found["training"])), Path(found["validation"]))
