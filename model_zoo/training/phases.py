"""Train a classifier: on a pretrained trunk the new head first, then the last blocks with it.

What the frozen blocks make of the images is computed once (``training.features``). With no
pretrained weights everything is trained, on the images themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.classifier import Head, head_from
from model_zoo.data.dataset import Dataset, Images
from model_zoo.progress import part
from model_zoo.settings import ModelSettings, TrainingSettings
from model_zoo.training.checkpoint import Checkpoint, Progress
from model_zoo.training.devices import on_all_accelerators
from model_zoo.training.faster_network import faster_in_training
from model_zoo.training.feature_cache import FeatureCache
from model_zoo.training.features import LARGEST, STORED, Features
from model_zoo.training.finished import check_finished, right_in_training
from model_zoo.training.fit import fit
from model_zoo.training.frozen_part import split_before_head
from model_zoo.training.frozen_views import SeenAnew
from model_zoo.training.plan import Plan
from model_zoo.training.setup import (
    Design,
    Say,
    TrainingSetup,
    cached_features,
    set_up_training,
)
from model_zoo.training.warm_start import Start

if TYPE_CHECKING:
    import keras

OnEpoch = Callable[[int, dict[str, float]], object]


def trained_network(
    dataset: Dataset, model: ModelSettings, training: TrainingSettings
) -> keras.Model:
    """The network that a training without a search would fit, under the policy of the moment."""
    design = Design(dataset, model, training, head_from(model, training))
    return faster_in_training(design.network())


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
    metric: str = "accuracy",
    start: Start | None = None,
) -> tuple[keras.Model, Progress]:
    """Train to the end, from the last checkpoint in ``folder`` if there is one.

    Args:
        training: with a precision that is decided (``training.precision``).
        metric: what the best epoch is best in, on the validation images (``judging.metric``).
        start: weights to go on from, with ``head`` theirs; None: those that ``model`` names.

    Returns:
        The whole classifier with the weights of its best epoch, computing in float32; and how
        training went.

    Raises:
        UserError: see ``build_classifier``, ``training.fit.fit`` and ``training.finished``.
    """
    design = Design(dataset, model, training, head, metric, start)
    with on_all_accelerators(say):
        setup = set_up_training(design, train_images, validation, cache, say)
        images = (train_images, validation)
        progress = fit_phases(design, setup, images, folder, cache, on_epoch, say)
        weights = setup.model.get_weights()
        seen = right_in_training(setup, validation)
    finished = design.network()
    finished.set_weights(weights)
    check_finished(finished, seen, validation)
    return finished, progress


def fit_phases(
    design: Design,
    setup: TrainingSetup,
    images: tuple[Images, Images],
    folder: Path,
    cache: FeatureCache,
    on_epoch: OnEpoch,
    say: Say,
) -> Progress:
    """The phases of a training that is set up, from the last checkpoint in ``folder`` if any.

    Args:
        images: to train and to validate, those of the setup's examples. The setup's model has the
            weights of its best epoch afterwards.
    """
    training = design.training
    plan = Plan(
        training.epochs,
        training.batch_size,
        training.early_stopping_patience,
        training.seed,
        training.averaged_share,
        metric=design.metric,
        keep=training.keep,
    )
    head_first = design.head_is_new and training.head_epochs and not setup.head_only
    if head_first and not design.model.from_scratch:
        _train_head(design, setup, images, plan, folder / "head", cache, on_epoch, say)
    _, progress = fit(
        lambda steps: design.compiled(setup.trained, steps),
        setup.train,
        setup.validation,
        plan,
        folder,
        on_epoch,
        say,
        class_weights=design.weights_of_classes(setup.train.labels),
    )
    return progress


def _train_head(
    design: Design,
    setup: TrainingSetup,
    images: tuple[Images, Images],
    plan: Plan,
    folder: Path,
    cache: FeatureCache,
    on_epoch: OnEpoch,
    say: Say,
) -> None:
    """Phase 1: the trunk is left alone until the new head knows what it is doing."""
    head = split_before_head(setup.model).trained
    checkpoint = Checkpoint(folder)
    reached = checkpoint.progress()
    if reached is not None and reached.finished:
        head.set_weights(checkpoint.load_best())
        return
    say(f"the head alone, {design.training.head_epochs} epochs on pooled features")
    train, validation = _pooled(design, setup, *images, cache, say)
    plan = replace(plan, epochs=design.training.head_epochs, patience=0)
    fit(
        lambda steps: design.compiled(head, steps),
        train,
        validation,
        plan,
        folder,
        lambda epoch, metrics: on_epoch(epoch, {f"head_{k}": v for k, v in metrics.items()}),
        say,
        head_only=True,
        class_weights=design.weights_of_classes(train.labels),
    )


def pooled_examples(
    design: Design,
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
    setup = set_up_training(design, train_images, validation, cache, say)
    if isinstance(setup.train, Features):
        setup = replace(setup, train=setup.train.take(chosen))
    train, held_out = _pooled(design, setup, train_images.take(chosen), validation, cache, say)
    return train.in_memory(design.training.distinct_views), held_out.in_memory(1)


def _pooled(
    design: Design,
    setup: TrainingSetup,
    train_images: Images,
    validation: Images,
    cache: FeatureCache,
    say: Say,
) -> tuple[Features, Features] | tuple[SeenAnew, SeenAnew]:
    """Pooled features, by what is left of the trunk after the border."""
    if isinstance(setup.train, Features) and isinstance(setup.validation, Features):
        if setup.split is None or setup.split.pooled is None:
            return setup.train, setup.validation
        rest = setup.split.pooled
        return _through(rest, setup.train, say), _through(rest, setup.validation, say)
    split = split_before_head(setup.model)
    found = cached_features(design, split, train_images, validation, cache, say)
    if found is not None:
        return found
    return (
        SeenAnew(split.frozen, train_images, design.views(design.training.epochs)),
        SeenAnew(split.frozen, validation, design.views(0)),
    )


def _through(model: keras.Model, features: Features, say: Say, rows: int = 512) -> Features:
    """The features that ``model`` makes of features, view by view."""
    count = len(features)
    views = []
    with part(say, "pooled features", count * len(features.views)) as work:
        for view in range(len(features.views)):
            made = np.empty((count, *model.output_shape[1:]), STORED)  # half of float32's memory
            for start in range(0, count, rows):
                chosen = np.arange(start, min(start + rows, count))
                found = model.predict_on_batch(features.inputs(chosen, view))
                made[chosen] = np.clip(np.asarray(found, np.float32), -LARGEST, LARGEST)
                work.advance(len(chosen))
            views.append(made)
    return Features(tuple(views), features.labels)
