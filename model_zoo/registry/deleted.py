"""What people deleted in MLflow and MLflow keeps all the same, in the database of a home.

`mlflow gc` removes it for good. It asks nobody whether a registered version needs what was deleted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from model_zoo.errors import UserError
from model_zoo.registry import database
from model_zoo.registry.client import usable
from model_zoo.registry.store import Store, sqlite_uri

DAY_MS = 24 * 3600 * 1000
GONE = """
SELECT artifact_uri FROM runs WHERE lifecycle_stage = 'deleted' AND deleted_time < :before
UNION SELECT artifact_location FROM logged_models
WHERE lifecycle_stage = 'deleted' AND last_updated_timestamp_ms < :before
"""
#: What the server of `catwalk up` hands out itself, of an experiment that was made in its page.
BY_THE_SERVER = "mlflow-artifacts:/"
PLACES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
RAISED = re.compile(r"^([a-z_]\w*\.)*[A-Z]\w*(Error|Exception): \S")
NEEDED = """
SELECT aliases.name, aliases.version, aliases.alias FROM registered_model_aliases AS aliases
JOIN model_versions USING (name, version)
LEFT JOIN runs ON runs.run_uuid = model_versions.run_id
LEFT JOIN logged_models ON logged_models.artifact_location =
    coalesce(model_versions.storage_location, model_versions.source)
WHERE runs.lifecycle_stage = 'deleted' OR logged_models.lifecycle_stage = 'deleted'
"""


@dataclass(frozen=True)
class Deleted:
    """Folders of deleted runs and models, and why they have to stay; empty: nothing needs them."""

    folders: tuple[Path, ...]
    why_kept: str = ""


def deleted(store: Store, days: float) -> Deleted:
    """What was deleted in MLflow at least so many days ago, in the database of the store's home.

    Raises:
        RegistryUnavailable: the database cannot be read.
    """
    home = store.home
    if not database.is_made(home / database.FILE):
        return Deleted(())
    before = int(time.time() * 1000 - days * DAY_MS)
    with usable(store), database.transaction(home) as connection:
        rows = connection.execute(GONE, {"before": before}).fetchall()
        needed = connection.execute(NEEDED).fetchone()
    uris = [_in_home(home, uri) for (uri,) in rows]
    folders = tuple(Path(unquote(urlsplit(uri).path)) for uri in uris if uri.startswith("file:///"))
    if not (folders and needed):
        return Deleted(folders)
    model, version, alias = needed
    return Deleted(
        (),
        f"what was deleted in MLflow stays: {alias}, version {version} of {model}, needs a part of "
        "it. Restore its run and model there, or move the alias",
    )


def _in_home(home: Path, uri: str) -> str:
    """Where files lie that the server of `catwalk up` hands out."""
    if not uri.startswith(BY_THE_SERVER) or uri.startswith(f"{BY_THE_SERVER}/"):
        return uri
    return f"{(home / database.ARTIFACTS).as_uri()}/{uri.removeprefix(BY_THE_SERVER)}"


def remove_deleted(home: Path, days: float) -> None:
    """Have `mlflow gc` remove it.

    It ends with an error at the first thing whose files a server hands out, if there is none: so of
    what was deleted the database says before where the files lie.

    Raises:
        UserError: it ended badly; its last line.
    """
    with database.transaction(home) as connection:
        for table, column in PLACES:
            deleted = f"SELECT DISTINCT {column} FROM {table} WHERE lifecycle_stage = 'deleted'"
            for (uri,) in connection.execute(deleted).fetchall():
                if (lies := _in_home(home, uri or "")) != (uri or ""):
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ? "
                        "AND lifecycle_stage = 'deleted'",
                        (lies, uri),
                    )
    store = sqlite_uri(home / database.FILE)
    command = [sys.executable, "-m", "mlflow", "gc", "--older-than", f"{days}d"]
    command += ["--backend-store-uri", store, "--tracking-uri", store]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raised = [line for line in lines if RAISED.match(line)]
        last = (raised or lines or ["it said nothing"])[-1]
        raise UserError(f"`mlflow gc` ended with status {done.returncode}: {last}")
