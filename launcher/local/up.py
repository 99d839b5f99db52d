"""`catwalk up`: MLflow, Airflow and the page together on this machine."""

from __future__ import annotations

import time

from launcher.local.airflow import (
    USER,
    close_stopped_demos,
    environment,
    initialise,
    local_url,
    log_dir,
    password,
)
from launcher.local.one_at_a_time import one_at_a_time
from launcher.local.processes import run_together
from launcher.local.programs import check_ports, programs
from model_zoo.config import Settings


def up(settings: Settings) -> int:
    """Start everything, print where it is, and stay until Ctrl-C or SIGTERM.

    Returns:
        0 after a stop that was asked for, 1 if one of the programs ended by itself.

    Raises:
        UserError: a port is taken, another `up` or `demo` uses this home, or a database could
            not be made. Nothing has been started then.
    """
    with one_at_a_time(settings, "up"):
        check_ports(settings)
        started = time.monotonic()
        logs = log_dir(settings)
        print(f"Starting MLflow, Airflow and the page; logs in {logs}", flush=True)
        initialise(settings, environment(settings, recipe=False))
        close_stopped_demos(settings, environment(settings, recipe=False))
        mlflow = settings.tracking_uri or local_url(settings, settings.mlflow_port)
        # With the server running, everybody goes through it.
        env = environment(settings, recipe=False) | {"CATWALK_TRACKING_URI": mlflow}

        def tell() -> None:
            print(
                f"\nReady after {time.monotonic() - started:.0f} s\n"
                f"  Page     {local_url(settings, settings.page_port)}\n"
                f"  Airflow  {local_url(settings, settings.airflow_port)}   "
                f"log in as {USER}, password {password(settings)}\n"
                f"  MLflow   {mlflow}\n"
                f"  Logs     {logs}\n"
                "Retrain: open the DAG fashion_mnist_retrain in Airflow and trigger it. "
                "Stop: Ctrl-C.",
                flush=True,
            )

        return run_together(programs(settings), env, logs, tell)
