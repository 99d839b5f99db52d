"""Which images are taken for one: false groups on a folder, and twins that are found.

    python -m benchmarks.near_duplicates FOLDER [--side 128] [--show] [--no-twins]
    python -m benchmarks.near_duplicates --many 100000

Every picture of the folder is brought to a square as a project does; pairs that are taken for near
duplicates are counted, by each rule, and listed with --show for a person to look at. Where
the folder has a metadata.csv with classes and groups, as that of `examples/growing`, it is said
how many pairs are of one class and of one group, and how large the groups are that they make.
Then each picture gets five twins that people make without knowing: JPEG at quality 60, nine tenths
of its size, three per cent lighter, a pixel of border cut off, its mirror image (which is another
picture); and it is counted how many are found.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import machine
from model_zoo.data import near_duplicates
from model_zoo.data.near_duplicates import PRINT_BYTES, near_pairs, prints_of
from model_zoo.images import read_image

STEPS = ("upright", "flatten", "whole-on-white")


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file).convert("RGB")


TWINS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG at quality 60": jpeg,
    "nine tenths of the size": lambda one: one.resize(
        (max(1, one.width * 9 // 10), max(1, one.height * 9 // 10)), Image.Resampling.LANCZOS
    ),
    "3 % lighter": lambda one: one.point(lambda value: min(255, round(value * 1.03))),
    "a pixel cut off": lambda one: one.crop((1, 1, one.width - 1, one.height - 1)),
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def told_apart(folder: Path, paths: list[Path], pairs: list[tuple[int, int]]) -> str:
    """How many pairs are of one class and of one group, by the folder's table."""
    with (folder / "metadata.csv").open() as file:
        rows = {folder / one["file_name"]: one for one in csv.DictReader(file)}
    about = [rows[path] for path in paths]
    of_class, of_group = (
        sum(about[one][name] == about[other][name] for one, other in pairs)
        for name in ("label", "group")
    )
    above = list(range(len(paths)))

    def top(one: int) -> int:
        while above[one] != one:
            one = above[one]
        return one

    for one, other in pairs:
        above[top(one)] = top(other)
    sizes = [size for size in Counter(map(top, range(len(paths)))).values() if size > 1]
    return (
        f"{of_class} pairs are of one class, {of_group} of one group; they make {len(sizes)} "
        f"groups, the largest of {max(sizes, default=1)} pictures"
    )


def many(count: int) -> None:
    """Time to find the pairs among so many prints, all of them new, then a hundredth."""
    prints = np.random.default_rng(0).integers(0, 256, (count, PRINT_BYTES), np.uint8)
    for new in (count, count // 100):
        started = time.process_time()
        pairs = sum(1 for _ in near_pairs(prints, np.arange(count - new, count)))
        took = time.process_time() - started
        print(f"{new:,} new of {count:,} random prints: {pairs} pairs in {took:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--many", type=int, help="instead: time for so many random prints")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--no-twins", action="store_true")
    given = parser.parse_args()
    if given.many:
        print(machine("numpy"))
        many(given.many)
        return
    if given.folder is None:
        parser.error("give a folder of pictures, or --many")
    paths = sorted(given.folder.rglob("*.png")) + sorted(given.folder.rglob("*.jpg"))
    shape = (given.side, given.side, 3)
    flat, pixels = [], []
    for path in paths:
        pixels.append(read_image(path.read_bytes(), shape, STEPS, 10**8))
        whole = Image.open(path).convert("RGBA")
        white = Image.new("RGBA", whole.size, "white")
        flat.append(Image.alpha_composite(white, whole).convert("RGB"))
    started = time.process_time()
    prints = prints_of(np.stack(pixels))
    print(
        f"{len(paths):,} pictures, {1e3 * (time.process_time() - started) / len(paths):.2f} ms each"
    )
    every, colour = np.arange(len(paths)), near_duplicates.MOST_COLOUR
    for rule, most in (("signs alone", 255.0), ("signs and colours", colour)):
        near_duplicates.MOST_COLOUR = most
        pairs = list(near_pairs(prints, every))
        print(f"  {rule}: {len(pairs)} pairs")
    if (given.folder / "metadata.csv").exists():
        print(f"  {told_apart(given.folder, paths, pairs)}")
    if given.show:
        named = [str(path.relative_to(given.folder)) for path in paths]
        for one, other in pairs:
            print(f"    {named[one]} {named[other]}")
    for name, make in () if given.no_twins else TWINS.items():
        made = []
        for image in flat:
            file = io.BytesIO()
            make(image).save(file, "PNG")
            made.append(read_image(file.getvalue(), shape, STEPS, 10**8))
        both = np.concatenate([prints, prints_of(np.stack(made))])
        new = np.arange(len(paths), 2 * len(paths))
        found = {one for one, other in near_pairs(both, new) if other == one - len(paths)}
        print(f"  {name}: {len(found) / len(paths):.1%} are found")


if __name__ == "__main__":
    main()
