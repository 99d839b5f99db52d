"""Images that people have labelled join the training part of what a source found.

Only the training part, and never what looks like an image that is held out, so that they change
nothing that is measured. They come last in it, in the order of their digests. Their pixels go to
the pixel store and they count as seen, so that a near duplicate which the source gets later joins
them in the training part. It works for any source: what comes in no files is known by its pixels.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from model_zoo.data.corrections import Correction, Corrections
from model_zoo.data.dataset import Images
from model_zoo.data.manifest import Manifest, files_of
from model_zoo.data.near_duplicates import near_pairs, prints_of
from model_zoo.data.pixel_store import DIGEST, PixelStore, looks_of, store_folder
from model_zoo.data.pixels import Pixels, StoredPixels, chunks_of
from model_zoo.data.seen import Seen
from model_zoo.data.source import Found, ImageFiles, LeftOut
from model_zoo.errors import UserError
from model_zoo.images import decode, image_of
from model_zoo.locks import locked
from model_zoo.settings import DataSettings, Places

#: What a manifest gives as the place of such an image, before the id of what was said of it.
ORIGINS = {"sent": "correction/", "labelled": "labelled/"}
HELD_OUT = ("test", "validation")

#: The content of an image of the unlabelled folder, by its path there; None: it is gone.
ReadUnlabelled = Callable[[str], bytes | None]


@dataclass
class Joined:
    """What came of it.

    Attributes:
        found: with the images that could join.
        taken: classes by the ids of what was said of them.
        held: why one did not join, by id; it may with another snapshot.
    """

    found: Found
    taken: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _One:
    """An image that is to join: everything that was said of it, and its class."""

    digest: str
    said: tuple[Correction, ...]
    label: str

    @property
    def origin(self) -> str:
        return ORIGINS[self.said[0].kind] + self.said[0].id


def is_added(origin: str) -> bool:
    """Whether a row of a manifest is an image that joined."""
    return origin.startswith(tuple(ORIGINS.values()))


def added_rows(manifest: Manifest) -> np.ndarray:
    """Places within the training part of the images that joined, integers."""
    rows = manifest.rows_of("training")
    return np.flatnonzero([is_added(manifest.origins[row]) for row in rows])


def joined(
    found: Found,
    accepted: Sequence[Correction],
    corrections: Corrections,
    data: DataSettings,
    places: Places,
    seen: Mapping[str, Seen],
    gone: Mapping[str, object] = {},
    unlabelled: ReadUnlabelled = lambda path: None,
) -> Joined:
    """Have the accepted images join; each that cannot is told why.

    Args:
        places: of the project.
        seen: images that were in a run before, by digest.
        gone: digests of images that are to be forgotten.
    """
    result = Joined(found)
    if not accepted:
        return result
    files = {
        part: found.files.get(part) or files_of(images, found.dataset, part)
        for part, images in found.parts.items()
    }
    wanted = _by_rules(result, accepted, files, seen, gone)
    shape, steps = found.dataset.image_shape, found.dataset.preparation
    folder = store_folder(places.cache_dir, shape, steps)
    with locked(folder.with_suffix(".lock")):
        store = PixelStore(folder)
        wanted = _decoded(result, wanted, store, corrections, data, unlabelled)
        wanted = _unlike_held_out(result, wanted, store, data, seen)
    left_out = tuple(
        LeftOut(ORIGINS[one.kind] + one.id, result.held[one.id])
        for one in accepted
        if one.id in result.held
    )
    result.found = found = replace(found, left_out=(*found.left_out, *left_out))
    if not wanted:
        return result
    wanted.sort(key=lambda one: one.digest)
    digests = np.array([one.digest for one in wanted], DIGEST)
    numbers = {label: number for number, label in enumerate(found.dataset.labels)}
    labels = np.array([numbers[one.label] for one in wanted], np.int32)
    pixels, before = store.pixels(store.rows_of(digests)), files["training"]
    sizes = np.full(len(wanted), int(np.prod(shape)), np.int64)
    files["training"] = ImageFiles(
        np.concatenate([before.digests, digests]),
        (*before.paths, *(one.origin for one in wanted)),
        np.concatenate([before.sizes, sizes]),
        (*before.groups, *(one.digest for one in wanted)),
    )
    training = Images(
        _together(found.training.images, pixels), np.concatenate([found.training.labels, labels])
    )
    result.taken |= {said.id: one.label for one in wanted for said in one.said}
    result.found = replace(found, training=training, files=files)
    return result


def _by_rules(
    result: Joined,
    accepted: Sequence[Correction],
    files: Mapping[str, ImageFiles],
    seen: Mapping[str, Seen],
    gone: Mapping[str, object],
) -> list[_One]:
    """One entry an image, without those that what is known of them keeps out."""
    where = {
        digest: (part, number)
        for part, of in files.items()
        for number, digest in enumerate(of.digests.astype(str).tolist())
    }
    training = result.found.training.labels
    names = result.found.dataset.labels
    by_digest: dict[str, list[Correction]] = defaultdict(list)
    for one in accepted:
        by_digest[one.digest].append(one)
    wanted = []
    for digest, said in by_digest.items():
        labels = sorted({one.agreed for one in said})
        part, number = where.get(digest, ("", -1))
        reason = ""
        if len(labels) > 1:
            reason = f"it is accepted as {' and as '.join(labels)}: reject all but one"
        elif digest in gone:
            reason = "its image was to be forgotten"
        elif labels[0] not in names:
            reason = f"its class {labels[0]!r} is gone: it waits until there is one again"
        elif part in HELD_OUT:
            reason = f"it is an image of the {part} part: what is measured is not learned"
        elif digest in seen and seen[digest].part in HELD_OUT:
            reason = f"it was in the {seen[digest].part} part of earlier versions"
        elif part and names[training[number]] == labels[0]:
            reason = "it is among the training images of the source already"
        elif part:
            reason = f"the source has it as {names[training[number]]}: correct it there"
        if reason:
            result.held |= {one.id: reason for one in said}
        else:
            wanted.append(_One(digest, tuple(said), labels[0]))
    return wanted


def _decoded(
    result: Joined,
    wanted: list[_One],
    store: PixelStore,
    corrections: Corrections,
    data: DataSettings,
    unlabelled: ReadUnlabelled,
) -> list[_One]:
    """Those whose pixels are in the store, after bringing those there that are not."""
    rows = store.rows_of(np.array([one.digest for one in wanted], DIGEST))
    new: dict[str, np.ndarray] = {}
    usable = []
    for one, row in zip(wanted, rows, strict=True):
        if row < 0:
            try:
                new[one.digest] = _pixels_of(result.found, one, corrections, data, unlabelled)
            except UserError as error:
                result.held |= {said.id: str(error) for said in one.said}
                continue
        usable.append(one)
    if new:
        store.add(list(new), list(new.values()))
    return usable


def _pixels_of(
    found: Found,
    one: _One,
    corrections: Corrections,
    data: DataSettings,
    unlabelled: ReadUnlabelled,
) -> np.ndarray:
    """The image as the dataset has its images.

    Raises:
        UserError: it cannot be had.
    """
    shape, steps = found.dataset.image_shape, found.dataset.preparation
    for said in one.said:
        content = corrections.picture(said)
        if content is None and said.kind == "labelled":
            content = unlabelled(said.path)
            if content is not None and hashlib.sha256(content).hexdigest() != one.digest:
                content = None  # another image under its name; what was labelled was kept small
        if content is not None:
            decoded = decode(content, data.max_pixels)
            return np.ascontiguousarray(image_of(decoded, shape, steps))
        image = corrections.seen(said)
        if image is not None and (tuple(said.image_shape), said.preparation) == (shape, steps):
            return image
    raise UserError(
        "its picture was not sent along, and what the model saw is prepared otherwise than the "
        "images of this run"
    )


def _unlike_held_out(
    result: Joined,
    wanted: list[_One],
    store: PixelStore,
    data: DataSettings,
    seen: Mapping[str, Seen],
) -> list[_One]:
    """Those that are no twin of an image that is held out; old ones were compared before."""
    if not wanted:
        return wanted
    rows = store.rows_of(np.array([one.digest for one in wanted], DIGEST))
    looks = store.looks(rows).tolist()
    new = [place for place, one in enumerate(wanted) if one.digest not in seen]
    twins: dict[int, str] = {}
    for part in HELD_OUT:
        images = result.found.parts.get(part)
        if images is None:
            continue
        held_out = set(looks_of(images.images).tolist())
        for place, look in enumerate(looks):
            if look in held_out:
                twins[place] = f"its image equals one in the {part} part, pixel by pixel"
        if data.near_duplicates and new:
            theirs = np.concatenate([prints_of(some) for some in chunks_of(images.images)])
            prints = np.concatenate([store.prints(rows[new]), theirs])
            for one, other in near_pairs(prints, np.arange(len(new))):
                if other >= len(new):
                    twins.setdefault(
                        new[one], f"it looks all but the same as an image in the {part} part"
                    )
    for place, reason in twins.items():
        result.held |= {
            said.id: f"{reason}: what is measured is not learned" for said in wanted[place].said
        }
    return [one for place, one in enumerate(wanted) if place not in twins]


def _together(ours: Pixels, theirs: StoredPixels) -> Pixels:
    """One after the other; what lies on disk stays there."""
    if not isinstance(ours, StoredPixels):
        return np.concatenate([np.asarray(ours), theirs[:]])
    before = sum(len(np.load(path, mmap_mode="r")) for path in ours.shards)
    looks = np.concatenate([looks_of(ours), looks_of(theirs)])
    rows = np.concatenate([ours.rows, before + theirs.rows])
    return StoredPixels([*ours.shards, *theirs.shards], rows, looks=looks)
