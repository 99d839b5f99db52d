"""Train a classifier: on a pretrained trunk the new head first, then the last blocks with it.

What the frozen blocks make of the images is computed once (``training.features``). With no
pretrained weights everything is trained, on the images themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import Head, build_classifier, head_from
from model_zoo.data.dataset import Dataset, Images
from model_zoo.settings import ModelSettings, TrainingSettings
from model_zoo.training.checkpoint import Checkpoint, Progress
from model_zoo.training.devices import on_all_accelerators
from model_zoo.training.features import FeatureCache, Features, Views
from model_zoo.training.fit import Examples, Plan, fit
from model_zoo.training.frozen_part import (
    SplitClassifier,
    split_before_head,
    split_where_training_begins,
)
from model_zoo.training.normalisation import with_fused_normalisation
from model_zoo.training.optimizer import compile_classifier
from model_zoo.training.precision import computing_in

if TYPE_CHECKING:
    import keras

Say = Callable[[str], None]
OnEpoch = Callable[[int, dict[str, float]], object]


@dataclass(frozen=True)
class Recipe:
    """What decides a training beside the images.

    Attributes:
        training: with a precision that is decided (``training.precision``).
    """

    dataset: Dataset
    model: ModelSettings
    training: TrainingSettings
    head: Head

    def network(self) -> keras.Model:
        """The whole classifier, uncompiled, of Keras' own layers."""
        return build_classifier(
            self.dataset, self.model, self.training.augmentation, self.head, self.training.seed
        )

    def compiled(self, part: keras.Model, steps: int) -> keras.Model:
        """A classifier, or its trained part, for ``steps`` optimiser steps in all."""
        return compile_classifier(part, self.model, self.training, self.head, steps)


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


def trained_network(
    dataset: Dataset, model: ModelSettings, training: TrainingSettings
) -> keras.Model:
    """The network that a training without a search would fit, under the policy of the moment."""
    recipe = Recipe(dataset, model, training, head_from(model, training))
    return with_fused_normalisation(recipe.network())


def train_classifier(
    dataset: Dataset,
    model: ModelSettings,
    training: TrainingSettings,
    head: Head,
    train_images: Images,
    validation: Images,
    folder: Path,
    cache: FeatureCache,
    on_epoch: OnEpoch,
    say: Say = print,
) -> tuple[keras.Model, Progress]:
    """Train to the end, from the last checkpoint in ``folder`` if there is one.

    Args:
        training: with a precision that is decided (``training.precision``).

    Returns:
        The whole classifier with the weights of its best epoch, computing in float32; and how
        training went.

    Raises:
        UserError: see ``build_classifier`` and ``training.fit.fit``.
    """
    recipe = Recipe(dataset, model, training, head)
    with on_all_accelerators(say):
        fitted, progress = _train(recipe, train_images, validation, folder, cache, on_epoch, say)
        weights = fitted.get_weights()
    finished = recipe.network()
    finished.set_weights(weights)
    return finished, progress


def _train(
    recipe: Recipe,
    train_images: Images,
    validation: Images,
    folder: Path,
    cache: FeatureCache,
    on_epoch: OnEpoch,
    say: Say,
) -> tuple[keras.Model, Progress]:
    training = recipe.training
    plan = Plan(
        training.epochs,
        training.batch_size,
        training.early_stopping_patience,
        training.seed,
        training.averaged_share,
    )
    setup = set_up_training(recipe, train_images, validation, cache, say)
    if not recipe.model.from_scratch and training.head_epochs and not setup.head_only:
        say(f"the head alone, {training.head_epochs} epochs on pooled features")
        _train_head(
            recipe, setup, (train_images, validation), plan, folder / "head", cache, on_epoch, say
        )
    _, progress = fit(
        lambda steps: recipe.compiled(setup.trained, steps),
        setup.train,
        setup.validation,
        plan,
        folder,
        on_epoch,
        say,
    )
    return setup.model, progress


def set_up_training(
    recipe: Recipe, train_images: Images, validation: Images, cache: FeatureCache, say: Say = print
) -> TrainingSetup:
    """Build the classifier, computing in the settings' precision, and decide what is trained on
    what."""
    with computing_in(recipe.training.precision):
        model = with_fused_normalisation(recipe.network())
        whole = TrainingSetup(model, model, train_images, validation)
        anew = recipe.model.from_scratch or not recipe.training.feature_views
        split = None if anew else split_where_training_begins(model)
    if split is None:
        return whole
    examples = features_of(recipe, split, train_images, validation, cache, say)
    if examples is None:
        return whole
    return TrainingSetup(model, split.trained, *examples, split)


