"""A run after a few images arrived: what it costs to find them, and to compute their features.

    python -m benchmarks.arriving [--files 100000] [--new 1000] [--images 2000] [--backbone NAME]

First a folder of small PNG files (noise of 8 x 8 pixels, all different, in four classes) is read
into snapshots: all of it, unchanged, and with `--new` more; and listed, as `<project>_watch` does.
Then features of a frozen trunk are computed for `--images` images and again for five per cent more.
Seconds are of processor time, with all processes that were started; load and machine are printed.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import machine
from model_zoo.data import snapshots
from model_zoo.data.dataset import Images
from model_zoo.data.image_folder import source
from model_zoo.settings import Augmentation, DataSettings, Places

CLASSES, SIDE = 4, 32
SHARE = 0.05


def processor() -> float:
    """Seconds of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(what: str, act: Callable[[], object]) -> None:
    started, clock = processor(), time.monotonic()
    found = act()
    print(
        f"  {what:34} {processor() - started:7.1f} s of processor time, "
        f"{time.monotonic() - clock:7.1f} s by the clock: {found}",
        flush=True,
    )


def draw(folder: Path, numbers: range) -> None:
    for number in numbers:
        path = folder / f"class-{number % CLASSES}" / f"{number:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(path)


def arrivals(files: int, new: int) -> None:
    """The way from a folder to a snapshot."""
    with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
        folder, places = Path(name, "photos"), Places.load(home=Path(name, "home")).of("noise")
        data = DataSettings(source="image-folder", images=str(folder), image_size=SIDE)

        def ingest() -> str:
            found = source.find(data, places, lambda words: None)
            return snapshots.keep(found, data, places, lambda words: None).snapshot

        draw(folder, range(files))
        print(f"{files:,} files of {CLASSES} classes")
        timed("all of them are new", ingest)
        timed("unchanged", ingest)
        timed("only looked at", lambda: f"{len(source.listing(data)):,} files")
        draw(folder, range(files, files + new))
        timed(f"{new:,} more", ingest)


def features(images: int, backbone: str, size: int) -> None:
    """Features of a frozen trunk, of all and of a few more."""
    from model_zoo.backbones import build_trunk, discover, get_backbone
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.frozen_views import Views

    discover(Places.load().plugins_dir)
    trunk = build_trunk(get_backbone(backbone), size, "none")
    more = round(images * SHARE)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images + more, size, size, 3), np.uint8)
    every = Images(pixels, np.zeros(len(pixels), np.int32))
    with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
        cache = FeatureCache(Path(name, "features"), 30.0)
        views = Views(Augmentation(), 1, 1)
        trunk.predict_on_batch(np.zeros((1, size, size, 3), np.float32))
        counts: list[int] = []
        compute = trunk.predict_on_batch

        def counted(batch: np.ndarray) -> np.ndarray:
            counts.append(len(batch))
            return np.asarray(compute(batch))

        trunk.predict_on_batch = counted
        print(f"features of {backbone} at {size} px")
        for count in (images, images + more):

            def run(count: int = count) -> str:
                counts.clear()
                cache.features(
                    trunk, every.take(np.arange(count)), {"size": size}, views, lambda words: None
                )
                return f"{sum(counts):,} of {count:,} computed"

            timed(f"{count:,} images", run)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=1_000)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    print(machine("keras", "numpy", "pillow", "pyarrow"))
    arrivals(given.files, given.new)
    features(given.images, given.backbone, given.size)


if __name__ == "__main__":
    main()
