"""Lead a search: ask KerasTuner's oracle, have trials run, record them, find the best."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.processor import usable_cores
from model_zoo.progress import Work, beside, part
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project
from model_zoo.training.features import FeatureFiles
from model_zoo.tuning.devices import trial_devices
from model_zoo.tuning.examples import on_pooled_features, write_examples
from model_zoo.tuning.oracle import open_oracle, report
from model_zoo.tuning.share import take_up_shares
from model_zoo.tuning.space import Candidate, candidate_from
from model_zoo.tuning.trial import WEIGHTS, Result, count_results, read_result
from model_zoo.tuning.trial_process import TrialProcess, first_to_end
from model_zoo.tuning.trial_runs import TrialRuns

FAILURES_IN_A_ROW = 3
MOST_PROCESSES = 4  # on a CPU: each takes a gigabyte


def search(
    project: Project,
    places: Places,
    dataset: Dataset,
    train: Images,
    validation: Images,
    folder: Path,
    parent_run: str,
    say: Callable[[str], None] = print,
    features: FeatureFiles | None = None,
) -> tuple[Candidate, list[dict[str, Any]]]:
    """Search, or continue the search whose state lies in ``folder``.

    Finished trials are kept; a trial that a kill interrupted is run again. As many trials run side
    by side as there are devices (``CATWALK_TRIAL_PROCESSES``). Results that shares of a random
    search have left are taken up.

    With random search the values of the i-th trial depend on the seed and on i alone, and so, on
    a CPU, does its result: however it is divided, the same best trial is found. A Bayesian search
    or Hyperband proposes from what has ended by then, so several trials side by side search
    otherwise than one.

    Args:
        features: where those of these images lie, if somebody knows.

    Returns:
        The best candidate by the project's metric on the validation images (of equals the one
        proposed first), and every trial that ended well, best first, as {"trial", "val_<metric>",
        "epochs", "seconds"} and its hyperparameters.

    Raises:
        UserError: no trial ended well, or MLflow is away.
    """
    take_up_shares(project, folder)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                TrialProcess(project, places, dataset, folder, name, device, beside(say, name))
            )
            for name, device in _processes(project, places)
        ]
        if count_results(folder) < project.search.trials:
            write_examples(project, places, dataset, train, validation, folder, say, features)
            for process in processes:
                process.warm_up()  # each imports the framework while we open the oracle
        runs = TrialRuns(project, store_of(project, places), parent_run, folder, say)
        with part(say, "starting KerasTuner"):
            oracle = open_oracle(project, folder)
        ended = count_results(folder)
        with part(say, "search", project.search.trials, "trials", ended, ends_step=True) as work:
            _lead(oracle, processes, runs, folder, work)
    ranked = sorted(
        (result for result in runs.results if not result.error),
        key=lambda result: (-result.best, result.trial),
    )
    if not ranked:
        last = runs.results[-1].error if runs.results else "the search space is empty"
        raise UserError(f"none of the trials ended well: {last}")
    for weights in folder.rglob(WEIGHTS):
        weights.unlink()  # the winner is trained anew; nobody needs the trials' weights again
    best = candidate_from(ranked[0].values, project)
    return best, [_row(result, project) for result in ranked]


def _processes(project: Project, places: Places) -> list[tuple[str, str | None]]:
    """Names and devices of the processes that run trials side by side.

    To make a head that is trained on features takes longer than to train it, and one core. So a
    random search, which finds the same however it is divided, has a process for each core.
    """
    heads = on_pooled_features(project) and project.search.algorithm == "random"
    cores = min(usable_cores(), MOST_PROCESSES, project.search.trials) if heads else 1
    devices = trial_devices(places.trial_processes, cores)
    return [(f"process {number}", device) for number, device in enumerate(devices, start=1)]


def _lead(
    oracle: Any, processes: list[TrialProcess], runs: TrialRuns, folder: Path, work: Work
) -> None:
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
        work.reach(len(runs.results))
        work.tell(best=_best(runs.results))
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


def _best(results: list[Result]) -> str:
    best = max((result.best for result in results), default=-1.0)
    return f"{best:.2%}" if best >= 0 else ""


def _row(result: Result, project: Project) -> dict[str, Any]:
    return {
        "trial": result.trial,
        result.objective: result.best,
        "epochs": len(result.curve),
        "seconds": result.seconds,
    } | candidate_from(result.values, project).as_dict()
