"""`catwalk export`: copy a version's files out of the registry."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.registry.served_files import FACTS, FACTS_TAG, FORMATS, check_file, file_of


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
    from model_zoo.registry.served_files import fetch_served_files, read_facts
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
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=given.to) as name:
        partial = Path(name)
        fetch_served_files(store, found.version, partial, (FACTS,))
        facts = read_facts(partial, found.tags.get(FACTS_TAG))
        wanted = given.formats or ["onnx"]
        if "all" in wanted:
            wanted = [row["format"] for row in facts["formats"] if row["attached"]]
        names = tuple(file_of(one, facts, found.version) for one in dict.fromkeys(wanted))
        fetch_served_files(store, found.version, partial, names)
        for one in names:
            check_file(partial / one, facts)
        for one in (*names, FACTS):
            (partial / one).replace(target / one)
    written = ", ".join(str(target / one) for one in sorted((*names, FACTS)))
    print(f"version {found.version}: {written}")
    return 0
