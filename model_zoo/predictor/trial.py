"""Would a registered version serve? Tried before it is judged, and before an alias moves.

Its files are taken from the registry itself, not from a cache, compared with their digests, loaded
in a fresh process that has only what serving has, and asked for answers, in time. That is what
TFX calls an InfraValidator (https://www.tensorflow.org/tfx/guide/infra_validator).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    DamagedFile,
    MissingFile,
    check_file,
    fetch_served_files,
    file_of,
    folder_in_home,
    gone,
    read_facts,
)
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, check_origin
from model_zoo.settings import Places, Serving

READY = "ready"


@dataclass(frozen=True)
class Trial:
    """How a version did.

    Attributes:
        ready_seconds: until it was loaded and had answered its own examples.
        bytes: of the file that is served.
    """

    ready_seconds: float
    bytes: int


class NotServable(UserError):
    """The version cannot be served: its files are gone or damaged, or do not load in time."""


def try_version(store: Store, serving: Serving, places: Places, version: Version) -> Trial:
    """Load a registered version as serving would, and have it answer its own examples.

    Raises:
        NotServable: says what is wrong with it.
    """
    with _files(store, serving, version) as folder:
        return _ask(store, serving, places, version, folder)


@contextmanager
def _files(store: Store, serving: Serving, version: Version) -> Iterator[Path]:
    """A folder with the version's files as the registry has them."""
    try:
        check_origin(store, version)
        lies = folder_in_home(store, version.version)
        if lies is not None:
            if not (lies / FACTS).is_file():
                raise MissingFile(gone(FACTS, version.version))
            yield lies
            return
        with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
            folder = Path(name)
            fetch_served_files(store, version.version, folder, (FACTS,))
            facts = read_facts(folder, version.tags.get(FACTS_TAG))
            served = file_of(serving.served_format, facts, version.version)
            fetch_served_files(store, version.version, folder, (served,))
            yield folder
    except DamagedFile as error:
        raise NotServable(f"version {version.version} cannot be served: {error}") from error


def _ask(
    store: Store,
    serving: Serving,
    places: Places,
    version: Version,
    folder: Path,
) -> Trial:
    try:
        facts = read_facts(folder, version.tags.get(FACTS_TAG), store.experiment)
        served = folder / file_of(serving.served_format, facts, version.version)
        check_file(served, facts)
    except UserError as error:
        raise NotServable(f"version {version.version} cannot be served: {error}") from error
    with tempfile.TemporaryDirectory(prefix="catwalk-") as scratch:
        request = Path(scratch, "request.json")
        write_json(
            request,
            {
                "folder": str(folder),
                "version": version.version,
                "tags": version.tags,
                "project": store.experiment,
            },
        )
        ready = _run(request, serving, places, version.version)
    return Trial(ready, served.stat().st_size)


def _run(request: Path, serving: Serving, places: Places, version: str) -> float:
    """Start the process, wait until it is ready, but not for ever, then until it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "model_zoo.predictor.fresh_process", str(request)],
        env=os.environ | places.as_variables() | serving.as_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    clock = threading.Timer(serving.load_seconds, give_up)
    clock.start()
    try:
        assert process.stdout is not None
        first = process.stdout.readline().split()
        clock.cancel()
        _, told = process.communicate()
    finally:
        clock.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
    if late.is_set():
        raise NotServable(
            f"version {version} was not ready to serve within {serving.load_seconds:g} s "
            "(CATWALK_LOAD_SECONDS)"
        )
    if process.returncode or first[:1] != [READY]:
        lines = told.strip().splitlines() or [f"its process ended with {process.returncode}"]
        raise NotServable(f"version {version} cannot be served: {lines[-1]}")
    return float(first[1])
