"""`catwalk demo`: the workflow once, through Airflow, with progress that a person can follow."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from launcher import owned_process as leash
from launcher.airflow_steps.trigger_form import FIELDS, RUN_NAME
from launcher.local.airflow import (
    close_stopped_demos,
    demo_mark,
    environment,
    initialise,
    log_dir,
)
from launcher.local.one_at_a_time import one_at_a_time
from launcher.step_process import LOG
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.runs.scorecard import print_scorecard
from model_zoo.runs.steps import STEPS

DAG = "fashion_mnist_retrain"
POLL_SECONDS = 0.5


def demo(settings: Settings, chosen: dict[str, Any]) -> int:
    """Run the DAG once by `airflow dags test`, then print the scorecard.

    A demo that was stopped is continued: finished steps are not run again.

    Args:
        chosen: settings of this run, as the trigger form takes them.

    Raises:
        UserError: a step found a mistake; its sentence.
    """
    with one_at_a_time(settings, "demo"):
        started = time.monotonic()
        # `airflow dags test` runs one task at a time: a worker would wait for a chief in vain.
        alone = settings.model_copy(update={"tuner_workers": 1})
        env = environment(alone, recipe=True)
        print(f"Preparing Airflow and MLflow in {settings.home_dir}", flush=True)
        initialise(settings, env)
        close_stopped_demos(settings, env)
        name = _run_name(settings)
        folder = settings.run_dir(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "failure.json").unlink(missing_ok=True)
        config = {"promotion": "automatic"} | chosen | {RUN_NAME: name}
        given = {key: config[key] for key in (*FIELDS, RUN_NAME) if config.get(key) is not None}
        log = log_dir(settings) / f"{name}.log"
        print(f"Run {name}: DAG {DAG}, profile {settings.profile}; Airflow's log {log}", flush=True)
        command = leash.command("airflow", "dags", "test", DAG, "--conf", json.dumps(given))
        demo_mark(settings).touch()
        with log.open("a") as file:
            airflow = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _follow(airflow, folder, started)
                if airflow.returncode == 0:
                    demo_mark(settings).unlink()
            finally:
                if airflow.poll() is None:
                    airflow.terminate()
                    airflow.wait()
        if not (folder / f"{STEPS[-1]}.json").exists():
            failure = folder / "failure.json"
            if failure.exists():
                raise UserError(
                    f"step {read_json(failure)['step']}: {read_json(failure)['sentence']}"
                )
            raise UserError(f"Airflow ended with status {airflow.returncode}: {log} says why")
        print_scorecard(settings, name)
        print(f"The demo took {time.monotonic() - started:.0f} s.")
        return 0


def _run_name(settings: Settings) -> str:
    """The last demo if it is unfinished, else the next number."""
    numbers = [
        int(path.name.removeprefix("demo-"))
        for path in (settings.home_dir / "runs").glob("demo-*")
        if path.name.removeprefix("demo-").isdigit()
    ]
    last = max(numbers, default=0)
    if last and not (settings.run_dir(f"demo-{last}") / f"{STEPS[-1]}.json").exists():
        return f"demo-{last}"
    return f"demo-{last + 1}"


def _follow(airflow: subprocess.Popen[bytes], folder: Path, started: float) -> None:
    """Print what the steps print, and each step's end, until Airflow ends."""
    log = folder / LOG
    position = log.stat().st_size if log.exists() else 0
    ended = {step for step in STEPS if (folder / f"{step}.json").exists()}
    for step in STEPS:
        if step in ended:
            print(f"         {step}: done before")
    running = True
    while running:
        running = airflow.poll() is None
        if log.exists():
            with log.open() as file:
                file.seek(position)
                for line in file:
                    if line.endswith("\n"):
                        position += len(line.encode())
                        print(f"{_clock(started)}    {line.rstrip()}", flush=True)
        for step in STEPS:
            path = folder / f"{step}.json"
            if step not in ended and path.exists():
                ended.add(step)
                took = read_json(path)["step_seconds"]
                print(f"{_clock(started)}  {step} done in {took:.0f} s", flush=True)
        if running:
            time.sleep(POLL_SECONDS)


def _clock(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes:3d}:{seconds:02d}"
