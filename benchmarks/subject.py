"""What the benchmarks measure: networks of random weights on random images.

Time depends on neither. Images are as large, and classes as many, as those of Fashion-MNIST.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_zoo.data.dataset import Dataset, Images

if TYPE_CHECKING:
    from model_zoo.settings import Project
    from model_zoo.training.setup import Design

DATASET = Dataset(
    name="random",
    labels=tuple(f"class {number}" for number in range(10)),
    image_shape=(28, 28, 1),
    preparation=("upright", "flatten", "fit"),
    generated=True,
)


def random_images(count: int) -> Images:
    """Noise, the same at every call."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, *DATASET.array_shape), np.uint8)
    return Images(pixels, (np.arange(count) % len(DATASET.labels)).astype(np.int32))


def design(backbone: str, image_size: int, **values: object) -> Design:
    """A network and how it learns, by the profile `scratch` but for ``values``.

    Args:
        values: names of settings with two underscores for the point, as in the environment.
    """
    from model_zoo.plugin_registry import discover
    from model_zoo.settings import Places, load_project

    places = Places.load()
    discover(places.plugins_dir)
    chosen: dict[str, object] = {
        "profile": "scratch",
        "model.backbone": backbone,
        "model.image_size": image_size,
        "model.weights": "none",
    }
    chosen |= {name.replace("__", "."): value for name, value in values.items()}
    return design_of(load_project(None, chosen, places))


def design_of(project: Project) -> Design:
    """The network that a project trains without a search."""
    from model_zoo.classifier import head_from
    from model_zoo.training.setup import Design

    head = head_from(project.model, project.training)
    return Design(DATASET, project.model, project.training, head)
