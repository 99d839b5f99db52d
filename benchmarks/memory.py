"""Resident memory of a run by the number of its images: the same for few and for many.

    python -m benchmarks.memory [--images 20000 200000] [--side 128] [--backbone tiny] [--plain]

So many images of noise in colour are written into a pixel store and kept as a dataset; a process
of its own then checks them, trains one epoch on a frozen trunk and measures the result on the test
part, as the steps of a run do, and says its highest resident memory after each. The trunk has
random weights, which change neither time nor memory. `tiny` (two convolutions) is the one of the
tests. `--plain` leaves the augmentation out, which takes most of the time and no memory that grows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.pixel_store import DIGEST, PixelStore
from model_zoo.data.source import Found
from model_zoo.data.store import keep, load

PLUGINS = Path(__file__).parent.parent / "tests" / "plugins"
CLASSES = 10
AT_ONCE = 1000  # images of a shard


def write(folder: Path, count: int, side: int) -> str:
    """Make the dataset; returns its snapshot."""
    store, random = PixelStore(folder / "pixels"), np.random.default_rng(0)
    for start in range(0, count, AT_ONCE):
        rows = range(start, min(start + AT_ONCE, count))
        pixels = random.integers(0, 256, (len(rows), side, side, 3), np.uint8)
        store.add([f"{row:064d}" for row in rows], list(pixels))
    names = np.array([f"{row:064d}" for row in range(count)], DIGEST)
    images = Images(
        store.pixels(store.rows_of(names)), (np.arange(count) % CLASSES).astype(np.int32)
    )
    dataset = Dataset(
        "noise", tuple(f"class {n}" for n in range(CLASSES)), (side, side, 3), (),
        ("brightness", "contrast", "roughness"), generated=True,
    )  # fmt: skip
    cut = [int(0.7 * count), int(0.8 * count)]
    training, validation, test = (
        images.take(rows) for rows in np.split(np.arange(count), cut)
    )  # fmt: skip
    return keep(Found(dataset, training, test, validation), folder / "datasets").snapshot


def run(folder: Path, snapshot: str, backbone: str, plain: bool) -> None:
    """Check, train an epoch and measure, in this process."""
    from model_zoo.backbones import build_trunk, get_backbone
    from model_zoo.classifier import head_from
    from model_zoo.data.checks import validate
    from model_zoo.data.store import describe
    from model_zoo.evaluation.measure import measure
    from model_zoo.plugin_registry import discover
    from model_zoo.settings import Places, load_project
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import train_classifier

    for plugins in (PLUGINS, Places.load().plugins_dir):
        discover(plugins)
    dataset = describe(folder / "datasets", snapshot)
    training, validation, test = (
        load(folder / "datasets", snapshot, part) for part in ("training", "validation", "test")
    )
    side = dataset.image_shape[0]
    build_trunk(get_backbone(backbone), side, "none").save_weights(folder / "w.weights.h5")
    given = {
        "recipe": "photographs",
        "model.backbone": backbone,
        "model.image_size": side,
        "model.weights": str(folder / "w.weights.h5"),
        "model.unfrozen_blocks": 0,
        "training.epochs": 1,
        "training.feature_views": 1,
        "training.precision": "float32",
    }
    if plain:
        given["recipe"] = "head"  # images as they are
    project = load_project(None, given)
    started = time.monotonic()

    def told(step: str) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"  {step:<12}{peak:6.2f} GiB {time.monotonic() - started:8.0f} s by the clock, "
            f"{time.process_time():6.0f} s of processor time",
            flush=True,
        )

    told("begin")
    validate(dataset, training, test)
    told("checks")
    model, _ = train_classifier(
        dataset, project.model, project.training, head_from(project.model, project.training),
        training, validation, folder / "training", FeatureCache(folder / "features", 30.0),
        lambda epoch, metrics: None, lambda sentence: None,
    )  # fmt: skip
    model.save(folder / "model.keras")
    told("training")
    measure(folder / "model.keras", dataset, training, validation, test)
    told("evaluation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--side", type=int, default=128, help="default: 128")
    parser.add_argument("--backbone", default="tiny", help="default: tiny")
    parser.add_argument("--plain", action="store_true", help="no augmentation")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        run(Path(given.child[0]), given.child[1], given.backbone, given.plain)
        return
    print(machine("keras", "tensorflow-cpu"), flush=True)
    for count in given.images:
        with tempfile.TemporaryDirectory() as name:
            size = count * given.side**2 * 3 / 1e9
            print(f"{count:,} images of {given.side} px in colour, {size:.1f} GB", flush=True)
            snapshot = write(Path(name), count, given.side)
            command = [sys.executable, "-m", "benchmarks.memory", "--child", name, snapshot]
            subprocess.run(
                [*command, "--backbone", given.backbone, *["--plain"] * given.plain], check=True
            )


if __name__ == "__main__":
    main()
