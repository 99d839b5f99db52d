"""Clean a home: what the library finds, and the old rows of Airflow's database."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from launcher import owned_process
from launcher.local.airflow import environment
from launcher.local.machine import Machine
from launcher.sizes import in_bytes
from model_zoo.errors import UserError
from model_zoo.runs.cleaning import bytes_by_kind, find_old
from model_zoo.settings import Cleaning, Project

ROWS = re.compile(r"Found (\d+) rows meeting deletion criteria")
NAMED = 3  # of each kind


def clean(
    projects: list[Project],
    machine: Machine,
    cleaning: Cleaning,
    say: Callable[[str], None],
    *,
    remove: bool,
) -> None:
    """Say what goes and what that frees, by kind; then, with ``remove``, remove it.

    Raises:
        RegistryUnavailable: MLflow cannot be asked what is in production; nothing is removed.
        UserError: a part could not be removed.
    """
    found = list(find_old(projects, machine.places, cleaning))
    freed = bytes_by_kind(found)
    for kind, size in freed.items():
        names = [one.what for one in found if one.kind == kind]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        say(f"{in_bytes(size):>9}  {kind}: {', '.join(names[:NAMED])}{more}")
    rows = _airflow(machine, cleaning, remove=False)
    if rows:
        say(f"{rows:>4} rows  of Airflow's database")
    if not (found or rows):
        say(
            f"Nothing to clean in {machine.places.home}: nothing was unused for "
            f"{cleaning.clean_after_days:g} days, no project has more than "
            f"{cleaning.clean_keep_versions} versions"
        )
        return
    say(f"{in_bytes(sum(freed.values())):>9}  in all")
    if not remove:
        say("Nothing was removed. `catwalk clean --yes` does it")
        return
    failed: list[UserError] = []
    for one in found:
        try:
            if not one.remove():
                say(f"{one.what} is in use and stays")
        except UserError as error:  # the rest can go all the same
            failed.append(error)
    if rows:
        _airflow(machine, cleaning, remove=True)
    if failed:
        raise UserError(f"not all was removed: {'; '.join(map(str, failed))}")
    say("Removed")


def _airflow(machine: Machine, cleaning: Cleaning, *, remove: bool) -> int:
    """Rows of this home's Airflow that are old, after removing them if that is wanted.

    The newest run of each DAG stays, so that its schedule goes on from there.
    """
    if not (machine.airflow_home / "airflow.db").exists():
        return 0
    before = datetime.now(UTC) - timedelta(days=cleaning.clean_after_days)
    arguments = ["db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive"]
    arguments += ["--yes", "--error-on-cleanup-failure"] if remove else ["--dry-run"]
    done = subprocess.run(
        owned_process.command("airflow", *arguments),
        env=environment(machine),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"`airflow db clean` ended with status {done.returncode}: {last}")
    return sum(map(int, ROWS.findall(done.stdout + done.stderr)))
