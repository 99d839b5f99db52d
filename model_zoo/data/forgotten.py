"""Images that have to go: which they are, and how they leave the stores of a home.

An image's pixels lie in shards that many datasets share by links, so they are blackened where they
lie, which reaches every link; where a file system has no links each copy is found by its pixels.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model_zoo.data.pixel_store import look_of
from model_zoo.data.seen import read_seen, write_seen
from model_zoo.files import read_json, write_json

FILE = "forgotten.json"
REASON = "it was to be forgotten (`catwalk data forget`)"


def forgotten(folder: Path) -> dict[str, dict[str, str]]:
    """Digests of images that the project at hand must not use, with when and why."""
    path = folder / FILE
    return dict(read_json(path)) if path.exists() else {}


def note(folder: Path, digest: str, why: str) -> None:
    """Record it, before anything is removed: a kill in between leaves an image that is not used."""
    known = forgotten(folder)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / FILE, known | {digest: {"when": when, "why": why}})
    seen = read_seen(folder)
    if seen.pop(digest, None):
        write_seen(folder, seen)


def blacken(cache_dir: Path, datasets_dir: Path, digest: str) -> int:
    """Take the image out of every pixel store, and out of datasets that have copies of its pixels.

    Returns:
        How many shards held it.
    """
    touched: set[tuple[int, int]] = set()
    looks: dict[str, tuple[int, ...]] = {}
    for names in sorted((cache_dir / "pixels").glob("*/*.digests.npy")):
        digests = np.load(names, mmap_mode="r+")
        shard = Path(str(names).removesuffix(".digests.npy") + ".npy")
        for row in np.flatnonzero(digests == digest.encode()):
            pixels = np.load(shard, mmap_mode="r+")
            looks[look_of(pixels[row])] = pixels.shape[1:]
            pixels[row] = 0
            pixels.flush()
            digests[row] = b"forgotten"  # no image has this digest, so that it is not found again
            digests.flush()
            touched.add(_file(shard))
    for shard in sorted(datasets_dir.glob("*/shards/*.npy")):
        if _file(shard) in touched:  # a link to one of those
            continue
        pixels = np.load(shard, mmap_mode="r+")
        if pixels.shape[1:] not in looks.values():
            continue
        for place, image in enumerate(pixels):
            if look_of(image) in looks:
                pixels[place] = 0
                touched.add(_file(shard))
        pixels.flush()
    return len(touched)


def _file(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
