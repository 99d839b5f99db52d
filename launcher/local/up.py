"""`catwalk up`: MLflow, Airflow and the page together on this machine."""

from __future__ import annotations

import time

from launcher.airflow_steps.projects import readable_projects
from launcher.local.airflow import USER, close_stopped_demos, environment, initialise, passwords
from launcher.local.machine import Machine
from launcher.local.one_at_a_time import one_at_a_time
from launcher.local.processes import run_together
from launcher.local.programs import check_host, check_ports, programs
from launcher.notify import check_addresses
from launcher.settings import Notices
from model_zoo.settings import Project


def up(project: Project, machine: Machine) -> int:
    """Start everything, print where it is, and stay until Ctrl-C or SIGTERM.

    Args:
        project: the one that the page opens with; it and Airflow know all.

    Returns:
        0 after a stop that was asked for, 1 if one of the programs does not stay up.

    Raises:
        UserError: a port is taken, the address is one that others reach, one of CATWALK_NOTIFY is
            none, another `up` or `demo` uses this home, or a database could not be made. Nothing
            has been started then.
    """
    check_host(machine)
    check_addresses(Notices.load().notify)
    with one_at_a_time(machine.places.home, "up"):
        check_ports(machine)
        started = time.monotonic()
        print(f"Starting MLflow, Airflow and the page; logs in {machine.logs}", flush=True)
        env = environment(machine) | {"CATWALK_PROJECT": str(project.file)}
        initialise(machine, env)
        close_stopped_demos(machine, env)
        # With the server running, everybody goes through it.
        env["CATWALK_TRACKING_URI"] = machine.mlflow_url

        def tell() -> None:
            dags = ", ".join(one.dag_id for one in readable_projects())
            print(
                f"\nReady after {time.monotonic() - started:.0f} s\n"
                f"  Page     {machine.page_url}\n"
                f"  Airflow  {machine.airflow_url}   "
                f"log in as {USER}; its password stands in {passwords(machine)}\n"
                f"  MLflow   {machine.mlflow_url}\n"
                f"  Logs     {machine.logs}\n"
                f"Retrain: open a DAG in Airflow ({dags}) and trigger it. Stop: Ctrl-C.",
                flush=True,
            )

        return run_together(programs(machine), env, machine.logs, tell)
