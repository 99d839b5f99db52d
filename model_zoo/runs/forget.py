"""`catwalk data forget`: an image leaves every store and cache, and it is recorded that it did."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from model_zoo.data import forgotten, snapshots
from model_zoo.data.additions import is_added
from model_zoo.data.corrections import corrections_of
from model_zoo.data.manifest import Manifest
from model_zoo.errors import UserError
from model_zoo.locks import locked
from model_zoo.registry.judged_answers import tag_version
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import list_versions
from model_zoo.runs import project_data
from model_zoo.runs.stored_folder import file_system
from model_zoo.settings import Places, Project

DIGEST = re.compile(r"[0-9a-f]{8,64}")
TAG = "forgotten_images"


def forget(digest: str, why: str, project: Project, places: Places) -> Iterator[str]:
    """Forget one image; yields a sentence for each thing that was done. Safe to run again.

    Args:
        digest: SHA-256 of the image's bytes, or its first characters, eight at the least.
        places: of the project.

    Raises:
        UserError: no snapshot has such an image, or several are meant.
    """
    digest = digest.lower()
    if not DIGEST.fullmatch(digest):
        raise UserError(
            f"{digest!r} is no digest of an image: expected 8 to 64 hexadecimal digits of the "
            "SHA-256 of its file (`sha256sum FILE`)"
        )
    with locked(places.home / "locks" / f"data-{project.name}.lock"):
        project_data.fetch(places)
        holding = list(_holding(places, digest))
        found = {one for _, digests in holding for one in digests}
        found |= {one for one in forgotten.forgotten(places.project_data) if one.startswith(digest)}
        corrections = corrections_of(project.name, places)
        found |= {one.digest for one in corrections.all() if one.digest.startswith(digest)}
        if len(found) != 1:
            what = f"{len(found)} images have" if found else "no snapshot has an image with"
            raise UserError(f"{what} the digest {digest}: `catwalk data` lists the snapshots")
        (whole,) = found
        forgotten.note(places.project_data, whole, why)
        yield f"recorded in {places.project_data / forgotten.FILE}: no run takes {whole} again"
        shards = forgotten.blacken(places.cache_dir, places.datasets_dir, whole)
        yield f"its pixels are gone from {shards} files of the stores"
        if pictures := corrections.forget(whole):
            yield f"{pictures} pictures of it that people sent are removed"
        names = {manifest.name for manifest, _ in holding}
        yield from _caches(places, names)
        project_data.send(places)
        yield from _versions(project, places, whole, names)
        for manifest, _ in holding[-1:]:
            origin = manifest.origins[manifest.digests.index(whole)]
            if not is_added(origin):
                yield f"its file is not ours: remove {origin} from the source yourself"


def _holding(places: Places, digest: str) -> Iterator[tuple[Manifest, list[str]]]:
    for name in snapshots.names(places.project_data):
        manifest = snapshots.read(places.project_data, name)
        if mine := [one for one in manifest.digests if one.startswith(digest)]:
            yield manifest, mine


def _caches(places: Places, names: set[str]) -> Iterator[str]:
    """What was made of the images, here and in storage; it is made again without this one."""
    features = places.cache_dir / "features"
    if features.exists():
        shutil.rmtree(features)
        yield "the features of frozen layers are removed: the next run computes them anew"
    for name in sorted(names):
        shutil.rmtree(places.datasets_dir / name, ignore_errors=True)
        if places.storage:
            fs, root = file_system(places.storage)
            there = f"{root.rstrip('/')}/datasets/{name}"
            if fs.exists(there):
                fs.rm(there, recursive=True)
    if names:
        yield f"the images of {len(names)} snapshots that held it are removed from the cache"


def _versions(project: Project, places: Places, digest: str, names: set[str]) -> Iterator[str]:
    store = store_of(project, places)
    learned = [one for one in list_versions(store) if one.tags.get("dataset_digest") in names]
    for one in learned:
        known = set(filter(None, one.tags.get(TAG, "").split(",")))
        tag_version(store, one.version, {TAG: ",".join(sorted({*known, digest[:16]}))})
    if learned:
        numbers = ", ".join(one.version for one in reversed(learned))
        yield (
            f"versions {numbers} were made with a snapshot that held it and are tagged {TAG}: what "
            "they learned of it stays in them, and their runs in MLflow keep pages of samples, of "
            "their health and test images; retrain, and delete them there if they must go"
        )
