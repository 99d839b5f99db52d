"""Read what is new or changed into the pixel store; what is there is not looked at again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from model_zoo.data.image_folder.decoding import Decoded, Wanted, decode_files
from model_zoo.data.image_folder.file_index import FileIndex, Known
from model_zoo.data.image_folder.listing import File
from model_zoo.data.pixel_store import DIGEST, PixelStore
from model_zoo.data.source import Say
from model_zoo.images.decode import FORMATS
from model_zoo.progress import Part, beside, part

SHARD_BYTES = 64 * 2**20
#: A shard is closed after so long at the latest: a kill loses no more than this.
SHARD_SECONDS = 30.0
TOLD_SECONDS = 10.0


def index_path(cache_dir: Path, root: str, max_pixels: int) -> Path:
    """Where the index of a location lies; what is broken depends on the decoder too."""
    about = hashlib.sha256(repr((root, max_pixels, FORMATS)).encode()).hexdigest()[:16]
    return cache_dir / "folders" / f"{about}.sqlite"


def read_files(
    files: Iterable[File], wanted: Wanted, index: FileIndex, store: PixelStore, say: Say
) -> dict[str, Known]:
    """What is known of each file, by its path, after reading those that have to be.

    Raises:
        UserError: the location cannot be read, or there is no room: what is whole is kept.
    """
    by_path = {file.path: file for file in files}
    known = index.known()
    still = [file for file in by_path.values() if _is_known(file, known)]
    digests = np.array([known[file.path].digest for file in still], DIGEST)
    there = store.rows_of(digests) >= 0
    done = {
        file.path
        for file, kept in zip(still, there, strict=True)
        if kept or known[file.path].problem
    }
    new = [file for path, file in by_path.items() if path not in done]
    if new:
        say(f"{len(new):,} of {len(by_path):,} files are new or changed: reading them")
    batch, told = _Batch(index, store), time.monotonic()
    with part(say, "reading files", len(new), "files") as work:
        for found in decode_files(new, wanted):
            known[found.known.path] = found.known
            batch.add(found)
            work.advance()
            if not beside(say, "") and time.monotonic() - told > TOLD_SECONDS:  # nobody draws it
                told = time.monotonic()
                say(_how_far(work.part))
    batch.write()
    return {path: known[path] for path in by_path}


def _is_known(file: File, known: dict[str, Known]) -> bool:
    before = known.get(file.path)
    return before is not None and bool(before.digest) and before.is_still(file)


class _Batch:
    """Pixels for the next shard, and what is known of their files."""

    def __init__(self, index: FileIndex, store: PixelStore) -> None:
        self.index, self.store = index, store
        self.whole: dict[str, Decoded] = {}
        self.known: list[Known] = []
        self.bytes, self.since = 0, time.monotonic()

    def add(self, found: Decoded) -> None:
        known, pixels = found.known, found.pixels
        self.known.append(known)
        if pixels is not None and known.digest not in self.whole:
            self.whole[known.digest] = found
            self.bytes += pixels.nbytes
        if self.bytes >= SHARD_BYTES or time.monotonic() - self.since > SHARD_SECONDS:
            self.write()

    def write(self) -> None:
        rows = self.store.rows_of(np.array(list(self.whole), DIGEST))
        new = [one for one, row in zip(self.whole.values(), rows, strict=True) if row < 0]
        if new:
            _, pixels, looks, prints = zip(*new, strict=True)
            names = [one.known.digest for one in new]
            self.store.add(names, pixels, looks, np.stack(prints))
        self.index.note(self.known)
        self.whole, self.known, self.bytes = {}, [], 0
        self.since = time.monotonic()


def _how_far(work: Part) -> str:
    return (
        f"read {work.done:,.0f} of {work.total:,.0f} files, {work.rate:,.0f} a second, "
        f"{(work.left or 0) / 60:.0f} min left"
    )
