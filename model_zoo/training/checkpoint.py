"""Everything that a training needs to go on exactly where it was, in two files.

``state-<n>.npz`` holds every variable of model and optimiser, the states of the random layers
among them, and the running average of the weights; ``progress.json`` names it and says how far
training got. Plain arrays: no pickle, and nothing but shapes ties them to code.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, read_json, write_json

if TYPE_CHECKING:
    import keras

Weights = list[np.ndarray]


@dataclass
class Progress:
    """Where training stands; lies beside the state that it belongs to.

    ``best_epoch`` is the one whose weights are kept (see ``Plan.keep``), ``best_value`` its figure
    by the plan's metric, ``best_accuracy`` its accuracy, both on the validation examples.
    """

    epoch: int = 0
    step: int = 0
    batch_size: int = 0
    best_accuracy: float = -1.0
    best_value: float = -1.0
    best_epoch: int = -1
    finished: bool = False
    stopped_early: bool = False
    resumed: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    correct_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


class Checkpoint:
    """The states of one training in one folder: the last complete one, and the best weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pointer = folder / "progress.json"
        self.best = folder / "best.npz"

    def progress(self) -> Progress | None:
        """How far the last complete state got; None if there is none."""
        if not self.pointer.exists():
            return None
        return Progress(**read_json(self.pointer)["progress"])

    def save(self, model: keras.Model, progress: Progress, average: Weights | None) -> None:
        state = self.folder / f"state-{progress.epoch}-{progress.step}.npz"
        arrays = {f"v{i}": np.asarray(value) for i, value in enumerate(_variables(model))}
        arrays |= {f"a{i}": value for i, value in enumerate(average or [])}
        with complete_or_absent(state) as partial:
            np.savez(partial, allow_pickle=False, **arrays)
        write_json(self.pointer, {"state": state.name, "progress": asdict(progress)})
        for old in self.folder.glob("state-*.npz"):
            if old != state:
                old.unlink(missing_ok=True)

    def restore(self, model: keras.Model) -> Weights | None:
        """Put the last complete state into a compiled model; returns the average in it.

        Raises:
            UserError: the state belongs to another model.
        """
        path = self.folder / read_json(self.pointer)["state"]
        with np.load(path) as stored:
            variables = _variables(model)
            shapes = [tuple(variable.shape) for variable in variables]
            count = sum(name.startswith("v") for name in stored.files)
            found = [stored[f"v{i}"].shape for i in range(count)]
            if found != shapes:
                raise UserError(
                    f"the checkpoint {path} belongs to another model: it holds {len(found)} "
                    f"arrays, {model.name} needs {len(shapes)} of maybe other shapes. Continue "
                    "with the settings of the run that wrote it, or start a run of another name"
                )
            for i, variable in enumerate(variables):
                variable.assign(stored[f"v{i}"])
            averaged = sum(name.startswith("a") for name in stored.files)
            return [stored[f"a{i}"] for i in range(averaged)] or None

    def save_best(self, weights: Weights) -> None:
        with complete_or_absent(self.best) as partial:
            arrays = {f"w{i}": value for i, value in enumerate(weights)}
            np.savez(partial, allow_pickle=False, **arrays)

    def load_best(self) -> Weights:
        with np.load(self.best) as stored:
            return [stored[f"w{i}"] for i in range(len(stored.files))]


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, random states and the optimiser's own; not the metrics, which start anew."""
    metrics = {id(variable) for metric in model.metrics for variable in metric.variables}
    own = [one for one in model.variables if id(one) not in metrics]
    return [*own, *model.optimizer.variables]
