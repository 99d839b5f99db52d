"""What operators do: look at the counters, back up, put back on a server that has nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from launcher.container.trial.log_ins import airflow_log_in, mlflow_log_in
from launcher.container.trial.podman import (
    AIRFLOW,
    DOCKER,
    FILES,
    MLFLOW,
    PAGE,
    compose,
    expect,
    got,
    run,
    say,
    until,
)
from launcher.container.trial.retraining import RUN
from model_zoo.settings import load_project

#: The scripts say `docker compose -f FILE ...`; podman 4.3 asks how a container is when told to.
IN_DOCKERS_PLACE = """#!/bin/sh
set -eu
shift 3
case "$*" in
"up -d --wait "*)
    shift 3
    COMPOSE up -d "$@"
    for service in "$@"; do
        until podman healthcheck run "catwalk_${service}_1" > /dev/null; do sleep 1; done
    done
    ;;
*) exec COMPOSE "$@" ;;
esac
"""


def look_at_counters() -> None:
    """Prometheus asks the page with its token, and knows how many pictures were answered."""

    def asked(query: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:9090/api/v1/query?query={quote(query)}"
        found = run("podman", "exec", "catwalk_prometheus_1", "curl", "-fsS", url)
        return list(json.loads(found)["data"]["result"])

    def is_up() -> bool:
        return [one["value"][1] for one in asked('up{job="page"}')] == ["1"]

    until("Prometheus reaches the page", is_up, 120)
    until("a picture was counted", lambda: asked("catwalk_predictions_total"), 120)
    names = {one["metric"]["__name__"] for one in asked('{__name__=~"catwalk_.*"}')}
    say(f"Prometheus has {len(names)} of the page's metrics")


def facts() -> dict[str, Any]:
    """What may not be lost: the version in production, the run, its model's file."""
    project = load_project()
    dag = f"{AIRFLOW}/api/v2/dags/{project.dag_id}/dagRuns/{RUN}"
    alias = f"{MLFLOW}/api/2.0/mlflow/registered-models/alias"
    name = f"name={project.registered_model}&alias=production"
    version = got(f"{alias}?{name}", log_in=mlflow_log_in("reader"))["model_version"]
    return {
        "the run in Airflow": got(dag, log_in=airflow_log_in("viewer"))["state"],
        "the version in production": version["version"],
        "the version that the page serves": got(f"{PAGE}/healthz")["version"],
    }


def back_up_and_restore(folder: Path, start: Callable[[], None]) -> None:
    """Back up while everything runs, remove every volume, restore, start: all is there again.

    Args:
        start: brings all services up.
    """
    program = folder / "docker"
    command = " ".join((sys.executable, "-m", "podman_compose", *FILES))
    program.write_text(IN_DOCKERS_PLACE.replace("COMPOSE", command))
    program.chmod(0o755)
    env = os.environ | {"DOCKER": str(program)}
    before = facts()
    say(run(str(DOCKER / "backup"), str(folder / "backup"), env=env).splitlines()[-1])
    for file in sorted((folder / "backup").iterdir()):
        say(f"  {file.name}: {file.stat().st_size / 1e6:,.1f} MB")
    compose("down", "--volumes")
    say("everything is down, its volumes removed")
    say(run(str(DOCKER / "restore"), str(folder / "backup"), env=env).splitlines()[-1])
    start()
    until("a version is served", lambda: got(f"{PAGE}/healthz")["version"], 120)
    for what, found in facts().items():
        expect(f"after the restore, {what}", found, before[what])
