"""Lead a search: ask KerasTuner's oracle, have trials run, record them, find the best."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.tuning.chief import Chief
from model_zoo.tuning.examples import write_examples
from model_zoo.tuning.oracle import open_oracle, report
from model_zoo.tuning.space import Candidate, candidate_from
from model_zoo.tuning.trial import (
    OBJECTIVE,
    WEIGHTS,
    Result,
    read_result,
    write_result,
)
from model_zoo.tuning.trial_process import TrialFailed, TrialProcess
from model_zoo.tuning.trial_runs import Record

LEADER = "w0"
POLL_SECONDS = 0.5
FAILURES_IN_A_ROW = 3


def search(
    settings: Settings,
    dataset: Dataset,
    train: Images,
    validation: Images,
    folder: Path,
    parent_run: str,
    say: Callable[[str], None] = print,
) -> tuple[Candidate, list[dict[str, Any]]]:
    """Search, or continue the search whose state lies in ``folder``.

    Finished trials are kept; a trial that a kill interrupted is run again. With ``tuner_workers``
    above 1 this process is KerasTuner's chief as well: others that ``join`` take a share of the
    trials, and the search ends without them too.

    With random search the values of the i-th trial depend on the seed and on i alone, and so, on
    a CPU, does its result: any number of workers finds the same best trial. A Bayesian search or
    Hyperband proposes from what has ended by then, so several workers search otherwise than one.

    Returns:
        The best candidate by validation accuracy (of equals the one proposed first), and every
        trial that ended well, best first, as {"trial", "val_accuracy", "epochs", "seconds"} and
        its hyperparameters.

    Raises:
        UserError: no trial ended well, or MLflow is away.
    """
    write_examples(settings, dataset, train, validation, folder)
    with ExitStack() as stack:
        process = stack.enter_context(TrialProcess(settings, dataset, folder, LEADER))
        oracle = open_oracle(settings, folder, others=settings.tuner_workers > 1)
        record = Record(settings, parent_run, folder, say)
        chief = None
        if settings.tuner_workers > 1:
            chief = stack.enter_context(Chief(oracle, settings, folder, LEADER, say))
        _lead(oracle, process, record, chief, folder)
    ranked = sorted(
        (result for result in record.results if not result.error),
        key=lambda result: (-result.accuracy, result.trial),
    )
    if not ranked:
        raise UserError(f"none of the trials ended well: {_last_error(record.results)}")
    for weights in folder.rglob(WEIGHTS):
        weights.unlink()  # the winner is trained anew; nobody needs the trials' weights again
    best = candidate_from(ranked[0].values, settings)
    return best, [_row(result, settings) for result in ranked]


def _lead(
    oracle: Any, process: TrialProcess, record: Record, chief: Chief | None, folder: Path
) -> None:
    """Run trials until there are no more, here or at another worker."""
    while True:
        trial = oracle.create_trial(LEADER)
        if trial.status == "RUNNING":
            result = run_and_keep(process, folder, trial, LEADER)
            report(oracle, trial, result)
        elif trial.status == "STOPPED" and oracle.settled:
            break
        else:
            time.sleep(POLL_SECONDS)
        if chief is not None:
            chief.take_back_from_the_lost()
        if oracle.trouble is not None:
            raise oracle.trouble
        record.catch_up(oracle.end_order)
        last = record.results[-FAILURES_IN_A_ROW:]
        if len(last) == FAILURES_IN_A_ROW and all(result.error for result in last):
            raise UserError(
                f"{FAILURES_IN_A_ROW} trials in a row failed; the last one: {last[-1].error}"
            )
    record.catch_up(oracle.end_order)


def run_and_keep(
    process: TrialProcess,
    folder: Path,
    trial: Any,
    worker: str,
    while_waiting: Callable[[], object] = lambda: None,
) -> Result:
    """Run one trial of the oracle; a failed one has a result too.

    A trial that has a result is not run again: a kill came before the oracle heard of it.
    """
    started, name = time.time(), str(trial.trial_id)
    values = dict(trial.hyperparameters.values)
    try:
        if read_result(folder, name) is None:
            process.run(name, values, while_waiting)
    except TrialFailed as error:
        seconds = round(time.time() - started, 3)
        write_result(folder, Result(name, values, worker, started, seconds, error=str(error)))
    result = read_result(folder, name)
    assert result is not None
    return result


def _last_error(results: list[Result]) -> str:
    return results[-1].error if results else "the search space is empty"


def _row(result: Result, settings: Settings) -> dict[str, Any]:
    return {
        "trial": result.trial,
        OBJECTIVE: result.accuracy,
        "epochs": len(result.curve),
        "seconds": result.seconds,
    } | candidate_from(result.values, settings).as_dict()
