"""What a classifier is trained on: the images, or what its frozen layers make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.classifier import Head, build_classifier
from model_zoo.data.dataset import Dataset, Images
from model_zoo.settings import ModelSettings, TrainingSettings
from model_zoo.training.class_weights import weights_of_classes
from model_zoo.training.faster_network import faster_in_training
from model_zoo.training.feature_cache import FeatureCache
from model_zoo.training.features import Features
from model_zoo.training.frozen_part import SplitClassifier, split_where_training_begins
from model_zoo.training.frozen_views import Views
from model_zoo.training.optimizer import compile_classifier
from model_zoo.training.plan import Examples
from model_zoo.training.precision import computing_in
from model_zoo.training.warm_start import Start, go_on_from

if TYPE_CHECKING:
    import keras

Say = Callable[[str], None]


@dataclass(frozen=True)
class Design:
    """What decides a training beside the images: the network and how it learns.

    Attributes:
        training: with a precision that is decided (``training.precision``).
        metric: what the best epoch is best in (``judging.metric``).
        start: weights to go on from; None: those that the settings name.
    """

    dataset: Dataset
    model: ModelSettings
    training: TrainingSettings
    head: Head
    metric: str = "accuracy"
    start: Start | None = None

    @property
    def head_is_new(self) -> bool:
        """Whether a class has to be learned from nothing."""
        return self.start is None or not set(self.dataset.labels) <= set(self.start.labels)

    def network(self) -> keras.Model:
        """The whole classifier, uncompiled, of Keras' own layers."""
        network = build_classifier(
            self.dataset, self.model, self.training.augmentation, self.head, self.training.seed
        )
        if self.start is not None:
            go_on_from(network, self.dataset.labels, self.start)
        return network

    def compiled(self, part: keras.Model, steps: int) -> keras.Model:
        """A classifier, or its trained part, for ``steps`` optimiser steps in all."""
        return compile_classifier(part, self.model, self.training, self.head, steps, self.metric)

    def weights_of_classes(self, labels: np.ndarray) -> np.ndarray | None:
        """How much an image of each class counts, where these labels are trained on."""
        how, classes = self.training.class_weights, len(self.dataset.labels)
        return weights_of_classes(how, labels, classes)

    def views(self, count: int) -> Views:
        """How frozen layers see the images: in so many augmented views, or (0) as they are."""
        return Views(self.training.augmentation, self.training.seed, count)


@dataclass(frozen=True)
class TrainingSetup:
    """A classifier and what it is trained on.

    Attributes:
        model: the whole classifier.
        trained: the part that is trained; shares the layers of ``model``, or is ``model``.
        train, validation: examples for ``trained``.
        split: how the model was divided; None: it is trained as a whole.
    """

    model: keras.Model
    trained: keras.Model
    train: Examples
    validation: Examples
    split: SplitClassifier | None = None

    @property
    def head_only(self) -> bool:
        return self.split is not None and self.split.pooled is None


def set_up_training(
    design: Design, train_images: Images, validation: Images, cache: FeatureCache, say: Say = print
) -> TrainingSetup:
    """Build the classifier, computing in the settings' precision, and decide what is trained on
    what."""
    with computing_in(design.training.precision):
        model = faster_in_training(design.network())
        split = None if design.model.from_scratch else split_where_training_begins(model)
    examples = None
    if split is not None:
        examples = cached_features(design, split, train_images, validation, cache, say)
    if split is None or examples is None:
        return TrainingSetup(model, model, train_images, validation)
    return TrainingSetup(model, split.trained, *examples, split)


def cached_features(
    design: Design,
    split: SplitClassifier,
    train_images: Images,
    validation: Images,
    cache: FeatureCache,
    say: Say = print,
) -> tuple[Features, Features] | None:
    """What the frozen part makes of both, training images in augmented views.

    None where the settings want no cache (``training.feature_views = 0``), or where not even one
    view fits the disk, which is said.
    """
    wanted = design.training.distinct_views
    if not wanted:
        return None
    values = int(np.prod(split.trained.input_shape[1:]))
    count = len(train_images) + len(validation)
    views = cache.views_that_fit(count, values, wanted)
    if not views:
        say(
            f"features of the frozen layers need {2e-9 * count * values:.1f} GB, "
            f"CATWALK_FEATURE_CACHE_GB is {cache.budget_gb:g}: they are computed anew in every "
            "epoch"
        )
        return None
    if views < wanted:
        say(f"{views} of {wanted} augmented views fit the disk")
    key = {"size": design.model.image_size, "precision": design.training.precision}
    return (
        cache.features(split.frozen, train_images, key, design.views(views), say),
        cache.features(split.frozen, validation, key, design.views(0), say),
    )
