"""What a project knows of its images, and the copy of it in storage that every worker reaches.

Manifests never change, so that a copy is made once. What was seen is united: of an image that two
workers saw, the earlier word counts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from model_zoo.data.forgotten import FILE as FORGOTTEN
from model_zoo.data.seen import FILE as SEEN
from model_zoo.data.seen import read_seen, united, write_seen
from model_zoo.data.snapshots import FOLDER
from model_zoo.files import complete_or_absent, put_whole
from model_zoo.runs.reasons import FILE as LISTING
from model_zoo.runs.stored_folder import file_system
from model_zoo.settings import Places

#: Files that are replaced as a whole; the newest one counts.
REPLACED = (LISTING, FORGOTTEN)


def fetch(places: Places) -> None:
    """Bring the folder of the project at hand up to date from storage."""
    if not places.storage:
        return
    fs, there = _there(places)
    here = places.project_data
    for name in _manifests(fs, there):
        _get(fs, f"{there}/{FOLDER}/{name}", here / FOLDER / name, again=False)
    for name in REPLACED:
        _get(fs, f"{there}/{name}", here / name, again=True)
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        _get(fs, f"{there}/{SEEN}", Path(folder, SEEN), again=True)
        ours, theirs = read_seen(here), read_seen(Path(folder))
    if theirs and (both := united(theirs, ours)) != ours:
        write_seen(here, both)


def send(places: Places) -> None:
    """Put into storage what it lacks."""
    if not places.storage:
        return
    fs, there = _there(places)
    here, known = places.project_data, _manifests(fs, there)
    for path in sorted((here / FOLDER).glob("*.parquet")):
        if path.name not in known:
            put_whole(fs, f"{there}/{FOLDER}/{path.name}", path)
    for name in (SEEN, *REPLACED):
        if (here / name).exists():
            put_whole(fs, f"{there}/{name}", here / name)


def _there(places: Places) -> tuple[Any, str]:
    fs, root = file_system(places.storage)
    return fs, f"{root.rstrip('/')}/data/{places.project_data.name}"


def _manifests(fs: Any, there: str) -> set[str]:
    try:
        found = fs.ls(f"{there}/{FOLDER}", detail=False)
    except FileNotFoundError:
        return set()
    return {
        name
        for name in (path.rstrip("/").rpartition("/")[2] for path in found)
        if name.endswith(".parquet") and not name.startswith(".")
    }


def _get(fs: Any, path: str, here: Path, *, again: bool) -> None:
    if here.exists() and not again:
        return
    try:
        content = fs.cat_file(path)
    except FileNotFoundError:
        return
    with complete_or_absent(here) as partial:
        partial.write_bytes(content)
