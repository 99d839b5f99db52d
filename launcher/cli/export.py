"""`catwalk export`: copy a version's files out of the registry."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.errors import UserError
from model_zoo.files import cannot_write
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    FORMATS,
    check_file,
    fetch_served_files,
    file_of,
    read_facts,
)

if TYPE_CHECKING:
    from model_zoo.registry.store import Store
    from model_zoo.registry.versions import Version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", nargs="?", help="default: the one in production")
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or all that the version has; may be given several times "
        "(default: onnx)",
    )
    parser.add_argument("--to", type=Path, default=Path("export"), help="folder (default: export)")


def run(given: argparse.Namespace) -> int:
    """Copy the files, checked by their digests, with labels and calibration beside them.

    Whatever else lies in the folder stays; a file of an earlier export is replaced at once.
    """
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import find_alias, get_version
    from model_zoo.settings import Places, load_project

    places = Places.load()
    store = store_of(load_project(given.project, places=places), places)
    number = given.version
    found = get_version(store, number) if number else find_alias(store, "production")
    if found is None:
        raise UserError("nothing is in production: name a version, see `catwalk versions`")
    target = given.to / f"{store.model}-{found.version}"
    try:
        names = _fill(target, store, found, given.formats or ["onnx"])
    except OSError as error:
        raise cannot_write(target, error) from None
    written = ", ".join(str(target / one) for one in sorted(names))
    print(f"version {found.version}: {written}")
    return 0


def _fill(target: Path, store: Store, version: Version, wanted: list[str]) -> tuple[str, ...]:
    """Fetch beside the folder, check, then put into it; returns the files' names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as name:
        partial = Path(name)
        fetch_served_files(store, version.version, partial, (FACTS,))
        facts = read_facts(partial, version.tags.get(FACTS_TAG))
        if "all" in wanted:
            wanted = [row["format"] for row in facts["formats"] if row["attached"]]
        names = tuple(file_of(one, facts, version.version) for one in dict.fromkeys(wanted))
        fetch_served_files(store, version.version, partial, names)
        for one in names:
            check_file(partial / one, facts)
        target.mkdir(exist_ok=True)
        for one in (*names, FACTS):
            (partial / one).replace(target / one)
    return (*names, FACTS)
