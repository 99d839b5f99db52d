"""What the DAG after a promotion does, in fresh processes: export, and predictions for a folder."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

from airflow.sdk.exceptions import AirflowFailException

from launcher import owned_process
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent
from model_zoo.settings import Places, load_project

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
TOGETHER = 200  # pictures that one process is given
MISTAKE = 2  # exit status of a user's mistake


def version_in_production(project: str) -> str:
    """The number of the version that is in production now.

    Raises:
        UserError: nothing is.
    """
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import find_alias

    places = Places.load()
    found = find_alias(store_of(load_project(project, places=places), places), "production")
    if found is None:
        raise UserError("nothing is in production: promote a version first")
    return found.version


def export_all(project: str, version: str) -> str:
    """Every format of the version under ``exports/`` in the home; returns the folder."""
    places = Places.load()
    chosen = load_project(project, places=places)
    target = places.home / "exports"
    catwalk("export", version, "--project", project, "--format", "all", "--to", str(target))
    return str(target / f"{chosen.registered_model}-{version}")


def predict_folder(project: str, version: str, exported: str, folder: str = "") -> str:
    """``predictions.csv`` in the exported folder: picture, label, confidence; returns a sentence.

    Args:
        folder: of pictures; by default ``batch/<project>`` in the home.
    """
    places = Places.load()
    name = load_project(project, places=places).name
    looked = Path(folder) if folder else places.home / "batch" / name
    pictures = sorted(p for p in looked.rglob("*") if p.suffix.lower() in PICTURES)
    if not pictures:
        return f"{looked} has no pictures: nothing to predict"
    rows = []
    for start in range(0, len(pictures), TOGETHER):
        some = [str(path) for path in pictures[start : start + TOGETHER]]
        told = catwalk("predict", "--project", project, "--version", exported, "--json", *some)
        rows += json.loads(told)
    path = Path(exported) / "predictions.csv"
    with complete_or_absent(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image", "version", "label", "confidence"))
        table.writerows((r["image"], version, r["label"], f"{r['confidence']:.4f}") for r in rows)
    return f"{len(rows)} predictions of version {version} in {path}"


def catwalk(*arguments: str) -> str:
    """Run a command of Catwalk's in a process of its own; what it printed.

    Raises:
        AirflowFailException: a user's mistake, which another try would not mend.
        RuntimeError: anything else that went wrong.
    """
    command = owned_process.command("launcher.cli", *arguments)
    done = subprocess.run(
        command, capture_output=True, text=True, start_new_session=True, stdin=subprocess.DEVNULL
    )
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.strip().splitlines() or ["it said nothing"]
    if done.returncode == MISTAKE:
        raise AirflowFailException(lines[-1])
    raise RuntimeError(f"catwalk {arguments[0]} ended with {done.returncode}: {lines[-1]}")
