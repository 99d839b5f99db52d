"""`catwalk demo`: the workflow once, through Airflow, with progress that a person can follow."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from launcher import owned_process
from launcher.local.airflow import close_stopped_demos, demo_mark, environment, initialise
from launcher.local.machine import Machine
from launcher.local.one_at_a_time import one_at_a_time
from launcher.options import FIELDS, RUN_NAME
from launcher.progress.display import shown
from launcher.progress.workflow import Watched
from launcher.step_process import LOG
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.runs.checks import check_project
from model_zoo.runs.folder import list_runs, run_folder
from model_zoo.runs.scorecard import print_scorecard
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project

POLL_SECONDS = 0.5


def demo(
    project: Project, machine: Machine, chosen: dict[str, Any], variables: dict[str, str]
) -> int:
    """Run the project's DAG once by `airflow dags test`, then print the scorecard.

    A demo that was stopped is continued: finished steps are not run again.

    Args:
        project: with everything that was chosen.
        chosen: fields of the trigger form, by short names.
        variables: what was chosen beyond them, for the environment of the steps.

    Raises:
        UserError: the project names something that is not there, or a step found a mistake.
    """
    places = machine.places
    check_project(project, places)  # half a second, before the minute that Airflow takes
    with one_at_a_time(places.home, "demo"):
        started = time.monotonic()
        name = _run_name(project, places)
        watched, console = Watched(project, places, name), Console()
        # `airflow dags test` runs one task at a time: shares of a search would gain nothing.
        alone = {"CATWALK_SEARCH_SHARES": "1", "CATWALK_ALLOW_GENERATED": "1"}
        env = environment(machine) | alone | variables
        env["CATWALK_PROJECTS_DIR"] = str(project.file.parent)
        print(f"Preparing Airflow and MLflow in {places.home}", flush=True)
        watched.waits = "preparing Airflow and MLflow"
        with shown(watched.standing, console, _say_at(started)):
            initialise(machine, env)
            close_stopped_demos(machine, env)
        folder = watched.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "failure.json").unlink(missing_ok=True)
        given = {key: chosen[key] for key in FIELDS if chosen.get(key) is not None}
        given |= {RUN_NAME: name, "force": True} | without_a_question(project)
        log = machine.logs / f"{project.name}-{name}.log"
        print(
            f"Run {name}: DAG {project.dag_id}, profile {project.profile}; Airflow's log {log}",
            flush=True,
        )
        conf = json.dumps(given)
        command = owned_process.command("airflow", "dags", "test", project.dag_id, "--conf", conf)
        demo_mark(machine).touch()
        watched.waits = "waiting for Airflow to start the step"
        watched.prepared()
        with shown(watched.standing, console, _say_at(started)) as said:
            status = _run_airflow(command, env, log, folder, started, said)
        if status == 0:
            demo_mark(machine).unlink()
        raise_failure(folder, status, log)
        print_scorecard(project, places, name)
        print(f"The demo took {time.monotonic() - started:.0f} s.")
        return 0


def without_a_question(project: Project) -> dict[str, str]:
    """What replaces a promotion by approval: during a demo nobody can be asked in Airflow.

    It is the stricter one: a demo never promotes what somebody wants to be asked about.
    """
    if project.judging.promotion != "approval":
        return {}
    print(
        "Promotion needs an approval: the version stays candidate until "
        "`catwalk approve VERSION --by NAME`"
    )
    return {"promotion": "manual"}


def _run_airflow(
    command: list[str],
    env: dict[str, str],
    log: Path,
    folder: Path,
    started: float,
    said: Callable[[], None],
) -> int:
    """Airflow in a process of its own, followed until it ends; its exit status."""
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
            _follow(airflow, folder, _say_at(started), said)
        finally:
            if airflow.poll() is None:
                airflow.terminate()
                airflow.wait()
    return int(airflow.returncode)


def raise_failure(folder: Path, status: int, log: Path) -> None:
    """Raises UserError with the sentence of the step that failed, unless the run has ended."""
    if (folder / f"{STEPS[-1]}.json").exists():
        return
    failure = folder / "failure.json"
    if failure.exists():
        raise UserError(f"step {read_json(failure)['step']}: {read_json(failure)['sentence']}")
    raise UserError(f"Airflow ended with status {status}: {log} says why")


def _run_name(project: Project, places: Places) -> str:
    """The last demo if it is unfinished, else the next number."""
    numbers = [
        int(name.removeprefix("demo-"))
        for name in list_runs(places, project.name)
        if name.removeprefix("demo-").isdigit()
    ]
    last = max(numbers, default=0)
    folder = run_folder(places, project.name, f"demo-{last}")
    if last and not (folder / f"{STEPS[-1]}.json").exists():
        return f"demo-{last}"
    return f"demo-{last + 1}"


def _follow(
    airflow: subprocess.Popen[bytes],
    folder: Path,
    say: Callable[[str], None],
    said: Callable[[], None],
) -> None:
    """Print what the steps print, and each step's end, until Airflow ends.

    Args:
        said: called after each line.
    """
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
                        say(f"  {line.rstrip()}")
                        said()
        for step in STEPS:
            path = folder / f"{step}.json"
            if step not in ended and path.exists():
                ended.add(step)
                took = read_json(path)["step_seconds"]
                say(f"{step} done in {took:.0f} s")
                said()
        if running:
            time.sleep(POLL_SECONDS)


def _say_at(started: float) -> Callable[[str], None]:
    """Prints lines with the time since then."""
    return lambda line: print(f"{_clock(started)}  {line}", flush=True)


def _clock(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes:3d}:{seconds:02d}"