def pooled_examples(
    recipe: Recipe,
    train_images: Images,
    validation: Images,
    chosen: np.ndarray,
    cache: FeatureCache,
    say: Say = print,
) -> tuple[Features, Features]:
    """What a head is trained on when the whole trunk is frozen: pooled features, in memory.

    Where the last blocks are to be fine-tuned, their own input is computed and kept on the way, for
    the training that follows.

    Args:
        chosen: the training images whose features are returned.
    """
    setup = set_up_training(recipe, train_images, validation, cache, say)
    if isinstance(setup.train, Features):
        setup = replace(setup, train=setup.train.take(chosen))
    return _pooled(recipe, setup, train_images.take(chosen), validation, cache, say)


def _train_head(
    recipe: Recipe,
    setup: TrainingSetup,
    images: tuple[Images, Images],
    plan: Plan,
    folder: Path,
    cache: FeatureCache,
    on_epoch: OnEpoch,
    say: Say,
) -> None:
    """Phase 1: the trunk is left alone until the new head knows what it is doing."""
    part = split_before_head(setup.model).trained
    checkpoint = Checkpoint(folder)
    reached = checkpoint.progress()
    if reached is not None and reached.finished:
        part.set_weights(checkpoint.load_best())
        return
    examples = _pooled(recipe, setup, *images, cache, say)
    plan = replace(plan, epochs=recipe.training.head_epochs, patience=0)
    fit(
        lambda steps: recipe.compiled(part, steps),
        *examples,
        plan,
        folder,
        lambda epoch, metrics: on_epoch(epoch, {f"head_{k}": v for k, v in metrics.items()}),
        say,
    )


def features_of(
    recipe: Recipe,
    split: SplitClassifier,
    train_images: Images,
    validation: Images,
    cache: FeatureCache,
    say: Say = print,
) -> tuple[Features, Features] | None:
    """What the frozen part makes of both; None where not even one view fits the disk."""
    values = int(np.prod(split.trained.input_shape[1:]))
    count = len(train_images) + len(validation)
    wanted = recipe.training.feature_views
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
    return _features_of_both(recipe, split, train_images, validation, views, cache, say)


def _features_of_both(
    recipe: Recipe,
    split: SplitClassifier,
    train_images: Images,
    validation: Images,
    views: int,
    cache: FeatureCache,
    say: Say,
) -> tuple[Features, Features]:
    """Training images in augmented views, validation images as they are."""
    training = recipe.training
    key = {
        "backbone": recipe.model.backbone,
        "weights": _weights_key(recipe.model.weights),
        "size": recipe.model.image_size,
        "border": split.border,
        "precision": training.precision,
    }
    seen = Views(training.augmentation, training.seed, views)
    return (
        cache.features(split.frozen, train_images, key, seen, say),
        cache.features(split.frozen, validation, key, replace(seen, count=0), say),
    )


def _weights_key(weights: str) -> dict[str, Any]:
    path = Path(weights)
    if not path.is_file():
        return {"name": weights}
    status = path.stat()
    return {"name": weights, "size": status.st_size, "changed": status.st_mtime_ns}


def _pooled(
    recipe: Recipe,
    setup: TrainingSetup,
    train_images: Images,
    validation: Images,
    cache: FeatureCache,
    say: Say,
) -> tuple[Features, Features]:
    """Pooled features, by what is left of the trunk after the border."""
    if isinstance(setup.train, Features) and isinstance(setup.validation, Features):
        if setup.split is None or setup.split.pooled is None:
            return setup.train.in_memory(), setup.validation.in_memory()
        rest = setup.split.pooled
        return _through(rest, setup.train), _through(rest, setup.validation)
    split = split_before_head(setup.model)
    views = max(1, recipe.training.feature_views)
    return _features_of_both(recipe, split, train_images, validation, views, cache, say)


def _through(model: keras.Model, features: Features, rows: int = 512) -> Features:
    """The features that ``model`` makes of features, view by view."""
    count = len(features)
    views = []
    for view in range(len(features.views)):
        parts = [
            np.asarray(
                model.predict_on_batch(
                    features.inputs(np.arange(start, min(start + rows, count)), view)
                )
            )
            for start in range(0, count, rows)
        ]
        views.append(np.concatenate(parts))
    return Features(tuple(views), features.labels)
