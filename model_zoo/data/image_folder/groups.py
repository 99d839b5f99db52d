"""Which images stay together, and in which part: near duplicates, or what the source says is one.

An image's part is a hash of its group's name, so it never moves as images arrive; one that was in a
run keeps its part for good. A group is named after its first image. New near duplicates join the
group of what they are like: where they are like several, the oldest; and where those lie in
different parts, whatever is like the younger part's is left out, so that nothing that is tested has
a twin that is learned.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from model_zoo.data.image_folder.layouts import TRAINING
from model_zoo.data.seen import Seen

#: Images of one group, as a part of all, from which on people should look at it.
LARGE_SHARE, LARGE = 0.05, 20
BETWEEN = (
    "it looks like images of two parts that were apart before: with it in one of them the other "
    "would hold its twin"
)
APART = "its group {group!r} is in the {part} part, and this image was in the {own} part before"


@dataclass
class Grouped:
    """``groups``: the name by digest. ``left_out``: images that cannot be in any, and why."""

    groups: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def groups_of(
    images: Iterable[str],
    declared: Mapping[str, str],
    seen: Mapping[str, Seen],
    near: Callable[[Sequence[str]], Iterable[tuple[str, str]]] | None,
) -> Grouped:
    """The group of each image.

    Args:
        images: digests.
        declared: groups that the source names; they count before what looks alike.
        seen: images that were in a run before.
        near: which of some images are near duplicates: pairs, the new one first.
    """
    found = Grouped()
    members: dict[str, list[str]] = defaultdict(list)
    for digest, group in declared.items():
        members[group].append(digest)
    for group, digests in members.items():
        _declared(found, group, digests, seen)
    alike = sorted(set(images) - declared.keys())
    for digest in alike:
        if digest in seen:
            found.groups[digest] = seen[digest].group
    links = _Links()
    everything = sorted({*alike, *seen})  # what is away today was learned, or tested, all the same
    for one, other in near(everything) if near else ():
        links.join(one, other, seen)
    for fresh in links.components(digest for digest in alike if digest not in seen):
        _near_duplicates(found, fresh, links, seen)
    sizes = Counter(found.groups.values())
    for group, count in sizes.most_common(1):
        if group not in members and count >= max(LARGE, LARGE_SHARE * len(found.groups)):
            found.notes.append(
                f"{count:,} images look all but the same and lie in one part; if they differ in "
                "what matters, set data.near_duplicates = false"
            )
    return found


def _declared(found: Grouped, group: str, digests: list[str], seen: Mapping[str, Seen]) -> None:
    """One group that the source names; the part of its oldest image is that of all."""
    old = [digest for digest in digests if digest in seen]
    part = seen[min(old, key=lambda one: (seen[one].first, one))].part if old else ""
    for digest in digests:
        if digest in seen and seen[digest].part != part:
            own = seen[digest].part
            found.left_out[digest] = APART.format(group=group, part=part, own=own)
        else:
            found.groups[digest] = group


def _near_duplicates(
    found: Grouped, fresh: list[str], links: _Links, seen: Mapping[str, Seen]
) -> None:
    """New images that are alike, among themselves and perhaps like some that are known."""
    known = {one for digest in fresh for one in links.known[digest]}
    if not known:
        name = min(fresh)
        found.groups |= dict.fromkeys(fresh, name)
        return
    oldest = seen[min(known, key=lambda one: (seen[one].first, one))]
    for digest in fresh:
        if any(seen[one].part != oldest.part for one in links.known[digest]):
            found.left_out[digest] = BETWEEN
        else:
            found.groups[digest] = oldest.group


class _Links:
    """Near duplicates: new ones with each other, and each with those that are known."""

    def __init__(self) -> None:
        self.known: dict[str, set[str]] = defaultdict(set)
        self._above: dict[str, str] = {}

    def join(self, one: str, other: str, seen: Mapping[str, Seen]) -> None:
        """``one`` is new; the other may be."""
        if other in seen:
            self.known[one].add(other)
        else:
            self._above[self._top(one)] = self._top(other)

    def components(self, fresh: Iterable[str]) -> list[list[str]]:
        """New images that hang together."""
        found: dict[str, list[str]] = defaultdict(list)
        for digest in fresh:
            found[self._top(digest)].append(digest)
        return list(found.values())

    def _top(self, digest: str) -> str:
        while (above := self._above.get(digest, digest)) != digest:
            self._above[digest] = digest = self._above.get(above, above)
        return digest


def parts_of(
    labels: Mapping[str, str],
    groups: Mapping[str, str],
    seen: Mapping[str, Seen],
    shares: Mapping[str, float],
    seed: int,
) -> dict[str, str]:
    """The part of each group.

    A class whose groups leave a part empty gives it the new group whose hash is nearest.

    Args:
        labels: classes of the images by digest; ``groups`` their groups.
        shares: parts that hashes make beside the training part, and their shares.
    """
    allowed = (TRAINING, *shares)
    named = set(groups.values())
    # Members that are away today decide too; those that are here do where a group was renamed.
    parts = {one.group: one.part for one in seen.values() if one.group in named}
    parts |= {group: seen[digest].part for digest, group in groups.items() if digest in seen}
    parts = {group: part for group, part in parts.items() if part in allowed}
    fresh = named - parts.keys()
    for group in fresh:
        parts[group] = _by_hash(group, shares, seed)
    classes: dict[str, set[str]] = defaultdict(set)
    for digest, label in labels.items():
        classes[label].add(groups[digest])
    for label in sorted(classes):
        mine = sorted(classes[label])
        for part in (TRAINING, *shares):  # an empty part takes from one that can give
            counts = Counter(parts[group] for group in mine)
            giving = [group for group in mine if group in fresh and counts[parts[group]] > 1]
            if not counts[part] and giving:
                nearest = max if part == TRAINING else min
                parts[nearest(giving, key=lambda group: place_of(group, seed))] = part
    return parts


def _by_hash(group: str, shares: Mapping[str, float], seed: int) -> str:
    place, below = place_of(group, seed), 0.0
    for part, share in shares.items():
        below += share
        if place < below:
            return part
    return TRAINING


def place_of(group: str, seed: int) -> float:
    """Where a group lies between 0 and 1, whatever else there is."""
    value = hashlib.sha256(f"{seed} {group}".encode()).digest()
    return int.from_bytes(value[:8], "big") / 2**64
