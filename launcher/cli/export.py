"""`catwalk export`: copy a version's files out of the registry."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from model_zoo.config import load_settings
from model_zoo.errors import UserError
from model_zoo.files import fill_folder
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    FORMATS,
    check_file,
    file_of,
    read_facts,
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("version", nargs="?", help="default: the one in production")
    command.add_argument(
        "--format",
        dest="formats",
        action="append",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or all that the version has; may be given several times "
        "(default: onnx)",
    )
    command.add_argument("--to", type=Path, default=Path("export"), help="folder (default: export)")


def export(given: dict[str, Any]) -> int:
    """Copy the files, checked by their digests, with labels and calibration beside them."""
    from model_zoo.registry.versions import fetch_served_files, find_alias, get_version

    settings = load_settings()
    number = given["version"]
    found = get_version(settings, number) if number else find_alias(settings, "production")
    if found is None:
        raise UserError("nothing is in production: name a version, see `catwalk versions`")
    target = given["to"] / f"{settings.model_name}-{found.version}"

    def fill(partial: Path) -> None:
        fetch_served_files(settings, found.version, partial, (FACTS,))
        facts = read_facts(partial, found.tags.get(FACTS_TAG))
        wanted = given["formats"] or ["onnx"]
        if "all" in wanted:
            wanted = [row["format"] for row in facts.get("formats", []) if row["attached"]]
            wanted = wanted or ["onnx", "keras"]
        names = tuple(file_of(one, facts, found.version) for one in dict.fromkeys(wanted))
        fetch_served_files(settings, found.version, partial, names)
        for name in names:
            check_file(partial / name, facts)

    if target.exists():
        shutil.rmtree(target)
    fill_folder(target, fill)
    print(f"version {found.version}: {', '.join(sorted(str(path) for path in target.iterdir()))}")
    return 0
