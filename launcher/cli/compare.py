"""`catwalk compare`: two versions side by side, from what their runs recorded."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_zoo.registry.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="a number or an alias, as `production`")
    parser.add_argument("second", metavar="B", help="the version that is looked at against it")
    parser.add_argument("--json", action="store_true", help="all of it, as JSON (default: tables)")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="PNG",
        help="draw the images on which only one of the two is right (default: no)",
    )


def run(given: argparse.Namespace) -> int:
    """Read what both runs recorded, then print."""
    from model_zoo.comparison import compare_versions
    from model_zoo.plugin_registry import discover
    from model_zoo.registry.store import store_of
    from model_zoo.registry.version_report import VersionReports
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    discover(places.plugins_dir)  # a dataset's statistics, which slices are cut by
    store = store_of(project, places)
    reports = VersionReports(store, places.cache_dir)
    numbers = [_number(store, one) for one in (given.first, given.second)]
    found = compare_versions(reports, numbers[0], numbers[1], project.judging)
    if given.images:
        from model_zoo.comparison.sheet import write_sheet

        write_sheet(found, given.images)
    if given.json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        from launcher.comparison_tables import tell

        tell(found)
    return 0


def _number(store: Store, wanted: str) -> str:
    from model_zoo.errors import UserError
    from model_zoo.registry.versions import find_alias

    if wanted.isdigit():
        return wanted
    found = find_alias(store, wanted)
    if found is None:
        raise UserError(
            f"no version carries the alias {wanted!r}: name an alias or a number that "
            "`catwalk versions` lists"
        )
    return found.version
