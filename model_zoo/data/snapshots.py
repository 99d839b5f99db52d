"""The snapshots of a project: one manifest a state of its images, in its data folder."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from model_zoo.data import store
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.forgotten import forgotten
from model_zoo.data.manifest import Manifest, made_at, manifest_of, read_manifest
from model_zoo.data.pixel_store import DIGEST, PixelStore, store_folder
from model_zoo.data.seen import Seen, newly_seen, read_seen, write_seen
from model_zoo.data.source import Found, ImageFiles, Say
from model_zoo.data.window import within
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings, Places

FOLDER = "snapshots"
SHORTEST = 4  # characters by which a snapshot may be named


def keep(found: Found, data: DataSettings, places: Places, say: Say) -> Dataset:
    """Note what a source found as a snapshot, and keep its images; returns the dataset.

    Args:
        places: of the project.

    Raises:
        UserError: no room, or the window leaves nothing to train on.
    """
    seen = read_seen(places.project_data)
    now = now_after(seen, say)
    whole = manifest_of(found, {digest: one.first for digest, one in seen.items()}, now)
    if data.window:
        # By the clock as it is: one that was ahead for a day must not make everything old.
        found = within(found, whole, data.window, int(time.time()), say)
        manifest = manifest_of(found, dict(zip(whole.digests, whole.first_seen, strict=True)), now)
    else:
        manifest = whole
    dataset = store.keep(found, places.datasets_dir, manifest.dataset)
    if new := newly_seen(whole, seen):
        write_seen(places.project_data, seen | new)
    path = path_of(places.project_data, dataset.snapshot)
    if not path.exists():  # what was first written stays: a snapshot never changes
        manifest.write(path)
    return dataset


def now_after(seen: dict[str, Seen], say: Say = lambda words: None) -> int:
    """This second; where the clock was ahead once, or goes back, the last that was noted.

    So what arrives later is never older than what was there.
    """
    now, last = int(time.time()), max((one.first for one in seen.values()), default=0)
    if last > now + 60:
        say(
            f"This machine's clock is {last - now:,} s behind the newest image: new images count "
            "as seen with that one"
        )
    return max(now, last)


def path_of(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.parquet"


def names(folder: Path) -> list[str]:
    """Of a project's snapshots, the oldest first."""
    made = {
        one.stem: (made_at(one), one.stat().st_mtime_ns)
        for one in (folder / FOLDER).glob("*.parquet")
    }
    return sorted(made, key=lambda name: (made[name], name))


def read(folder: Path, reference: str) -> Manifest:
    """A snapshot by its name, or the first characters of it.

    Raises:
        UserError: there is none, or several are meant; names the nearest.
    """
    known = names(folder)
    if reference in known:
        return read_manifest(path_of(folder, reference))
    meant = [one for one in known if len(reference) >= SHORTEST and one.startswith(reference)]
    if len(meant) == 1:
        return read_manifest(path_of(folder, meant[0]))
    if meant:
        raise UserError(f"snapshot {reference!r} may be {' or '.join(meant)}: write more of it")
    near = difflib.get_close_matches(reference, known, n=1, cutoff=0.3)
    there = f"did you mean {near[0]}?" if near else f"there are {', '.join(known[-5:]) or 'none'}"
    raise UserError(f"no snapshot {reference!r} in {folder}: {there} `catwalk data` lists them")


def restored(reference: str, places: Places, look: Callable[[Manifest], Found]) -> Dataset:
    """The images of an old snapshot, brought back to where steps read them.

    Args:
        look: has the source look at what is there today, which decodes what is missing here, and
            those images join that joined then.

    Raises:
        UserError: no such snapshot, or images of it exist no more; says how many.
    """
    manifest = read(places.project_data, reference)
    name = manifest.name
    if gone := forgotten(places.project_data).keys() & set(manifest.digests):
        raise UserError(
            f"snapshot {name} holds an image that was forgotten ({min(gone)[:16]}): train on a "
            "later one"
        )
    if (places.datasets_dir / name).is_dir():
        return store.describe(places.datasets_dir, name)
    found = _from_store(manifest, places)
    if isinstance(found, int):
        today = look(manifest)
        if manifest_of(today, {}, 0).name == name:
            return store.keep(today, places.datasets_dir, manifest.dataset)
        found = _from_store(manifest, places)
    if isinstance(found, int):
        raise UserError(
            f"snapshot {name}: {found:,} of its {len(manifest):,} images are neither where the "
            "source looks nor in this home: put them back, or train on another snapshot"
        )
    return store.keep(found, places.datasets_dir, manifest.dataset)


def _from_store(manifest: Manifest, places: Places) -> Found | int:
    """From images that were decoded once; or how many of them are missing."""
    dataset = manifest.dataset
    pixels = PixelStore(store_folder(places.cache_dir, dataset.image_shape, dataset.preparation))
    rows = pixels.rows_of(np.array(manifest.digests, DIGEST))
    if missing := int((rows < 0).sum()):
        return missing
    numbers = {label: number for number, label in enumerate(dataset.labels)}
    parts: dict[str, Images] = {}
    files: dict[str, ImageFiles] = {}
    for part in dict.fromkeys(manifest.parts):
        mine = manifest.rows_of(part)
        labels = np.array([numbers[manifest.labels[row]] for row in mine], np.int32)
        parts[part] = Images(pixels.pixels(rows[mine]), labels)
        files[part] = ImageFiles(
            np.array([manifest.digests[row] for row in mine], DIGEST),
            tuple(manifest.origins[row] for row in mine),
            manifest.sizes[mine],
            tuple(manifest.groups[row] for row in mine),
        )
    description = replace(dataset, snapshot="")
    return Found(
        description, parts["training"], parts["test"], parts.get("validation"), files=files
    )
