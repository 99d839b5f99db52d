"""Run the workflow's steps: facts on disk, one recipe a run, one sentence for a mistake.

python -m model_zoo.runs.runner tune --run-id monday --settings '{"profile": "quick"}'
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from model_zoo import backbones
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import NO_ROOM, cannot_write, read_json, write_json
from model_zoo.runs import storage as run_storage
from model_zoo.runs.steps import BESIDE, STEPS, WORKFLOW, Facts, say


def run_step(name: str, settings: Settings, run_id: str) -> Facts:
    """Run one step of a run and leave its facts in ``<run folder>/<step>.json``.

    Raises:
        UserError: unknown step, a step before it is missing, or the run was started with another
            recipe; and whatever the step itself finds wrong.
    """
    step = _find(name)
    folder = settings.run_dir(run_id)
    # A search's further workers share the folder of the one that leads it, who keeps storage.
    with run_storage.shared(settings, folder) if name in WORKFLOW else nullcontext():
        return _run_here(name, step, settings, folder)


def _run_here(
    name: str, step: Callable[[Settings, Path], Facts], settings: Settings, folder: Path
) -> Facts:
    _keep_recipe(settings, folder)
    backbones.discover(settings.plugins_dir)
    started = time.monotonic()
    try:
        facts = step(settings, folder)
    except OSError as error:  # from a library's own writing: KerasTuner, MLflow's artifacts
        if error.errno not in NO_ROOM:
            raise
        raise cannot_write(error.filename or folder, error) from error
    facts["step_seconds"] = round(time.monotonic() - started, 1)
    write_json(folder / f"{name}.json", facts)
    return facts


def _find(name: str) -> Callable[[Settings, Path], Facts]:
    if name in WORKFLOW:
        return WORKFLOW[name]
    beside, _, number = name.partition(".")
    if beside in BESIDE and number.isdecimal():
        return lambda settings, folder: BESIDE[beside](settings, folder, int(number))
    raise UserError(
        f"unknown step {name!r}: choose one of {', '.join(STEPS)}, "
        f"or {', '.join(f'{one}.NUMBER' for one in BESIDE)}"
    )


def run_all(
    settings: Settings,
    run_id: str,
    on_step: Callable[[str, Facts], None] = lambda name, facts: None,
    run: Callable[[str, Settings, str], Facts] = run_step,
) -> Facts:
    """Run every step, in this process unless ``run`` does otherwise; steps that are done already
    are not run again."""
    facts: Facts = {}
    for name in STEPS:
        done = settings.run_dir(run_id) / f"{name}.json"
        facts = read_json(done) if done.exists() else run(name, settings, run_id)
        on_step(name, facts)
    return facts


def _keep_recipe(settings: Settings, folder: Path) -> None:
    recipe = {name: str(value) for name, value in settings.deciding.items()}
    kept = folder / "recipe.json"
    if not kept.exists():
        write_json(kept, recipe)
        return
    before = read_json(kept)
    for name, value in recipe.items():
        if before.get(name) != value:
            raise UserError(
                f"run {folder.name} was started with {name} = {before.get(name)}, not {value}: "
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


def main(arguments: list[str] | None = None) -> int:
    """Run one step in this process: exit status 0, 2 for a user's mistake, else 1."""
    import argparse
    import json
    import sys

    from model_zoo.config import load_settings

    parser = argparse.ArgumentParser(
        prog="python -m model_zoo.runs.runner", description=main.__doc__
    )
    parser.add_argument("step", help=f"one of {', '.join(STEPS)}")
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--settings", default="{}", help="JSON object of settings")
    given = parser.parse_args(arguments)
    quiet()
    try:
        facts = run_step(given.step, load_settings(**json.loads(given.settings)), given.run_id)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    say(facts["summary"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
