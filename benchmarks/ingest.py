"""From files to arrays: images a second beside a loop over Pillow and beside Keras' own loader.

    python -m benchmarks.ingest [--files 4000] [--width 1024] [--height 768] [--side 128]
                               [--rounds 3]

JPEG photographs (smooth noise, quality 85) are drawn in two class folders and brought to squares of
`--side` pixels: by the source `image-folder` into the pixel store, by a plain loop over Pillow
(upright, RGB, scale, crop; nothing kept), and by `tf.keras.utils.image_dataset_from_directory` with
its aspect ratio kept. One after the other they go over all files, several rounds, as what a machine
gives changes from minute to minute; printed are the median of the rounds, and of their ratios with
the least and the greatest. Images a second of processor time, the processes of a pool included, are
what one core does, however many there are and whatever else the machine has to do; both figures are
printed. Then the same folder once more, unchanged, and what each part of the source's work takes,
measured by itself on some of the files.

Not alike: Keras' loader samples a decoded picture by bilinear interpolation without a filter; ours
decodes a JPEG to a fraction and filters. It has no limits, turns nothing upright, knows no digests
and no near duplicates, and keeps nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.timing import in_turn, machine

# What is imported here the processes of the pool import too: the rest is where it is needed.

SEEDS = 24  # pictures that are drawn; the others are these, shifted
MOST = 1.0  # part of the files that may be broken
PARTS_OF = 100  # files on which parts of the work are measured
ROUNDS = 5


def draw(folder: Path, files: int, width: int, height: int) -> int:
    """Write the photographs; returns their bytes in all."""
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(SEEDS):
        coarse = random.integers(0, 256, (height // 32 + 1, width // 32 + 1, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        noise = random.normal(0, 6, (height, width, 3))
        drawn.append(np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8))
    total = 0
    for number in range(files):
        path = folder / f"class-{number % 2}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.roll(drawn[number % SEEDS], number // SEEDS, axis=1)
        Image.fromarray(pixels).save(path, quality=85)
        total += path.stat().st_size
    return total


def into_the_store(folder: Path, side: int, home: Path) -> int:
    """The source, with all that it keeps."""
    from model_zoo.data.image_folder.source import find
    from model_zoo.settings import DataSettings, Places

    data = DataSettings(
        source="image-folder",
        images=str(folder),
        image_size=side,
        broken_share=MOST,
        near_duplicates=False,  # as Keras has none; their prints are made all the same
    )
    found = find(data, Places.load(home=home), lambda words: None)
    return sum(map(len, found.parts.values()))


def with_pillow(folder: Path, side: int) -> int:
    """As most scripts do it."""
    count = 0
    for path in sorted(folder.glob("*/*.jpg")):
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS))
        count += 1
    return count


def with_keras(folder: Path, side: int) -> int:
    """As Keras' tutorials do it."""
    import keras

    loaded = keras.utils.image_dataset_from_directory(
        str(folder),
        image_size=(side, side),
        crop_to_aspect_ratio=True,
        shuffle=False,
        verbose=False,
    )
    return sum(len(labels) for _, labels in loaded)


def parts_of(folder: Path, side: int, each: float) -> dict[str, float]:
    """Milliseconds of processor time an image, by what they are spent on.

    Args:
        each: what all of it takes.
    """
    from model_zoo.data.image_folder.source import CROPPED
    from model_zoo.data.near_duplicates import prints_of
    from model_zoo.data.pixel_store import look_of
    from model_zoo.images import decode_for, image_of
    from model_zoo.images.jpeg import ended, frame_of
    from model_zoo.images.side_data import without_side_data

    paths = sorted(folder.glob("*/*.jpg"))[:PARTS_OF]
    shape, most = (side, side, 3), 10**8
    contents = [path.read_bytes() for path in paths]
    decoded = [decode_for(one, shape, CROPPED, most) for one in contents]
    images = np.stack([image_of(one, shape, CROPPED) for one in decoded])

    def limits() -> None:
        for content in contents:
            found = without_side_data(content).content
            frame = frame_of(found)
            assert frame is not None
            ended(found, frame)

    ways: dict[str, Callable[[], object]] = {
        "reading the file": lambda: [path.read_bytes() for path in paths],
        "digest of the file": lambda: [hashlib.sha256(one).digest() for one in contents],
        "EXIF and limits": limits,
        "decoding": lambda: [decode_for(one, shape, CROPPED, most) for one in contents],
        "preparation": lambda: [image_of(one, shape, CROPPED) for one in decoded],
        "digest of the pixels": lambda: [look_of(one) for one in images],
        "near-duplicate print": lambda: prints_of(images),
    }
    found = {
        what: took / len(paths) for what, took in in_turn(ways, ROUNDS, time.process_time).items()
    }
    found["decoding"] -= found["EXIF and limits"]
    return found | {"processes, store, index": each - sum(found.values())}


def timed(way: Callable[[], int]) -> tuple[float, float]:
    """Images a second, and images a second of processor time."""
    before, started = _processor_seconds(), time.perf_counter()
    count = way()
    return count / (time.perf_counter() - started), count / (_processor_seconds() - before)


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(files: int, width: int, height: int, side: int, rounds: int) -> None:
    import tensorflow  # noqa: F401  # its import is nobody's work here, nor is that of ours

    import model_zoo.data.image_folder.source  # noqa: F401

    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "photos", Path(name) / "home"
        size = draw(folder, files, width, height)
        print(
            f"{files:,} JPEG files of {width} x {height}, {size / files / 1000:.0f} kB each, "
            f"to {side} x {side}",
            flush=True,
        )
        homes = (home / str(number) for number in range(rounds))
        ways: dict[str, Callable[[], int]] = {
            "catwalk": lambda: into_the_store(folder, side, next(homes)),
            "pillow": lambda: with_pillow(folder, side),
            "keras": lambda: with_keras(folder, side),
        }
        found = np.array([[timed(run) for run in ways.values()] for _ in range(rounds)])
        for way, (a_second, a_core) in zip(ways, np.median(found, axis=0), strict=True):
            print(f"  {way:<10}{a_second:8,.0f} images/s {a_core:8,.0f} a core")
        ratios = found[:, :1, 1] / found[:, 1:, 1]
        pillow, keras = (
            f"{np.median(one):.2f} times ({one.min():.2f} to {one.max():.2f})" for one in ratios.T
        )
        print(f"a core of ours is {pillow} as fast as a loop over Pillow, {keras} as Keras' loader")
        ours, home = float(np.median(found[:, 0, 1])), home / "0"
        started = time.perf_counter()
        into_the_store(folder, side, home)
        print(f"the same folder, unchanged: {time.perf_counter() - started:.2f} s")
        print(f"of {1000 / ours:.2f} ms an image of ours")
        for what, took in parts_of(folder, side, 1000 / ours).items():
            print(f"  {what:<26}{took:6.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=4000, help="default: 4000")
    parser.add_argument("--width", type=int, default=1024, help="default: 1024")
    parser.add_argument("--height", type=int, default=768, help="default: 768")
    parser.add_argument("--side", type=int, default=128, help="default: 128")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    given = parser.parse_args()
    print(machine("pillow", "keras", "tensorflow-cpu"), flush=True)
    measure(given.files, given.width, given.height, given.side, given.rounds)


if __name__ == "__main__":
    main()
