"""What the trials of a search train on: images, or what a frozen trunk makes of them.

Written once a search, or a share of one, to where every trial process reads it. With a pretrained
trunk a trial trains the head alone, on pooled features: a few thousand numbers an image instead of
a pass through the network.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent
from model_zoo.lean_keras import import_keras
from model_zoo.progress import Reporter, Say, beside, part
from model_zoo.settings import Places, Project
from model_zoo.training.features import FeatureFiles, Features
from model_zoo.tuning.framework_process import begin, framework_context

EXAMPLES = "examples.npz"


@dataclass(frozen=True)
class TrialExamples:
    """The arrays of one search.

    Attributes:
        pooled: whether the inputs are pooled features float32 (N, channels), every augmented view
            of the training images one after the other, rather than images uint8.
        precision: the Keras dtype policy in which the trials train.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    pooled: bool
    precision: str


def on_pooled_features(project: Project) -> bool:
    """Whether trials train the head alone, on features that are computed once.

    Not if they differ in what is frozen, or the settings want no features kept.
    """
    kept = project.training.feature_views > 0
    return kept and not project.model.from_scratch and not project.search.unfrozen_blocks


def write_examples(
    project: Project,
    places: Places,
    dataset: Dataset,
    training: Images,
    validation: Images,
    folder: Path,
    say: Say = print,
    features: FeatureFiles | None = None,
) -> None:
    """Leave what trials train on in ``folder``: the first ``search.limit`` training images, half as
    many validation images.

    Features are computed for all training images, as the training after the search reads them
    too; in a process of its own, so that the one that leads the search holds no device.

    Args:
        project: with a precision that is decided (``training.precision``).
        features: where those of these images lie, if somebody knows: they are only read then.

    Raises:
        UserError: weights that cannot be had, or no room in memory or on disk.
    """
    if (folder / EXAMPLES).exists():
        return
    if project.training.precision == "auto":
        raise ValueError("Expected a precision that is decided. Received: 'auto'")
    if on_pooled_features(project):
        found = features.read(training.labels, validation.labels) if features else None
        if found is not None:
            chosen = _first(project.search.limit)(training)
            _keep_pooled(project, found[0].take(chosen), found[1], folder)
            return
        given = (project, places, dataset, training, validation, folder, beside(say, "features"))
        context, environment = framework_context(), dict(os.environ)
        with ProcessPoolExecutor(1, context, begin, (environment,)) as process:
            try:
                process.submit(_write_pooled, *given).result()
            except BrokenProcessPool as error:
                raise UserError(
                    "the process that computes features for the search was killed, as the system "
                    "does when memory is short: choose a smaller model.image_size or search.limit"
                ) from error
        return
    few, held_out = _first(project.search.limit), _first(project.search.limit // 2)
    train, val = training.take(few(training)), validation.take(held_out(validation))
    keep_examples(
        folder,
        TrialExamples(
            (np.asarray(train.images), train.labels),
            (np.asarray(val.images), val.labels),
            False,
            project.training.precision,
        ),
    )


def read_examples(folder: Path) -> TrialExamples:
    with np.load(folder / EXAMPLES) as stored:
        return TrialExamples(
            (stored["train"], stored["train_labels"]),
            (stored["validation"], stored["validation_labels"]),
            bool(stored["pooled"]),
            str(stored["precision"]),
        )


def _write_pooled(
    project: Project,
    places: Places,
    dataset: Dataset,
    training: Images,
    validation: Images,
    folder: Path,
    reports: Path | None,
) -> None:
    import_keras()
    from model_zoo.classifier import head_from
    from model_zoo.plugin_registry import discover
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import pooled_examples
    from model_zoo.training.setup import Design

    say = Reporter(_say, reports)
    with part(say, "starting Keras"):
        import keras  # noqa: F401
    discover(places.plugins_dir)
    design = Design(
        dataset, project.model, project.training, head_from(project.model, project.training)
    )
    cache = FeatureCache(places.cache_dir / "features", places.feature_cache_gb)
    chosen = _first(project.search.limit)(training)
    train, held_out = pooled_examples(design, training, validation, chosen, cache, say)
    _keep_pooled(project, train, held_out, folder)


def _keep_pooled(project: Project, train: Features, validation: Features, folder: Path) -> None:
    """
    Args:
        train: of the images that are chosen; ``validation``: of all.
    """
    few = np.arange(min(project.search.limit // 2, len(validation)))
    train = train.in_memory(project.training.distinct_views)
    val = validation.take(few).in_memory(1)
    keep_examples(
        folder,
        TrialExamples(
            (np.concatenate(train.views), np.tile(train.labels, len(train.views))),
            (val.views[0], val.labels),
            True,
            project.training.precision,
        ),
    )


def keep_examples(folder: Path, examples: TrialExamples) -> None:
    """Write them, complete or not at all."""
    with complete_or_absent(folder / EXAMPLES) as partial:
        np.savez(
            partial,
            train=examples.train[0],
            train_labels=examples.train[1],
            validation=examples.validation[0],
            validation_labels=examples.validation[1],
            pooled=examples.pooled,
            precision=examples.precision,
        )


def _first(limit: int) -> Callable[[Images], np.ndarray]:
    return lambda images: np.arange(min(limit, len(images)))


def _say(sentence: str) -> None:
    print(sentence, flush=True)
