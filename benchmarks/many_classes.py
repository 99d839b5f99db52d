"""Memory and time of a prediction with heatmaps, by the number of classes.

    python -m benchmarks.many_classes [--backbone resnet50] [--image-size 224] [--every]
                                      [--classes 10 100 1000] [--batch 8] [--repeats 10]

The served ONNX file of each number of classes is run in a process of its own, as the page's
predictor runs it: batches of raw images in, probabilities and heatmaps out, and the pictures of the
heatmaps that the page sends. Memory is what the process grew by at the most from before its first
prediction. With ``--every`` files that explain every class are run beside those of the most likely.
Weights are random: neither time nor memory depends on them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import machine


def export(backbone: str, size: int, classes: int, every: bool, path: Path) -> None:
    """The file of a version with so many classes."""
    from model_zoo.classifier import Head, build_classifier
    from model_zoo.data.dataset import Dataset
    from model_zoo.explanation.grad_cam import explained
    from model_zoo.plugin_registry import discover
    from model_zoo.settings import Augmentation, ModelSettings, Places

    discover(Places.load().plugins_dir)
    labels = tuple(f"class {number}" for number in range(classes))
    dataset = Dataset("random", labels, (size, size, 3), ())
    chosen = ModelSettings(backbone=backbone, image_size=size, weights="none")
    model = build_classifier(dataset, chosen, Augmentation(), Head(256, 128, 0.0, 1e-3), seed=20)
    with_heatmaps = explained(model, most=classes if every else None)
    with_heatmaps(np.zeros((1, size, size, 3), np.uint8), training=False)
    with_heatmaps.export(path, format="onnx", verbose=False)


def peak_mib() -> float:
    """The most memory that this program has had. `getrusage` would count what started it too."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 2**10


def predict(path: Path, batch: int, repeats: int) -> None:
    """Run the file in this process; prints memory in MiB and milliseconds as JSON."""
    from dash_app.page.pictures import glass
    from model_zoo.predictor.session import open_session

    session, _ = open_session(path)
    (given,) = session.get_inputs()
    images = np.random.default_rng(0).integers(0, 256, (batch, *given.shape[1:]), np.uint8)
    wanted = ["probabilities", "heatmap", "heatmaps", "explained"]
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading the file
    before = peak_mib()
    times = []
    for _ in range(repeats):
        started = time.process_time()
        heatmaps = session.run(wanted, {given.name: images})[2]
        times.append(1000 * (time.process_time() - started) / batch)
    # What the page sends for one of them.
    pictures = [glass(one, images.shape[1:]) for one in heatmaps[0]]
    grown = peak_mib() - before
    sent = sum(map(len, pictures)) / 2**10
    print(json.dumps({"maps": len(pictures), "grown": grown, "ms": min(times), "sent": sent}))


def measure(given: argparse.Namespace) -> None:
    print(
        f"{given.backbone} at {given.image_size} px, batches of {given.batch}\n"
        f"{'classes':>8}{'heatmaps':>10}{'file, MiB':>11}{'grown, MiB':>12}{'ms of CPU':>11}"
        f"{'page, kB':>10}"
    )
    ways = (False, True) if given.every else (False,)
    for classes, every in ((classes, every) for every in ways for classes in given.classes):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.onnx"
            export(given.backbone, given.image_size, classes, every, path)
            command = [sys.executable, "-m", "benchmarks.many_classes", "--child", str(path)]
            command += ["--batch", str(given.batch), "--repeats", str(given.repeats)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found, size = json.loads(said.splitlines()[-1]), path.stat().st_size / 2**20
        print(
            f"{classes:>8,}{found['maps']:>10,}{size:>11.1f}{found['grown']:>12.0f}"
            f"{found['ms']:>11.1f}{found['sent']:>10,.0f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--every", action="store_true", help="also with a heatmap of every class")
    parser.add_argument("--batch", type=int, default=8, help="images of a call (default: 8)")
    parser.add_argument("--repeats", type=int, default=10, help="calls (default: 10)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        predict(given.child, given.batch, given.repeats)
        return
    print(machine("keras", "tensorflow-cpu", "onnxruntime"), flush=True)
    measure(given)


if __name__ == "__main__":
    main()
