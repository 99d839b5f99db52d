"""KerasTuner's oracles by name, made so that a kill at any moment costs no finished trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.tuning.space import declare
from model_zoo.tuning.trial import OBJECTIVE, Result

if TYPE_CHECKING:
    from keras_tuner import Oracle
    from keras_tuner.engine.trial import Trial

INITIAL_POINTS = 3  # random trials before the Gaussian process of the Bayesian search
ENDED = ("COMPLETED", "FAILED")


class KeptOnDisk:
    """Mixed into an oracle: what it writes is complete or absent, and a trial ends only once.

    KerasTuner writes over its files in place, so a kill can leave half a file; it runs a trial
    again that had ended when the chief was killed before it asked for the next one; and an
    exception while it saves leaves its lock taken, for which other threads then wait for ever.

    Attributes:
        trouble: why the state could not be saved, for the search's own loop to raise.
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

    def resume(self, others: bool) -> None:
        """Read the state, if there is one; interrupted trials are run again.

        Args:
            others: workers beside this process may still train what they were given. Their trials
                stay theirs; they keep them by a sign of life (see ``chief``).
        """
        path = Path(self._get_oracle_fname())  # type: ignore[attr-defined]
        if not path.exists():
            return
        owners = {trial: worker for worker, trial in read_json(path)["ongoing_trials"].items()}
        self.reload()  # type: ignore[attr-defined]
        # The oracle's own file is written last: a trial that it does not know was never given out.
        known = [trial for trial in self.start_order if trial in self.trials]
        self.trials = {trial: self.trials[trial] for trial in known}
        ended = [trial for trial in known if self.trials[trial].status in ENDED]
        self.end_order += [trial for trial in ended if trial not in self.end_order]
        open_ones = [trial for trial in known if trial not in ended]
        kept = [trial for trial in open_ones if others and trial in owners]
        self.ongoing_trials = {owners[trial]: self.trials[trial] for trial in kept}
        # The oracle takes the last one first.
        self._retry_queue = [trial for trial in reversed(open_ones) if trial not in kept]

    def end_trial(self, trial: Trial) -> None:
        """A trial that was taken from a silent worker may be reported twice: the first counts."""
        if self.trials[trial.trial_id].status in ENDED and trial.trial_id in self.end_order:
            return
        if trial.trial_id in self._retry_queue:
            self._retry_queue.remove(trial.trial_id)
        super().end_trial(trial)  # type: ignore[misc]

    def take_back(self, worker: str) -> str | None:
        """Give the trial of a worker that is lost to whoever asks next; returns its id."""
        trial = self.ongoing_trials.pop(worker, None)
        if trial is None:
            return None
        self._retry_queue.append(trial.trial_id)
        return str(trial.trial_id)

    @property
    def settled(self) -> bool:
        """Nothing that was given out is still open."""
        return not self.ongoing_trials and not self._retry_queue


def open_oracle(settings: Settings, folder: Path, others: bool = False) -> Any:
    """The oracle of the search in ``folder``: a new one, or where that one stands.

    Every kind ends after ``search_trials`` trials. KerasTuner's Hyperband would go by brackets
    alone; here it goes on with new brackets until the trials are used up. A trial of its later
    rounds continues an earlier one and counts as a trial.

    Returns:
        A KerasTuner ``Oracle`` with :class:`KeptOnDisk` mixed in.

    Raises:
        UserError: unknown backbone.
    """
    import keras_tuner
    from keras_tuner import oracles

    kinds: dict[str, tuple[type[Oracle], dict[str, Any]]] = {
        "random": (oracles.RandomSearchOracle, {"max_trials": settings.search_trials}),
        "bayesian": (
            oracles.BayesianOptimizationOracle,
            {"max_trials": settings.search_trials, "num_initial_points": INITIAL_POINTS},
        ),
        "hyperband": (
            oracles.HyperbandOracle,
            {"max_epochs": settings.search_epochs, "hyperband_iterations": None},
        ),
    }
    kind, options = kinds[settings.search_algorithm]
    # Workers ask from another thread. KerasTuner's decorator cannot stand above the methods
    # themselves: its import takes seconds.
    safe = {
        name: keras_tuner.synchronized(getattr(KeptOnDisk, name))
        for name in ("end_trial", "take_back")
    }
    oracle = type("Kept" + kind.__name__, (KeptOnDisk, kind), safe)(
        objective=keras_tuner.Objective(OBJECTIVE, "max"),
        hyperparameters=declare(settings),
        # KerasTuner takes 0 for "any"; and it must not stop us with a stack trace, see `leader`.
        seed=settings.seed or 1,
        max_consecutive_failed_trials=None,
        **options,
    )
    oracle.max_trials = settings.search_trials
    oracle.verbose = 0
    oracle._set_project_dir(str(folder), "search")
    oracle.resume(others)
    return oracle


def report(oracle: Any, trial: Trial, result: Result) -> None:
    """Tell an oracle, or KerasTuner's client of one, how a trial ended."""
    if result.error:
        trial.status = "FAILED"
        trial.message = result.error
    else:
        metrics = {OBJECTIVE: result.accuracy}
        oracle.update_trial(trial.trial_id, metrics, step=result.best_epoch)
        trial.status = "COMPLETED"
    oracle.end_trial(trial)
