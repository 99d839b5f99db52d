"""Lead a search: ask KerasTuner's oracle, have trials run, record them, find the best."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project
from model_zoo.tuning.devices import trial_devices
from model_zoo.tuning.examples import write_examples
from model_zoo.tuning.oracle import open_oracle, report
from model_zoo.tuning.share import take_up_shares
from model_zoo.tuning.space import Candidate, candidate_from
from model_zoo.tuning.trial import OBJECTIVE, WEIGHTS, Result, count_results, read_result
from model_zoo.tuning.trial_process import TrialProcess, first_to_end
from model_zoo.tuning.trial_runs import TrialRuns

FAILURES_IN_A_ROW = 3


def search(
    project: Project,
    places: Places,
    dataset: Dataset,
    train: Images,
    validation: Images,
    folder: Path,
    parent_run: str,
    say: Callable[[str], None] = print,
) -> tuple[Candidate, list[dict[str, Any]]]:
    """Search, or continue the search whose state lies in ``folder``.

    Finished trials are kept; a trial that a kill interrupted is run again. As many trials run side
    by side as there are devices (``CATWALK_TRIAL_PROCESSES``). Results that shares of a random
    search have left are taken up.

    With random search the values of the i-th trial depend on the seed and on i alone, and so, on
    a CPU, does its result: however it is divided, the same best trial is found. A Bayesian search
    or Hyperband proposes from what has ended by then, so several trials side by side search
    otherwise than one.

    Returns:
        The best candidate by validation accuracy (of equals the one proposed first), and every
        trial that ended well, best first, as {"trial", "val_accuracy", "epochs", "seconds"} and
        its hyperparameters.

    Raises:
        UserError: no trial ended well, or MLflow is away.
    """
    take_up_shares(project, folder)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                TrialProcess(project, places, dataset, folder, f"process {number}", device)
            )
            for number, device in enumerate(trial_devices(places.trial_processes), start=1)
        ]
        if count_results(folder) < project.search.trials:
            write_examples(project, places, dataset, train, validation, folder)
            for process in processes:
                process.warm_up()  # each imports the framework while we open the oracle
        runs = TrialRuns(project, store_of(project, places), parent_run, folder, say)
        _lead(open_oracle(project, folder), processes, runs, folder)
    ranked = sorted(
        (result for result in runs.results if not result.error),
        key=lambda result: (-result.accuracy, result.trial),
    )
    if not ranked:
        last = runs.results[-1].error if runs.results else "the search space is empty"
        raise UserError(f"none of the trials ended well: {last}")
    for weights in folder.rglob(WEIGHTS):
        weights.unlink()  # the winner is trained anew; nobody needs the trials' weights again
    best = candidate_from(ranked[0].values, project)
    return best, [_row(result, project) for result in ranked]


def _lead(oracle: Any, processes: list[TrialProcess], runs: TrialRuns, folder: Path) -> None:
    """Run trials until there are no more, as many at once as there are processes."""
    at_work: dict[TrialProcess, Any] = {}
    while True:
        for process in processes:
            if process not in at_work:
                _give_trial(oracle, process, at_work, folder)
        if not at_work:
            break
        for process in first_to_end(list(at_work)):
            report(oracle, at_work.pop(process), process.result())
        if oracle.trouble is not None:
            raise oracle.trouble
        runs.catch_up(oracle.end_order)
        last = runs.results[-FAILURES_IN_A_ROW:]
        if len(last) == FAILURES_IN_A_ROW and all(result.error for result in last):
            raise UserError(
                f"{FAILURES_IN_A_ROW} trials in a row failed; the last one: {last[-1].error}"
            )
    runs.catch_up(oracle.end_order)


def _give_trial(
    oracle: Any, process: TrialProcess, at_work: dict[TrialProcess, Any], folder: Path
) -> None:
    """Give a free process the next trial that has no result; leaves it free if there is none now.

    A trial that has a result is not run again: a share ran it, or a kill came before the oracle
    heard of it.
    """
    while (trial := oracle.create_trial(process.name)).status == "RUNNING":
        known = read_result(folder, str(trial.trial_id))
        if known is None or known.values != trial.hyperparameters.values:
            process.start(str(trial.trial_id), dict(trial.hyperparameters.values))
            at_work[process] = trial
            return
        report(oracle, trial, known)


def _row(result: Result, project: Project) -> dict[str, Any]:
    return {
        "trial": result.trial,
        OBJECTIVE: result.accuracy,
        "epochs": len(result.curve),
        "seconds": result.seconds,
    } | candidate_from(result.values, project).as_dict()
