"""The same test images as people send them: is a version as right on each kind as on the plain?

    python -m benchmarks.kinds_of_pictures [--version production] [--images 300]

Each test image becomes a file of every kind, at its own size and eight times as large: plain; a
cut-out on transparent ground, light (the image's values) and dark (its negative), with an outline
that is hard or that fades; a grey PNG whose background is a key colour; false colours, as
``matplotlib.pyplot.imsave`` writes them. Prints accuracy by kind and its distance from the plain
ones of that size; then how many of as many blank and nearly blank pictures are said to be blank.

Needs a version that was trained on the official images, as `catwalk run --profile quick` makes one
with CATWALK_DATA_DIR set.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import machine

LARGE = 8
MOST_LOST = 0.03  # of accuracy, on any kind
INK = 0  # what is brighter belongs to the garment
KEY = 1
Draw = Callable[[np.ndarray], bytes]


def png(pixels: np.ndarray, **options: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", **options)
    return target.getvalue()


def cut_out(negative: bool, fades: bool) -> Draw:
    """RGBA; where nothing is, the colour is what editors leave there: black."""

    def draw(image: np.ndarray) -> bytes:
        inside = image > INK
        opacity = np.minimum(image.astype(int) * 4, 255) if fades else 255 * inside
        grey = np.where(inside, 255 - image if negative else image, 0)
        return png(np.dstack([grey, grey, grey, opacity]).astype(np.uint8))

    return draw


def key_colour(negative: bool) -> Draw:
    """Grey of 8 bits; one value of grey is transparent."""

    def draw(image: np.ndarray) -> bytes:
        tones = np.maximum(255 - image if negative else image, KEY + 1)
        return png(np.where(image > INK, tones, KEY).astype(np.uint8), transparency=KEY)

    return draw


def false_colours(colours: str) -> Draw:
    def draw(image: np.ndarray) -> bytes:
        from matplotlib import pyplot

        target = io.BytesIO()
        pyplot.imsave(target, image, cmap=colours, format="png")
        return target.getvalue()

    return draw


KINDS: dict[str, Draw] = {
    "plain": png,
    "negative": lambda image: png(255 - image),
    "cut-out, light": cut_out(negative=False, fades=False),
    "cut-out, dark": cut_out(negative=True, fades=False),
    "cut-out that fades, light": cut_out(negative=False, fades=True),
    "cut-out that fades, dark": cut_out(negative=True, fades=True),
    "key colour, light": key_colour(negative=False),
    "key colour, dark": key_colour(negative=True),
    "false colours, viridis": false_colours("viridis"),
    "false colours, magma": false_colours("magma"),
}


def blank_pictures(count: int) -> Iterator[bytes]:
    """Of any grey, half of them with noise that nobody sees, small and large, some all clear."""
    rng = np.random.default_rng(0)
    for i in range(count):
        side = (28, 200)[i // 2 % 2]
        grey = rng.integers(0, 256) + (rng.normal(0, 2, (side, side)) if i % 2 else 0)
        pixels = np.broadcast_to(grey, (side, side)).clip(0, 255).astype(np.uint8)
        clear = np.zeros((side, side), np.uint8)
        yield png(np.dstack([pixels, clear]) if i % 8 == 0 else pixels)


def large(image: np.ndarray) -> np.ndarray:
    size = (image.shape[1] * LARGE, image.shape[0] * LARGE)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def main() -> int:
    from model_zoo.data.fashion_mnist.official_files import find_files, read_files
    from model_zoo.images import decode_for, prepare
    from model_zoo.plugin_registry import discover
    from model_zoo.predictor import load_classifier
    from model_zoo.registry.store import store_of
    from model_zoo.settings import Places, Serving, load_project

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--version", default="production", help="default: production")
    parser.add_argument("--images", type=int, default=300, help="of each kind (default: 300)")
    given = parser.parse_args()
    places, serving = Places.load(), Serving.load()
    discover(places.plugins_dir)
    store = store_of(load_project(places=places), places)
    classifier = load_classifier(store, serving, places.cache_dir, given.version)
    folder: Path = find_files(places.data_dir, places.datasets_dir / "fashion-mnist", print)[0]
    test = read_files(folder)[1]
    images, labels = test.images[: given.images], test.labels[: given.images]
    print(machine("pillow"))
    print(f"version {classifier.version}, the first {len(images)} test images")

    def prepared(content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
        shape, steps = classifier.image_shape, classifier.preparation
        decoded = decode_for(content, shape, steps, serving.max_pixels)
        found = prepare(decoded, shape, steps, pictures=False)
        return found.image, found.doubts

    plain: list[float] = []
    worst = 0.0
    for name, draw in KINDS.items():
        right = []
        for enlarge in (lambda image: image, large):
            seen = np.stack([prepared(draw(enlarge(image)))[0] for image in images])
            right.append(float((classifier.probabilities(seen).argmax(axis=1) == labels).mean()))
        plain = plain or right
        gained = [one - other for one, other in zip(right, plain, strict=True)]
        worst = max(worst, -min(gained))
        print(
            f"{name:26} {right[0]:6.1%} ({gained[0]:+.1%})   "
            f"{LARGE} times as large {right[1]:6.1%} ({gained[1]:+.1%})",
            flush=True,
        )
    said = [any("blank" in one for one in prepared(c)[1]) for c in blank_pictures(given.images)]
    false = [any("blank" in one for one in prepared(png(image))[1]) for image in images]
    print(f"blank: said of {np.mean(said):.1%} of the blank, {np.mean(false):.1%} of the plain")
    print(f"at most {worst:.1%} lost; {MOST_LOST:.0%} are allowed")
    return 0 if worst <= MOST_LOST and all(said) else 1


if __name__ == "__main__":
    raise SystemExit(main())
