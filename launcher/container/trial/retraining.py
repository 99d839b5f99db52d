"""The workflow in containers: one person starts it, another approves, and a database restarts."""

from __future__ import annotations

import base64
import io
import json
import time
from functools import partial
from typing import Any

from launcher.container.trial.log_ins import airflow_log_in
from launcher.container.trial.podman import (
    AIRFLOW,
    PAGE,
    ask,
    expect,
    got,
    logs,
    run,
    say,
    secret,
    until,
)
from model_zoo.errors import UserError
from model_zoo.settings import load_project

RUN = "in-containers"
#: In the middle of this task the database is restarted.
DISTURBED = "train"
WAITS = "awaiting_input"


class Retraining:
    """The run as its people see it."""

    def __init__(self) -> None:
        self.dag = f"{AIRFLOW}/api/v2/dags/{load_project().dag_id}"
        self.log_in = {user: airflow_log_in(user) for user in ("viewer", "operator", "approver")}

    def see(self, path: str) -> Any:
        return got(f"{self.dag}{path}", log_in=self.log_in["viewer"])

    def state(self, task: str = "") -> str:
        """Of a task, or of the run.

        Raises:
            UserError: it failed.
        """
        found = self.see(f"/dagRuns/{RUN}" + (f"/taskInstances/{task}" if task else ""))["state"]
        if found == "failed":
            self.tell()
            raise UserError(f"{task or 'the run'} failed:\n{logs('worker-cpu')}")
        return str(found)

    def start(self) -> None:
        known = partial(ask, self.dag, log_in=self.log_in["viewer"])
        until("the DAG is known", lambda: known()[0] == 200, 300)
        body = {"dag_run_id": RUN, "logical_date": None}
        got(f"{self.dag}/dagRuns", "POST", body, self.log_in["operator"])
        say("operator started the run")

    def approve(self) -> None:
        until("approve waits", lambda: self.state() and self.state("approve") == WAITS, 1800)
        time.sleep(5)  # the scheduler hears from the executor every second; no person is as quick
        asked = f"{self.dag}/dagRuns/{RUN}/taskInstances/approve/-1/hitlDetails"
        answer = {"chosen_options": ["Approve"], "params_input": {}}
        refused = ask(asked, "PATCH", answer, self.log_in["operator"])[0]
        expect("an approval by operator", refused, 403)
        got(asked, "PATCH", answer, self.log_in["approver"])
        say("approver approved")

    def tell(self) -> None:
        """Where each task ran, how long, and at which try."""
        for task in self.see(f"/dagRuns/{RUN}/taskInstances")["task_instances"]:
            name = task["task_id"] + (f".{task['map_index'] + 1}" if task["map_index"] >= 0 else "")
            took = f"{task['duration']:.0f} s" if task["duration"] else ""
            tried = f", try {task['try_number']}" if task["try_number"] > 1 else ""
            say(f"  {name:<15} {task['state']:<8} queue {task['queue']:<8} {took}{tried}")


def restart_database(run_of: Retraining) -> None:
    """Restart PostgreSQL in mid-task, and see that the task goes on at its first try."""
    until(
        f"{DISTURBED} runs", lambda: run_of.state() and run_of.state(DISTURBED) == "running", 1800
    )
    time.sleep(5)
    before = run_of.see(f"/dagRuns/{RUN}/taskInstances/{DISTURBED}")
    run("podman", "restart", "--time", "10", "catwalk_postgres_1")
    say(f"RESTARTED the database while {DISTURBED} ran (since {before['start_date']})")
    took = until("Airflow answers again", lambda: run_of.state(), 300)
    say(f"  Airflow's API answers again {took:.0f} s after PostgreSQL was back")


def retrain() -> None:
    """From the trigger to production; tells what happened."""
    began, retraining = time.monotonic(), Retraining()
    retraining.start()
    restart_database(retraining)
    retraining.approve()
    until("the run is over", lambda: retraining.state() == "success", 600)
    retraining.tell()
    tries = retraining.see(f"/dagRuns/{RUN}/taskInstances/{DISTURBED}")["try_number"]
    expect(f"tries of {DISTURBED}", tries, 1)
    say(f"the workflow took {time.monotonic() - began:.0f} s")


def predict() -> None:
    """Ask the page, through its proxy, for a picture."""
    from PIL import Image, ImageDraw

    drawn = Image.new("L", (64, 64))
    ImageDraw.Draw(drawn).polygon([(16, 12), (48, 12), (52, 56), (12, 56)], fill=200)
    content = io.BytesIO()
    drawn.save(content, "PNG")
    picture = {"name": "drawn.png", "content": base64.b64encode(content.getvalue()).decode()}
    until("a version is served", lambda: got(f"{PAGE}/healthz")["version"], 120)
    token = f"Bearer {secret('page_api_token')}"
    found = got(f"{PAGE}/api/v1/predict", "POST", {"images": [picture]}, token)
    if not found["predictions"]:
        raise UserError("the page answered without a prediction")
    say(f"the page, by version {found['version']}: {json.dumps(found['predictions'])[:160]} ...")
