"""Which image is in which part, and which is left out by which rule.

Where the source has no parts, `groups.py` says which images stay together and in which part.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from model_zoo.data.forgotten import REASON as FORGOTTEN
from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.groups import groups_of, parts_of
from model_zoo.data.image_folder.layouts import TEST, TRAINING, VALIDATION, Arranged, Item
from model_zoo.data.seen import Seen
from model_zoo.data.source import LeftOut
from model_zoo.settings import DataSettings

#: An image that lies in two official parts stays in the first of these.
STRONGEST = (TEST, VALIDATION, TRAINING)


@dataclass
class Divided:
    """The images that are used.

    Attributes:
        images: by digest: class and part.
        groups: by digest: the name of what the image belongs to.
        copies: files that are equal, byte for byte, to another one of their class.
    """

    images: dict[str, tuple[str, str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
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


#: Which of these images, by digest, are near duplicates: pairs, those that are new first.
Near = Callable[[Sequence[str]], Iterable[tuple[str, str]]]


def divide(
    arranged: Arranged,
    known: Mapping[str, Known],
    data: DataSettings,
    seen: Mapping[str, Seen],
    near: Near | None = None,
    gone: Collection[str] = (),
) -> Divided:
    """Apply the rules, each with a sentence for what it leaves out.

    Args:
        known: what is in each file, by path.
        seen: images that were in a run of this project, by digest.
        near: finds near duplicates; None: every image is a group of its own.
        gone: digests of images that are to be forgotten.
    """
    found = Divided()
    files: dict[str, list[Item]] = defaultdict(list)
    for item in arranged.items:
        about = known[item.file.path]
        if about.problem:
            found.left_out.append(LeftOut(item.file.path, about.problem, broken=True))
        elif about.digest in gone:
            found.left_out.append(LeftOut(item.file.path, FORGOTTEN))
        else:
            files[about.digest].append(item)
    official = {item.part for item in arranged.items} - {None}
    usable: dict[str, tuple[str, str | None]] = {}
    declared: dict[str, str] = {}
    paths: dict[str, str] = {}
    for digest, items in files.items():
        one = _of_one_content(found, items)
        if one is not None:
            usable[digest] = (one.label, one.part or (TRAINING if official else None))
            declared[digest], paths[digest] = one.group, one.file.path
    _leave_out_rare(found, usable, data.least_images)
    by_hash = _shares(official, data)
    if VALIDATION in official and TEST not in official:
        found.notes.append(
            f"there is no test folder: {data.test_share:.0%} of the training images are for testing"
        )
    _tell_of_moved(found, usable, seen)
    labels = {digest: label for digest, (label, part) in usable.items() if part in (None, TRAINING)}
    grouped = groups_of(labels, {d: declared[d] for d in labels if declared[d]}, seen, near)
    for digest, reason in grouped.left_out.items():
        found.left_out.append(LeftOut(paths[digest], reason))
        del usable[digest], labels[digest]
    found.notes += grouped.notes
    parts = parts_of(labels, grouped.groups, seen, by_hash, data.seed)
    for digest, label in labels.items():
        usable[digest] = (label, parts[grouped.groups[digest]])
    found.groups = {digest: grouped.groups.get(digest, digest) for digest in usable}
    found.images = {digest: (label, str(part)) for digest, (label, part) in usable.items()}
    _leave_out_unjudged(found)
    return found


def _tell_of_moved(
    found: Divided, usable: Mapping[str, tuple[str, str | None]], seen: Mapping[str, Seen]
) -> None:
    """Where the source has parts of its own it may move an image: that is its owner's word."""
    moved = sum(
        part == TEST and digest in seen and seen[digest].part != TEST
        for digest, (_, part) in usable.items()
    )
    if moved:
        found.notes.append(
            f"{moved:,} test images were trained on by earlier versions: somebody has moved them, "
            "and those versions look better on them than they are"
        )


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
            lacks, why = " and no ".join(missing), _all_alike(found, label)
            found.notes.append(f"class {label!r} has no {lacks} image{why}: it is left out")
            for digest, (other, _) in list(found.images.items()):
                if other == label:
                    del found.images[digest]


def _all_alike(found: Divided, label: str) -> str:
    """Why a class of enough images cannot be divided, in words; empty: for another reason."""
    mine = [digest for digest, (other, _) in found.images.items() if other == label]
    groups = {found.groups.get(digest, digest) for digest in mine}
    if len(groups) == len(mine):
        return ""
    return (
        f" (its {len(mine):,} images are {len(groups):,} groups that look all but the same, or are "
        "named so, and stay together; see data.near_duplicates)"
    )


def _shares(official: set[str | None], data: DataSettings) -> dict[str, float]:
    """Parts that hashes have to make, and their shares of the images in no part or training."""
    shares = {TEST: data.test_share, VALIDATION: data.validation_share}
    return {part: share for part, share in shares.items() if part not in official}
