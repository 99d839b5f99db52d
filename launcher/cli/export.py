"""`catwalk export`: copy a version's files out of the registry."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.errors import UserError
from model_zoo.files import cannot_write, remove_leftovers, write_json
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    FORMATS,
    KERAS,
    MODEL,
    DamagedFile,
    check_file,
    damaged_in_registry,
    fetch_served_files,
    file_of,
    is_left_out,
    read_facts,
)

if TYPE_CHECKING:
    from model_zoo.registry.store import Store
    from model_zoo.registry.versions import Version
    from model_zoo.settings import Places, Project


PARTIAL = ".catwalk-export-"  # lies in a person's folder: a name that only we give


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", nargs="?", help="default: the one in production")
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or all that the version has; may be given several times "
        "(default: onnx); one that the project left out is made now",
    )
    parser.add_argument("--to", type=Path, default=Path("export"), help="folder (default: export)")


def run(given: argparse.Namespace) -> int:
    """Copy the files, checked by their digests, with labels and calibration beside them.

    Whatever else lies in the folder stays. An earlier export stays too until the new one is whole
    and checked; then its files are replaced one by one, what describes them last. A kill between
    two of them leaves an export that loads: files of one version are the same, byte for byte.
    """
    from model_zoo.registry.set_by_hand import misspelt
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import aliases_of, check_origin, find_alias, get_version
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    store = store_of(project, places)
    number = given.version
    found = get_version(store, number) if number else find_alias(store, "production")
    if found is None:
        raise UserError(
            misspelt(aliases_of(store))
            or f"nothing is in production in {store.place}: name a version, see `catwalk versions`"
        )
    check_origin(store, found)
    target = given.to / f"{store.model}-{found.version}"
    try:
        names = _fill(target, store, found, given.formats or ["onnx"], project, places)
    except OSError as error:
        raise cannot_write(target, error) from None
    written = ", ".join(str(target / one) for one in sorted(names))
    print(f"version {found.version}: {written}")
    return 0


def _fill(
    target: Path,
    store: Store,
    version: Version,
    wanted: list[str],
    project: Project,
    places: Places,
) -> tuple[str, ...]:
    """Fetch beside the folder, check, then put into it; returns the files' names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target.parent, PARTIAL)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent) as name:
        partial = Path(name)
        fetch_served_files(store, version.version, partial, (FACTS,))
        try:
            facts = read_facts(partial, version.tags.get(FACTS_TAG))
        except DamagedFile:
            raise UserError(damaged_in_registry(version.version)) from None
        if "all" in wanted:
            wanted = [row["format"] for row in facts["formats"] if row["attached"]]
        missing = tuple(one for one in dict.fromkeys(wanted) if is_left_out(one, facts))
        names = tuple(
            file_of(one, facts, version.version)
            for one in dict.fromkeys(wanted)
            if one not in missing
        )
        needed = tuple(dict.fromkeys((*names, *((KERAS, MODEL) if missing else ()))))
        fetch_served_files(store, version.version, partial, needed)
        for one in needed:
            check_file(partial / one, facts)
        if missing:
            from model_zoo.runs.later_formats import make_later

            print(f"version {version.version} has no {', '.join(missing)}: made now", flush=True)
            write_json(partial / FACTS, make_later(missing, partial, facts, project, places, _say))
            names += tuple(FORMATS[one] for one in missing)
        target.mkdir(exist_ok=True)
        for one in (*names, FACTS):
            (partial / one).replace(target / one)
    return (*names, FACTS)


def _say(sentence: str) -> None:
    print(sentence, flush=True)
