"""Ended trials as nested MLflow runs: one run a trial, written by one process, whole or marked.

A trial's run is made when the trial has ended, from its ``result.json``. So a kill in a trial
leaves no run behind, a share of a search needs no way to MLflow, and nothing is logged twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.registry.client import answered_by
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.run_log import TRAINED_BATCH, metric_name
from model_zoo.registry.store import Store
from model_zoo.settings import Project
from model_zoo.tuning.space import candidate_from
from model_zoo.tuning.trial import Result, read_result

if TYPE_CHECKING:
    from mlflow.entities import Metric

TRIAL_TAG = "catwalk.trial"
BATCH = 1000  # metrics that MLflow takes at once


class TrialRuns:
    """What has ended so far, in MLflow and in words.

    Attributes:
        results: results of the trials that have ended, in that order.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        parent_run: str,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._project = project
        self._store = store
        self._parent = parent_run
        self._folder = folder
        self._say = say
        self._experiment = ensure_experiment(store)
        self._logged = self._logged_before()
        self.results: list[Result] = []

    def catch_up(self, ended: list[str]) -> None:
        """Log the trials that have ended since the last call; ``ended`` only ever grows.

        Raises:
            UserError: MLflow is away.
        """
        for trial in ended[len(self.results) :]:
            result = read_result(self._folder, trial)
            assert result is not None, f"trial {trial} has no result"
            if trial not in self._logged:
                self._log(result)
                self._logged.add(trial)
                self._say(_in_words(result, self._project))
            self.results.append(result)

    def _logged_before(self) -> set[str]:
        with answered_by(self._store) as client:
            runs = client.search_runs(
                [self._experiment],
                f"tags.`mlflow.parentRunId` = '{self._parent}'",
                max_results=10_000,
            )
        whole = (run for run in runs if run.info.status in ("FINISHED", "FAILED"))
        return {run.data.tags[TRIAL_TAG] for run in whole if TRIAL_TAG in run.data.tags}

    def _log(self, result: Result) -> None:
        from mlflow.entities import Param

        candidate = candidate_from(result.values, self._project)
        with answered_by(self._store) as client:
            run = client.create_run(
                self._experiment,
                run_name=f"trial {result.trial}",
                start_time=round(1000 * result.started),
                tags={
                    "mlflow.parentRunId": self._parent,
                    TRIAL_TAG: result.trial,
                    "catwalk.process": result.process,
                    **({"error": result.error} if result.error else {}),
                },
            )
            params = [Param(name, str(value)) for name, value in candidate.as_dict().items()]
            if result.batch_size:
                params.append(Param(TRAINED_BATCH, str(result.batch_size)))
            client.log_batch(run.info.run_id, params=params)
            metrics = _metrics(result)
            while batch := list(islice(metrics, BATCH)):
                client.log_batch(run.info.run_id, metrics=batch)
            client.set_terminated(
                run.info.run_id,
                "FAILED" if result.error else "FINISHED",
                end_time=round(1000 * (result.started + result.seconds)),
            )


def _metrics(result: Result) -> Iterator[Metric]:
    from mlflow.entities import Metric

    for step, epoch in enumerate(result.curve, result.first_epoch):
        at = round(1000 * epoch["time"])
        for name, value in epoch.items():
            if name != "time":
                yield Metric(metric_name(name), value, at, step)
    ended = round(1000 * (result.started + result.seconds))
    yield Metric("train_seconds", result.seconds, ended, 0)


def _in_words(result: Result, project: Project) -> str:
    head = candidate_from(result.values, project).head
    if result.error:
        return f"trial {result.trial} failed: {result.error}"
    return (
        f"trial {result.trial}: validation {result.best:.2%} with dense {head.dense_1} and "
        f"{head.dense_2}, dropout {head.dropout:.1f}, rate {head.learning_rate:.2g} "
        f"({result.seconds:.0f} s{', stopped early' if result.stopped_early else ''})"
    )
