"""Run the workflow's steps: facts on disk, one set of values a run, one sentence for a mistake.

python -m model_zoo.runs.runner tune --run monday --project fashion-mnist \
    --set '{"training.epochs": 3}'
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from model_zoo.errors import UserError, exit_status
from model_zoo.failures import told, whose
from model_zoo.files import NO_ROOM, cannot_write, read_json, remove_leftovers, write_json
from model_zoo.lean_keras import import_keras
from model_zoo.locks import try_locked
from model_zoo.processor import collect_seldom
from model_zoo.progress import MAIN, Reporter
from model_zoo.runs import storage
from model_zoo.runs.checks import check_project
from model_zoo.runs.folder import BY_HAND, Run, open_run, progress_folder, run_folder
from model_zoo.runs.steps import STEPS, WORKFLOW, search_share
from model_zoo.settings import Places, Project, load_project

Facts = dict[str, Any]
DECIDED = "settings.json"
WITH_KERAS = ("train", "evaluate", "register")  # a search has processes of its own
SHARE = re.compile(r"search_share\.(\d+)-of-(\d+)")


def share_step(share: int, shares: int) -> str:
    """The name of the step that runs one share of a search; shares count from 1."""
    return f"search_share.{share}-of-{shares}"


def run_step(
    step: str,
    project: Project,
    places: Places,
    run_name: str,
    approved_by: str = "",
    reason: str = BY_HAND,
) -> Facts:
    """Run one step of a run and leave its facts in ``<run folder>/<step>.json``.

    Args:
        approved_by: who said yes to the promotion, where somebody was asked.
        reason: what started the run, in words; `ingest` notes it.

    Raises:
        UserError: unknown step, a step before it is missing, somebody else works in the run, or it
            was started with other values; and whatever the step itself finds wrong.
    """
    function, share = _find(step)
    check_project(project, places)
    folder = run_folder(places, project.name, run_name)
    # The shares of a search work beside each other, each in a folder of its own.
    lock = places.home / "locks" / f"{folder.name}{f'.share-{share}' if share else ''}.lock"
    with ExitStack() as stack:
        if not stack.enter_context(try_locked(lock)):
            raise UserError(
                f"another process works in run {run_name!r} of {project.name}: wait for it, stop "
                "it, or give this run another name"
            )
        for own in (folder, folder / "training"):  # nobody else writes in them now
            remove_leftovers(own)
        reports = progress_folder(places, folder, step)
        shutil.rmtree(reports, ignore_errors=True)  # what a killed one left
        stack.callback(shutil.rmtree, reports, ignore_errors=True)
        stack.enter_context(storage.shared(places, folder, share))
        reporter = Reporter(say, reports / f"{MAIN}.json")
        reporter.note()
        run = open_run(project, places, run_name, reporter)
        run = replace(run, approved_by=approved_by, reason=reason)
        keep_values(run)
        return _timed(step, function, run)


def _timed(step: str, function: Callable[[Run], Any], run: Run) -> Facts:
    started = time.monotonic()
    try:
        facts: Facts = dict(function(run))
    except OSError as error:  # from a library's own writing: KerasTuner, MLflow's artifacts
        if error.errno not in NO_ROOM:
            raise
        raise cannot_write(error.filename or run.folder, error) from error
    facts["step_seconds"] = round(time.monotonic() - started, 1)
    write_json(run.folder / f"{step}.json", facts)
    return facts


def _find(step: str) -> tuple[Callable[[Run], Any], int | None]:
    """The function of a step, and which share of a search it is, if any."""
    if step in WORKFLOW:
        return WORKFLOW[step], None
    found = SHARE.fullmatch(step)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return partial(search_share, share=int(found[1]), shares=int(found[2])), int(found[1])
    raise UserError(
        f"unknown step {step!r}: choose one of {', '.join(STEPS)}, or {share_step(1, 2)}"
    )


def run_all(
    project: Project,
    places: Places,
    run_name: str,
    on_step: Callable[[str, Facts], object] = lambda step, facts: None,
    run: Callable[[str, Project, Places, str], Facts] = run_step,
) -> Facts:
    """Run every step, in this process unless ``run`` does otherwise; steps that are done already
    are not run again, and where there is nothing new the first is the last."""
    facts: Facts = {}
    for step in STEPS:
        done = run_folder(places, project.name, run_name) / f"{step}.json"
        facts = read_json(done) if done.exists() else run(step, project, places, run_name)
        on_step(step, facts)
        if facts.get("nothing_new"):
            break
    return facts


def say(sentence: str) -> None:
    print(sentence, flush=True)


def keep_values(run: Run) -> None:
    """Note what decides the model, or compare it with what the run was started with.

    Raises:
        UserError: a value is another one; names both.
    """
    values = {name: str(value) for name, value in run.project.deciding().items()}
    kept = run.folder / DECIDED
    if not kept.exists():
        write_json(kept, values)
        return
    before = read_json(kept)
    for name, value in values.items():
        if before.get(name) != value:
            raise UserError(
                f"run {run.name} was started with {name} = {before.get(name)}, not {value}: "
                "continue it with the same settings, or start a run of another name"
            )


def quiet() -> None:
    """Keep the framework's own chatter out of what a person reads; errors still show."""
    import logging
    import warnings

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("tensorflow", "tf2onnx", "mlflow", "alembic", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)


def _stop(number: int, frame: object) -> None:
    """Leave as after an error, so that what is open in MLflow is closed."""
    raise SystemExit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Run one step in this process: exit status 0, 2 for a user's mistake, 75 for
    what is away for now, else 1."""
    import argparse
    import json
    import sys

    parser = argparse.ArgumentParser(
        prog="python -m model_zoo.runs.runner", description=main.__doc__
    )
    parser.add_argument("step", help=f"one of {', '.join(STEPS)}, or {share_step(1, 2)}")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--project", help="name or file; default: CATWALK_PROJECT")
    parser.add_argument("--set", default="{}", help="JSON object: values by dotted names")
    parser.add_argument("--approved-by", default="", help="who said yes to the promotion")
    parser.add_argument("--reason", default=BY_HAND, help="what started the run")
    given = parser.parse_args(arguments)
    quiet()
    collect_seldom()
    signal.signal(signal.SIGTERM, _stop)
    if given.step in WITH_KERAS:
        import_keras()
    try:
        places = Places.load()
        project = load_project(given.project, json.loads(given.set), places)
        facts = run_step(given.step, project, places, given.run, given.approved_by, given.reason)
    except UserError as error:
        print(error, file=sys.stderr)
        return exit_status(error)
    except Exception as error:
        if whose(error) is None:
            raise  # a bug of ours
        print(told(error, lambda: Places.load().home), file=sys.stderr)
        return 1  # not the user's mistake: worth another try
    say(facts["summary"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
