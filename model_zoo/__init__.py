"""The public face of the library: what a notebook or a plugin may import, and nothing else.

A plugin is a Python file in the plugins folder (or an entry point of an installed package) that
registers what it adds. A source of images says what it found, with a preparation of its own that
brings any picture to such an image:

>>> import numpy as np
>>> import model_zoo
>>> @model_zoo.register_step("example-invert", "Swap dark and light")
... def invert(picture):
...     picture.pixels = 255 - picture.pixels
...     return "dark and light swapped"
>>> @model_zoo.register_source("example-squares")
... def squares(data, places, say):
...     pixels = np.zeros((20, 40, 30, 3), np.uint8)
...     pixels[::2, 10:20, 10:20] = 255
...     images = model_zoo.Images(pixels, np.tile(np.array([1, 0], np.int32), 10))
...     dataset = model_zoo.Dataset(
...         name="squares",
...         labels=("nothing", "square"),
...         image_shape=(40, 30, 3),
...         preparation=("upright", "example-invert", "fit"),
...         generated=True,
...         origin="drawn for this example",
...     )
...     return model_zoo.Found(dataset, training=images, test=images)
>>> found = squares(None, None, print)
>>> found.dataset.array_shape, len(found.training)
((40, 30, 3), 20)

A backbone is a function that builds a Keras model without a head, its own normalisation inside:

>>> @model_zoo.register_backbone(native_size=32, smallest_size=8, blocks=("block1",))
... def example_pebble(input_shape, weights):
...     '''One convolution, for this example.'''
...     import keras
...     image = keras.Input(input_shape)
...     scaled = keras.layers.Rescaling(1 / 255)(image)
...     x = keras.layers.Conv2D(8, 3, strides=2, name="block1_conv")(scaled)
...     return keras.Model(image, x, name="example_pebble")

A judging rule looks at a candidate, production and the test images, and says what it found:

>>> @model_zoo.register_rule("example-sure")
... def sure(contest):
...     mean = float(contest.candidate.probabilities.max(axis=1).mean())
...     outcome = "passed" if mean > 0.5 else "failed"
...     return model_zoo.Finding(outcome, f"mean confidence {mean:.0%}", {"mean": mean})

A project is a file; any of its values may be another one for once:

>>> project = model_zoo.load_project("fashion-mnist", {"training.epochs": 3})
>>> project.registered_model, project.training.epochs
('fashion-mnist-classifier', 3)

Mistakes are one sentence:

>>> try:
...     model_zoo.load_project("fashion-mnits")
... except model_zoo.UserError as error:
...     print(error)
no project 'fashion-mnits' in ...: did you mean fashion-mnist?

For what is in production, see :func:`load_classifier`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from model_zoo.processor import tell_libraries

if TYPE_CHECKING:
    from model_zoo.backbones import Backbone, PackageFile, register_backbone
    from model_zoo.data.dataset import Dataset, Images
    from model_zoo.data.source import Found, ImageFiles, register_listing, register_source
    from model_zoo.errors import UserError
    from model_zoo.images import read_image, register_step
    from model_zoo.images.statistics import register_statistic
    from model_zoo.judging.rule import Finding, register_rule
    from model_zoo.predictor import ServedClassifier
    from model_zoo.settings import load_project

__all__ = [
    "Backbone",
    "Dataset",
    "Finding",
    "Found",
    "ImageFiles",
    "Images",
    "PackageFile",
    "UserError",
    "load_classifier",
    "load_project",
    "read_image",
    "register_backbone",
    "register_listing",
    "register_rule",
    "register_source",
    "register_statistic",
    "register_step",
]

#: Where each name comes from: imported when it is asked for, as a plugin needs two of them.
_HOMES = {
    "Backbone": "model_zoo.backbones",
    "Dataset": "model_zoo.data.dataset",
    "Finding": "model_zoo.judging.rule",
    "Found": "model_zoo.data.source",
    "ImageFiles": "model_zoo.data.source",
    "Images": "model_zoo.data.dataset",
    "PackageFile": "model_zoo.backbones",
    "UserError": "model_zoo.errors",
    "load_project": "model_zoo.settings",
    "read_image": "model_zoo.images",
    "register_backbone": "model_zoo.backbones",
    "register_listing": "model_zoo.data.source",
    "register_rule": "model_zoo.judging.rule",
    "register_source": "model_zoo.data.source",
    "register_statistic": "model_zoo.images.statistics",
    "register_step": "model_zoo.images",
}


# Here, as whatever computes imports this package, and it is read when TensorFlow is.
tell_libraries()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_classifier(reference: str = "production", project: str | None = None) -> ServedClassifier:
    """A registered version, ready to predict; needs ONNX Runtime, not TensorFlow.

    >>> import numpy as np
    >>> classifier = load_classifier()  # doctest: +SKIP
    >>> images = np.zeros((3, *classifier.array_shape), np.uint8)  # doctest: +SKIP
    >>> [one.label for one in classifier.predict(images)]  # doctest: +SKIP
    ['square', 'square', 'square']

    What cannot be loaded is one sentence:

    >>> from model_zoo import UserError
    >>> try:
    ...     load_classifier("export/model.int8.tflite")
    ... except UserError as error:
    ...     print(error)
    export/model.int8.tflite: expected an .onnx file, which is what the predictor runs

    Args:
        reference: an alias, a version number, or the path of an exported folder or ``.onnx`` file.
        project: name or file of the project; by default the one that ``CATWALK_PROJECT`` names.

    Raises:
        UserError: no such project or version, or its files are damaged or cannot be run.
    """
    from model_zoo import predictor
    from model_zoo.plugin_registry import discover
    from model_zoo.registry.store import store_of
    from model_zoo.settings import Places, Serving, load_project

    places = Places.load()
    discover(places.plugins_dir)  # a version names the preparation steps that it needs
    store = store_of(load_project(project, places=places), places)
    return predictor.load_classifier(store, Serving.load(), places.cache_dir, reference)
