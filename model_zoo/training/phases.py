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

from model_zoo.backbones.contract import NO_WEIGHTS
from model_zoo.classifier import Head, build_classifier, head_from
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.training.checkpoint import Checkpoint, Progress
from model_zoo.training.devices import on_all_accelerators
from model_zoo.training.features import Features, frozen_features, views_that_fit
from model_zoo.training.fit import Examples, Plan, fit
from model_zoo.training.frozen_part import Parts, cut_before_head, cut_where_training_begins
from model_zoo.training.normalisation import with_fused_normalisation
from model_zoo.training.optimizer import compile_classifier
from model_zoo.training.precision import computing_in

if TYPE_CHECKING:
    import keras

Say = Callable[[str], None]
OnEpoch = Callable[[int, dict[str, float]], object]


@dataclass(frozen=True)
class Work:
    """A classifier and what it is trained on.

    Attributes:
        model: the whole classifier.
        trained: the part that is trained; shares the layers of ``model``, or is ``model``.
        train, validation: examples for ``trained``.
        parts: how the model was cut; None: it is trained as a whole.
    """

    model: keras.Model
    trained: keras.Model
    train: Examples
    validation: Examples
    parts: Parts | None = None

    @property
    def head_only(self) -> bool:
        return self.parts is not None and self.parts.pooled is None


def train_classifier(
    dataset: Dataset,
    settings: Settings,
    head: Head,
    training: Images,
    validation: Images,
    folder: Path,
    on_epoch: OnEpoch,
    say: Say = print,
) -> tuple[keras.Model, Progress]:
    """Train to the end, from the last checkpoint in ``folder`` if there is one.

    Args:
        settings: with a precision that is decided (``training.precision``).

    Returns:
        The whole classifier with the weights of its best epoch, computing in float32; and how
        training went.

    Raises:
        UserError: see ``build_classifier`` and ``training.fit.fit``.
    """
    with on_all_accelerators(say):
        model, progress = _train(
            dataset, settings, head, training, validation, folder, on_epoch, say
        )
        weights = model.get_weights()
    finished = build_classifier(dataset, settings, head)
    finished.set_weights(weights)
    return finished, progress


def _train(
    dataset: Dataset,
    settings: Settings,
    head: Head,
    training: Images,
    validation: Images,
    folder: Path,
    on_epoch: OnEpoch,
    say: Say,
) -> tuple[keras.Model, Progress]:
    plan = Plan(
        settings.epochs,
        settings.batch_size,
        settings.early_stopping_patience,
        settings.seed,
        settings.averaged_share,
    )
    work = prepare(dataset, settings, head, training, validation, say)
    if settings.weights != NO_WEIGHTS and settings.head_epochs and not work.head_only:
        _train_head(
            settings, head, work, training, validation, plan, folder / "head", on_epoch, say
        )

    def build(steps: int) -> keras.Model:
        return compile_classifier(work.trained, settings, head, steps)

    _, progress = fit(build, work.train, work.validation, plan, folder, on_epoch, say)
    return work.model, progress


def prepare(
    dataset: Dataset,
    settings: Settings,
    head: Head,
    training: Images,
    validation: Images,
    say: Say = print,
) -> Work:
    """Build the classifier, computing in the settings' precision, and decide what is trained on
    what."""
    with computing_in(settings.precision):
        model = with_fused_normalisation(build_classifier(dataset, settings, head))
        whole = Work(model, model, training, validation)
        parts = None if settings.weights == NO_WEIGHTS else cut_where_training_begins(model)
    if parts is None:
        return whole
    examples = features_of(settings, parts, training, validation, say)
    if examples is None:
        return whole
    return Work(model, parts.trained, *examples, parts)


def pooled_examples(
    dataset: Dataset,
    settings: Settings,
    training: Images,
    validation: Images,
    chosen: np.ndarray,
    say: Say = print,
) -> tuple[Features, Features]:
    """What a head is trained on when the whole trunk is frozen: pooled features, in memory.

    Where the last blocks are to be fine-tuned, their own input is computed and kept on the way, for
    the training that follows.

    Args:
        chosen: the training images whose features are returned.
    """
    work = prepare(dataset, settings, head_from(settings), training, validation, say)
    few = Images(training.images[chosen], training.labels[chosen])
    if isinstance(work.train, Features):
        work = replace(work, train=work.train.take(chosen))
    return _pooled(settings, work, few, validation, say)


def _train_head(
    settings: Settings,
    head: Head,
    work: Work,
    training: Images,
    validation: Images,
    plan: Plan,
    folder: Path,
    on_epoch: OnEpoch,
    say: Say,
) -> None:
    """Phase 1: the trunk is left alone until the new head knows what it is doing."""
    part = cut_before_head(work.model).trained
    checkpoint = Checkpoint(folder)
    reached = checkpoint.progress()
    if reached is not None and reached.finished:
        part.set_weights(checkpoint.load_best())
        return
    say(f"the head alone, {settings.head_epochs} epochs on pooled features")
    examples = _pooled(settings, work, training, validation, say)
    plan = replace(plan, epochs=settings.head_epochs, patience=0)
    fit(
        lambda steps: compile_classifier(part, settings, head, steps),
        *examples,
        plan,
        folder,
        lambda epoch, metrics: on_epoch(epoch, {f"head_{k}": v for k, v in metrics.items()}),
        say,
    )


def features_of(
    settings: Settings, parts: Parts, training: Images, validation: Images, say: Say = print
) -> tuple[Features, Features] | None:
    """What the frozen part makes of both; None where not even one view fits the disk."""
    values = int(np.prod(parts.trained.input_shape[1:]))
    count = len(training) + len(validation)
    views = views_that_fit(settings, count, values, settings.feature_views)
    if not views:
        say(
            f"features of the frozen layers need {2e-9 * count * values:.1f} GB, feature_cache_gb "
            f"is {settings.feature_cache_gb:g}: they are computed anew in every epoch"
        )
        return None
    if views < settings.feature_views:
        say(f"{views} of {settings.feature_views} augmented views fit the disk")
    return _both(settings, parts, training, validation, views, say)


def _both(
    settings: Settings, parts: Parts, training: Images, validation: Images, views: int, say: Say
) -> tuple[Features, Features]:
    key = {
        "backbone": settings.backbone,
        "weights": _weights_key(settings.weights),
        "size": settings.image_size,
        "cut": parts.cut,
        "precision": settings.precision,
    }
    return (
        frozen_features(settings, parts.frozen, training, key, views, say),
        frozen_features(settings, parts.frozen, validation, key, 0, say),
    )


def _weights_key(weights: str) -> dict[str, Any]:
    path = Path(weights)
    if not path.is_file():
        return {"name": weights}
    status = path.stat()
    return {"name": weights, "size": status.st_size, "changed": status.st_mtime_ns}


def _pooled(
    settings: Settings, work: Work, training: Images, validation: Images, say: Say
) -> tuple[Features, Features]:
    """Pooled features, by what is left of the trunk after the cut."""
    if isinstance(work.train, Features) and isinstance(work.validation, Features):
        if work.parts is None or work.parts.pooled is None:
            return work.train.in_memory(), work.validation.in_memory()
        rest = work.parts.pooled
        return _through(rest, work.train), _through(rest, work.validation)
    parts = cut_before_head(work.model)
    return _both(settings, parts, training, validation, settings.feature_views, say)


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
