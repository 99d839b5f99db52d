"""KerasTuner's oracles by name, made so that a kill at any moment costs no finished trial."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.lean_keras import import_keras
from model_zoo.settings import Project
from model_zoo.tuning.space import declare
from model_zoo.tuning.trial import Result, objective_of

if TYPE_CHECKING:
    from keras_tuner import Oracle
    from keras_tuner.engine.trial import Trial

INITIAL_POINTS = 3  # random trials before the Gaussian process of the Bayesian search
ENDED = ("COMPLETED", "FAILED")


class KeptOnDisk:
    """Mixed into an oracle: what it writes is complete or absent, and a trial ends only once.

    KerasTuner writes over its files in place, so a kill can leave half a file; and it runs a trial
    again that had ended when the search was killed before it asked for the next one.

    Attributes:
        trouble: why the state could not be saved, for the search's own loop to raise: an exception
            while an oracle saves leaves its lock taken.
    """

    trouble: UserError | None = None
    trials: dict[str, Any]
    ongoing_trials: dict[str, Any]
    start_order: list[str]
    end_order: list[str]
    _retry_queue: list[str]

    def save(self) -> None:
        self._keep(self._get_oracle_fname(), self.get_state())  # type: ignore[attr-defined]

    def _save_trial(self, trial: Trial) -> None:
        folder = self._get_trial_dir(trial.trial_id)  # type: ignore[attr-defined]
        self._keep(Path(folder) / "trial.json", trial.get_state())

    def _keep(self, path: str | Path, state: dict[str, Any]) -> None:
        try:
            write_json(Path(path), state)
        except UserError as error:
            self.trouble = error

    def resume(self) -> None:
        """Read the state, if there is one; interrupted trials are run again, in their order."""
        path = Path(self._get_oracle_fname())  # type: ignore[attr-defined]
        if not path.exists():
            return
        self.reload()  # type: ignore[attr-defined]
        # The oracle's own file is written last: a trial that it does not know was never given out.
        known = [trial for trial in self.start_order if trial in self.trials]
        self.trials = {trial: self.trials[trial] for trial in known}
        ended = [trial for trial in known if self.trials[trial].status in ENDED]
        self.end_order += [trial for trial in ended if trial not in self.end_order]
        self.ongoing_trials = {}
        # The oracle takes the last one first.
        self._retry_queue = [trial for trial in reversed(known) if trial not in ended]


class NothingTwice:
    """Mixed into the Bayesian oracle: a combination that was proposed before gives way to another.

    The Gaussian process keeps to where it believes the best is; where the space has steps, that is
    soon a combination whose accuracy is known. What is asked instead is random, as at the start, so
    that the process learns of a place that it has not seen.
    """

    trials: dict[str, Any]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        found: dict[str, Any] = super().populate_space(trial_id)  # type: ignore[misc]
        known = {_told_apart(trial.hyperparameters.values) for trial in self.trials.values()}
        if found["values"] is None or _told_apart(found["values"]) not in known:
            return found
        again: dict[str, Any] = self._random_populate_space()  # type: ignore[attr-defined]
        return again  # ends the search where everything has been tried


def _told_apart(values: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Steps of 0.1 add up to 0.30000000000000004, which is no other value."""
    return tuple(
        (name, float(f"{value:.6g}") if isinstance(value, float) else value)
        for name, value in sorted(values.items())
    )


def open_oracle(project: Project, folder: Path) -> Any:
    """The oracle of the search in ``folder``: a new one, or where that one stands.

    Every kind ends after ``search.trials`` trials. KerasTuner's Hyperband would go by brackets
    alone; here it goes on with new brackets until the trials are used up. A trial of its later
    rounds continues an earlier one and counts as a trial.

    Returns:
        A KerasTuner ``Oracle`` with :class:`KeptOnDisk` mixed in.

    Raises:
        UserError: unknown backbone.
    """
    import_keras()
    import keras_tuner
    from keras_tuner import oracles

    search = project.search
    kinds: dict[str, tuple[type[Oracle], dict[str, Any]]] = {
        "random": (oracles.RandomSearchOracle, {"max_trials": search.trials}),
        "bayesian": (
            oracles.BayesianOptimizationOracle,
            {"max_trials": search.trials, "num_initial_points": INITIAL_POINTS},
        ),
        "hyperband": (
            oracles.HyperbandOracle,
            {"max_epochs": search.epochs, "hyperband_iterations": None},
        ),
    }
    kind, options = kinds[search.algorithm]
    mixed = (KeptOnDisk, NothingTwice) if search.algorithm == "bayesian" else (KeptOnDisk,)
    oracle: Any = type("Kept" + kind.__name__, (*mixed, kind), {})(
        objective=keras_tuner.Objective(objective_of(project), "max"),
        hyperparameters=declare(project),
        # KerasTuner takes 0 for "any"; and it must not stop us with a stack trace, see `leader`.
        seed=project.training.seed or 1,
        max_consecutive_failed_trials=None,
        **options,
    )
    oracle.max_trials = search.trials
    oracle.verbose = 0
    oracle._set_project_dir(str(folder), "search")
    oracle.resume()
    return oracle


def random_proposals(project: Project) -> list[tuple[str, dict[str, Any]]]:
    """Every trial of a random search as (id, values): the i-th depends on the seed and i alone."""
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        oracle = open_oracle(project, Path(folder))
        found: list[tuple[str, dict[str, Any]]] = []
        # Each asked for by another tuner: the oracle gives one that is at work its trial again.
        while (trial := oracle.create_trial(f"tuner{len(found)}")).status == "RUNNING":
            found.append((str(trial.trial_id), dict(trial.hyperparameters.values)))
    return found


def report(oracle: Any, trial: Trial, result: Result) -> None:
    """Tell an oracle how a trial ended."""
    if result.error:
        trial.status = "FAILED"
        trial.message = result.error
    else:
        metrics = {result.objective: result.best}
        oracle.update_trial(trial.trial_id, metrics, step=result.best_epoch)
        trial.status = "COMPLETED"
    oracle.end_trial(trial)
