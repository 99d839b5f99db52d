"""Which image is in which part, and which is left out by which rule.

Where the source has no parts, an image's part is a hash of its digest, so it never moves to another
part as the images grow. A class whose hashes leave a part empty gives it the image whose hash is
nearest; that choice is kept for good.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.layouts import TEST, TRAINING, VALIDATION, Arranged, Item
from model_zoo.data.source import LeftOut
from model_zoo.settings import DataSettings

#: An image that lies in two official parts stays in the first of these.
STRONGEST = (TEST, VALIDATION, TRAINING)


@dataclass
class Divided:
    """The images that are used.

    Attributes:
        images: by digest: class and part.
        chosen: parts that no hash decided, to be kept.
        copies: files that are equal, byte for byte, to another one of their class.
    """

    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    chosen: dict[str, str] = field(default_factory=dict)
    copies: int = 0

    @property
    def labels(self) -> list[str]:
        """The classes, sorted; those that are all numbers by their value."""
        names = {label for label, _ in self.images.values()}
        numbers = all(name.isdecimal() for name in names)
        return sorted(names, key=(lambda name: (int(name), name)) if numbers else None)

    def counts(self) -> dict[str, Counter[str]]:
        """Images of each class by part."""
        found: dict[str, Counter[str]] = {label: Counter() for label in self.labels}
        for label, part in self.images.values():
            found[label][part] += 1
        return found


def divide(
    arranged: Arranged, known: Mapping[str, Known], data: DataSettings, kept: Mapping[str, str]
) -> Divided:
    """Apply the rules, each with a sentence for what it leaves out.

    Args:
        known: what is in each file, by path.
        kept: parts that were chosen before, by digest.
    """
    found = Divided()
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in arranged.items:
        about = known[item.file.path]
        if about.problem:
            found.left_out.append(LeftOut(item.file.path, about.problem, broken=True))
        else:
            groups[about.digest].append(item)
    official = {item.part for item in arranged.items} - {None}
    usable: dict[str, tuple[str, str | None]] = {}
    for digest, items in groups.items():
        one = _of_one_content(found, items)
        if one is not None:
            usable[digest] = (one.label, one.part or (TRAINING if official else None))
    _leave_out_rare(found, usable, data.least_images)
    by_hash = _shares(official, data)
    if VALIDATION in official and TEST not in official:
        found.notes.append(
            f"there is no test folder: {data.test_share:.0%} of the training images are for testing"
        )
    for label in sorted({label for label, _ in usable.values()}):
        open_ones = [d for d, (other, part) in usable.items()
                     if other == label and part in (None, TRAINING)]  # fmt: skip
        parts = _parts_of_a_class(open_ones, by_hash, data.seed, kept, found.chosen)
        for digest, part in parts.items():
            usable[digest] = (label, part)
    found.images = {digest: (label, str(part)) for digest, (label, part) in usable.items()}
    _leave_out_unjudged(found)
    return found


def _of_one_content(found: Divided, items: list[Item]) -> Item | None:
    """The one of equal files that stays, if any."""
    labels = sorted({item.label for item in items})
    if len(labels) > 1:
        reason = f"the same picture lies in the classes {', '.join(labels)}: no one knows which"
        found.left_out += [LeftOut(item.file.path, reason) for item in items]
        return None
    parts = {item.part for item in items}
    strongest = next((part for part in STRONGEST if part in parts), None)
    for item in items:
        if item.part != strongest:
            reason = f"the same picture is in the {strongest} part"
            found.left_out.append(LeftOut(item.file.path, reason))
    staying = [item for item in items if item.part == strongest]
    found.copies += len(staying) - 1
    return staying[0]


def _leave_out_rare(found: Divided, usable: dict[str, tuple[str, str | None]], least: int) -> None:
    counts = Counter(label for label, _ in usable.values())
    for label, count in sorted(counts.items()):
        if count < least:
            found.notes.append(
                f"class {label!r} has {count} image{'s' if count > 1 else ''}, fewer than "
                f"data.least_images = {least}: it is left out"
            )
    for digest, (label, _) in list(usable.items()):
        if counts[label] < least:
            del usable[digest]


def _leave_out_unjudged(found: Divided) -> None:
    """Official parts may lack a class."""
    for label, counts in found.counts().items():
        missing = [part for part in (TRAINING, TEST) if not counts[part]]
        if missing:
            found.notes.append(
                f"class {label!r} has no {' and no '.join(missing)} image: it is left out"
            )
            for digest, (other, _) in list(found.images.items()):
                if other == label:
                    del found.images[digest]


def _shares(official: set[str | None], data: DataSettings) -> dict[str, float]:
    """Parts that hashes have to make, and their shares of the images in no part or training."""
    shares = {TEST: data.test_share, VALIDATION: data.validation_share}
    return {part: share for part, share in shares.items() if part not in official}


def _parts_of_a_class(
    digests: list[str],
    shares: dict[str, float],
    seed: int,
    kept: Mapping[str, str],
    chosen: dict[str, str],
) -> dict[str, str]:
    """The part of each of these images of one class; notes in ``chosen`` what no hash decided."""
    places = {digest: place_of(digest, seed) for digest in digests}
    parts: dict[str, str] = {}
    for digest, place in places.items():
        parts[digest], below = TRAINING, 0.0
        for part, share in shares.items():
            below += share
            if place < below:
                parts[digest] = part
                break
        parts[digest] = kept.get(digest, parts[digest])
    for part in (TRAINING, *shares):  # an empty part takes from one that can give
        counts = Counter(parts.values())
        giving = [digest for digest in parts if counts[parts[digest]] > 1]
        if not counts[part] and giving:
            nearest = (max if part == TRAINING else min)(giving, key=places.__getitem__)
            parts[nearest] = chosen[nearest] = part
    return parts


def place_of(digest: str, seed: int) -> float:
    """Where an image lies between 0 and 1, whatever else there is."""
    value = hashlib.sha256(f"{seed} {digest}".encode()).digest()
    return int.from_bytes(value[:8], "big") / 2**64
