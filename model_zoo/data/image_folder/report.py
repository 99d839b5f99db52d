"""What is in the data, in numbers and sentences that people read before they train on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from model_zoo.data.image_folder.decoding import Wanted, decode_files
from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.layouts import arrange
from model_zoo.data.image_folder.source import Looked
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings

SAMPLED = 128  # files that are opened before the settings are chosen
SAMPLE_SIDE = 64


@dataclass(frozen=True)
class Sample:
    """What some files of a source show.

    Attributes:
        files: images of the source in all.
        sides: shorter sides in pixels of those that were opened.
        grey, transparent: shares of them.
    """

    files: int
    classes: int
    sides: tuple[int, ...]
    grey: float
    transparent: float


def sample(data: DataSettings) -> Sample:
    """Open some files, evenly chosen.

    Raises:
        UserError: no images or one class, or none of the files that were opened is an image.
    """
    arranged = arrange(data)
    files = [item.file for item in arranged.items]
    step = max(1, len(files) // SAMPLED)
    wanted = Wanted(
        arranged.root, (SAMPLE_SIDE, SAMPLE_SIDE, 3), ("upright", "flatten"), data.max_pixels
    )
    opened = [one.known for one in decode_files(files[::step][:SAMPLED], wanted)]
    good = [known for known in opened if not known.problem]
    if not good:
        raise UserError(
            f"{arranged.root}: none of {len(opened)} files that were opened is an image. "
            f"{opened[0].path}: {opened[0].problem}"
        )
    return Sample(
        len(files),
        len({item.label for item in arranged.items}),
        tuple(sorted(min(one.width, one.height) for one in good)),
        sum(one.grey for one in good) / len(good),
        sum(one.transparent for one in good) / len(good),
    )


def counts_by_class(looked: Looked) -> dict[str, Counter[str]]:
    """Images of each class by part, the largest class first."""
    counts = looked.divided.counts()
    return dict(sorted(counts.items(), key=lambda one: -sum(one[1].values())))


def sentences(looked: Looked) -> list[str]:
    """How many, how large, of which formats, what is broken or left out, and every note."""
    used = [known for known in looked.known.values() if not known.problem]
    images = looked.divided.images
    found = [
        f"{len(images):,} images of {len(looked.divided.labels):,} classes, by "
        f"{looked.arranged.kind}",
        f"sizes: {_sizes(used)}",
        f"formats: {_listed(Counter(known.format for known in used))}",
    ]
    grey = sum(known.grey for known in used)
    clear = sum(known.transparent for known in used)
    if grey or clear:
        found.append(f"{grey:,} without colour, {clear:,} with transparent parts")
    ruled = len(looked.left_out) - len(looked.broken)
    found.append(
        f"{len(looked.broken):,} broken, {looked.divided.copies:,} copies of another file, "
        f"{ruled:,} left out by a rule"
    )
    return found + list(looked.notes)


def _sizes(known: Iterable[Known]) -> str:
    by_area = sorted(known, key=lambda one: one.width * one.height)
    if not by_area:
        return "none"
    small, middle, large = by_area[0], by_area[len(by_area) // 2], by_area[-1]
    return (
        f"{small.width} x {small.height} to {large.width} x {large.height}, the one in the middle "
        f"{middle.width} x {middle.height}"
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
