"""Training: broken off and continued, short of memory, diverging, given another's checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from remembering import Remembering

from model_zoo.classifier import head_from
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.errors import UserError
from model_zoo.settings import Project
from model_zoo.training.fit import fit
from model_zoo.training.plan import Plan
from model_zoo.training.setup import Design

PLAN = Plan(epochs=2, batch_size=16, patience=0, seed=1, averaged_share=0.5, checkpoint_seconds=0)


@pytest.fixture(scope="module")
def project(chosen: Callable[..., Project]) -> Project:
    """Everything random is on: shift, rotation, erasing and dropout have states to restore."""
    return chosen(
        recipe="scratch",
        training__learning_rate=0.01,
        training__augmentation__rotation=0.02,
        training__augmentation__erase=0.2,
        model__dropout=0.3,
    )


def stripes(count: int) -> Images:
    """Ten classes that a few steps tell apart: a bright stripe at a place of its own."""
    labels = (np.arange(count) % 10).astype(np.int32)
    images = np.random.default_rng(0).integers(0, 60, (count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 4] += 150
    return Images(images, labels)


TRAIN, VALIDATION = stripes(16 * 75), stripes(200)


def builder(project: Project) -> Callable[[int], keras.Model]:
    head = head_from(project.model, project.training)
    design = Design(DATASET, project.model, project.training, head)
    return lambda steps: design.compiled(design.network(), steps)


@pytest.fixture(scope="module")
def unbroken(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[keras.Model, list[str], Remembering]:
    """A training that nothing broke off, what it said, and how far it told that it was."""
    said: list[str] = []
    told = Remembering(said.append)
    folder = tmp_path_factory.mktemp("unbroken")
    model, _ = fit(builder(project), TRAIN, VALIDATION, PLAN, folder, say=told)
    return model, said, told


def test_a_training_that_was_broken_off_ends_with_the_same_weights(
    project: Project, unbroken: tuple[keras.Model, list[str], Remembering], tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    said = []

    def kill_in_epoch_2(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("epoch 2/2, step 50/75"):
            raise Killed

    with pytest.raises(Killed):
        fit(builder(project), TRAIN, VALIDATION, PLAN, tmp_path / "b", say=kill_in_epoch_2)
    continued, progress = fit(
        builder(project), TRAIN, VALIDATION, PLAN, tmp_path / "b", say=said.append
    )
    assert "continuing at epoch 2, step 50" in said
    assert progress.resumed == 1 and len(progress.history) == 2
    for one, other in zip(continued.get_weights(), unbroken[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_line_of_progress_says_rate_and_remaining_time(
    unbroken: tuple[keras.Model, list[str], Remembering],
) -> None:
    _, said, _ = unbroken
    assert "images/s" in said[0] and "min left" in said[0]
    assert said[-1].startswith("epoch 2/2: loss")


def test_a_training_tells_each_batch_of_the_whole_and_lives_through_validation(
    unbroken: tuple[keras.Model, list[str], Remembering],
) -> None:
    told = unbroken[2].of("training")
    images = 2 * 75 * 16
    assert {part.total for part in told} == {images} and told[-1].done == images
    assert len({part.done for part in told}) == 2 * 75 + 1
    pieces = list(dict.fromkeys(part.now for part in told))
    epochs = ["epoch 1 of 2", "epoch 1 of 2, validation", "epoch 2 of 2"]
    assert pieces == ["", *epochs, "epoch 2 of 2, validation"]
    held_out = [part for part in told if part.now == "epoch 1 of 2, validation"]
    assert len(held_out) > 200 // 16, "a sign of life a batch"
    assert told[-1].best.endswith("%")


def batch_of(batches: Any) -> int:
    images, _ = next(iter(batches))
    return len(images)


def test_a_batch_too_large_for_the_memory_is_halved(project: Project, tmp_path: Path) -> None:
    make = builder(project)

    def short_of_memory(steps: int) -> keras.Model:
        model = make(steps)
        whole = model.fit

        def fit_small(x, **options):
            if batch_of(x) > 8:
                raise MemoryError
            return whole(x, **options)

        model.fit = fit_small
        return model

    said: list[str] = []
    plan = replace(PLAN, batch_size=32, epochs=1)
    _, progress = fit(short_of_memory, TRAIN, VALIDATION, plan, tmp_path, say=said.append)
    assert said[:2] == [
        "out of memory: going on with batches of 16",
        "out of memory: going on with batches of 8",
    ]
    assert progress.batch_size == 8 and progress.finished


def test_memory_that_runs_short_later_goes_on_from_the_checkpoint(
    project: Project, tmp_path: Path
) -> None:
    make = builder(project)
    calls = []

    def short_after_a_while(steps: int) -> keras.Model:
        model = make(steps)
        whole = model.fit

        def fit_once(x, **options):
            calls.append(batch_of(x))
            if len(calls) == 2:
                raise MemoryError
            return whole(x, **options)

        model.fit = fit_once
        return model

    said: list[str] = []
    plan = replace(PLAN, epochs=1)
    model, progress = fit(short_after_a_while, TRAIN, VALIDATION, plan, tmp_path, say=said.append)
    assert "continuing at epoch 1, step 100" in said, "50 steps of 16 are 100 steps of 8"
    assert int(model.optimizer.iterations) == 150, "the schedule ends where it should"
    assert progress.finished


def test_one_image_too_large_is_one_sentence(project: Project, tmp_path: Path) -> None:
    def none_fits(steps: int) -> keras.Model:
        raise MemoryError

    with pytest.raises(UserError, match="choose a smaller image_size or backbone"):
        fit(none_fits, TRAIN, VALIDATION, PLAN, tmp_path)


def test_a_training_that_diverges_is_one_sentence(project: Project, tmp_path: Path) -> None:
    wild = project.with_values(
        {
            "training.learning_rate": 10,
            "training.warmup_share": 0,
            "training.weight_decay": 1,
            "model.dropout": 0,
        }
    )
    with pytest.raises(UserError, match="training diverged"):
        fit(builder(wild), TRAIN, VALIDATION, replace(PLAN, epochs=20), tmp_path)


def test_a_checkpoint_of_another_model_is_refused(project: Project, tmp_path: Path) -> None:
    few = TRAIN.take(np.arange(160))
    fit(builder(project), few, VALIDATION, replace(PLAN, epochs=1), tmp_path)
    other = project.with_values({"model.dense_1": 64})
    with pytest.raises(UserError, match="belongs to another model"):
        fit(builder(other), TRAIN, VALIDATION, PLAN, tmp_path)


def test_it_ends_with_the_last_epoch_where_the_plan_says_so(
    chosen: Callable[..., Project], tmp_path: Path
) -> None:
    wrong = replace(VALIDATION, labels=(VALIDATION.labels + 1) % 10)
    plan = replace(PLAN, epochs=3, patience=1, averaged_share=0, keep="last")
    project = chosen(recipe="short", training__learning_rate=0.01)
    model, progress = fit(builder(project), TRAIN, wrong, plan, tmp_path)
    curve = [epoch["val_accuracy"] for epoch in progress.history]
    assert len(curve) == 3 and max(curve) == curve[0], "without gain it would have stopped"
    assert progress.best_epoch == 2 and progress.best_accuracy == curve[2]
    right = model.predict(TRAIN.images, verbose=0).argmax(axis=1) == TRAIN.labels
    assert right.mean() > progress.history[0]["accuracy"], "not the weights of the first epoch"


def test_training_without_gain_stops_early_and_says_so(
    chosen: Callable[..., Project], tmp_path: Path
) -> None:
    still = chosen(recipe="short", training__learning_rate=1e-12)
    said: list[str] = []
    plan = replace(PLAN, epochs=9, patience=2, averaged_share=0)
    _, progress = fit(builder(still), TRAIN, VALIDATION, plan, tmp_path, say=said.append)
    assert progress.stopped_early and progress.epoch < 9
    assert "no better validation for 2 epochs: stopping" in said[-1]
