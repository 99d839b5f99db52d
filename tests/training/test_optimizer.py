"""The recipe's parts: rates by block, weight decay, smoothed labels."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model_zoo import settings
from model_zoo.classifier import head_from
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.errors import UserError
from model_zoo.settings import Project
from model_zoo.settings.project import flattened
from model_zoo.training.optimizer import compile_classifier, rate_shares, smoothed_loss
from model_zoo.training.phases import trained_network

SHIPPED = Path(settings.__file__).parent


def shipped(kind: str) -> dict[str, dict[str, object]]:
    """Values by dotted names of every profile or recipe that Catwalk brings."""
    files = sorted((SHIPPED / kind).glob("*.toml"))
    return {file.stem: flattened(tomllib.loads(file.read_text())) for file in files}


def test_profiles_and_recipes_have_no_setting_in_common() -> None:
    recipes = shipped("recipes")
    for profile, values in shipped("profiles").items():
        assert values["recipe"] in recipes
        for recipe, others in recipes.items():
            assert not set(values) & set(others), (profile, recipe)


def test_any_profile_goes_with_any_recipe(chosen: Callable[..., Project]) -> None:
    mixed = chosen(profile="notebook", recipe="finetune").training
    assert mixed.feature_views == 0 and mixed.label_smoothing == 0.1
    with pytest.raises(
        UserError, match=r"unknown recipe 'best': choose one of finetune, head, notebook"
    ):
        chosen(recipe="best")


def test_the_notebook_is_kept_to_the_letter(
    chosen: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CATWALK_TRAINING__LEARNING_RATE")
    notebook = chosen(profile="notebook")
    model, training = notebook.model, notebook.training
    assert (model.dense_1, model.dense_2, model.dropout) == (256, 128, 0)
    assert (training.optimizer, training.peak_rate) == ("adam", 1e-3)
    assert training.lr_schedule == "exponential" and training.averaged_share == 0
    assert training.feature_views == 0, "the frozen layers see each image anew"


def test_smoothed_labels_give_the_cross_entropy_of_the_paper() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]], np.float32)
    wanted = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    loss = smoothed_loss(0.1)(np.array([0], np.int32), probabilities)
    np.testing.assert_allclose(loss, -(wanted * np.log(probabilities[0])).sum(), rtol=1e-5)


def test_blocks_learn_slower_the_further_they_are_from_the_head(
    chosen: Callable[..., Project],
) -> None:
    project = chosen(
        recipe="finetune",
        training__learning_rate=0.01,
        training__trunk_rate=0.5,
        training__block_rate=0.1,
    )
    model = trained_network(DATASET, project.model, project.training)
    pretrained = project.with_values({"model.weights": "imagenet"})
    shares = dict(
        zip(
            (v.path for v in model.trainable_variables),
            rate_shares(model, pretrained.model, pretrained.training),
            strict=True,
        )
    )
    assert shares["block2_conv/kernel"] == 0.5
    assert shares["block1_conv/kernel"] == pytest.approx(0.05)
    assert shares["logits/kernel"] == 1
    before = {v.path: v.numpy() for v in model.trainable_variables}
    sgd = pretrained.with_values(
        {
            "training.optimizer": "sgd",
            "training.warmup_share": 0.0,
            "training.weight_decay": 0.0,
            "training.label_smoothing": 0.0,
        }
    )
    head = head_from(sgd.model, sgd.training)
    compile_classifier(model, sgd.model, sgd.training, head, 1000)
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    gradients = {}
    apply = model.optimizer.apply
    model.optimizer.apply = lambda grads, variables=None: (
        gradients.update(zip((v.path for v in model.trainable_variables), grads, strict=True)),
        apply(grads, variables),
    )
    model.run_eagerly = True
    model.fit(images, np.arange(8), batch_size=8, verbose=0)
    for name, share in (("block1_conv/kernel", 0.05), ("block2_conv/kernel", 0.5)):
        after = {v.path: v.numpy() for v in model.trainable_variables}[name]
        step = 1.9 * 0.01 * share * np.asarray(gradients[name])  # Nesterov's first step
        np.testing.assert_allclose(before[name] - after, step, rtol=0.02, atol=1e-7)


def test_a_block_decays_at_its_own_rate(chosen: Callable[..., Project]) -> None:
    """Not at the head's: a trunk that learns at a tenth was pulled to zero ten times too fast."""
    project = chosen(
        recipe="finetune",
        training__learning_rate=0.01,
        training__warmup_share=0.0,
        training__weight_decay=0.5,
        training__trunk_rate=0.1,
        training__block_rate=1.0,
    )
    model = trained_network(DATASET, project.model, project.training)
    pretrained = project.with_values({"model.weights": "imagenet"})
    head = head_from(pretrained.model, pretrained.training)
    compile_classifier(model, pretrained.model, pretrained.training, head, 1000)
    before = {v.path: v.numpy() for v in model.trainable_variables}
    variables = model.trainable_variables
    model.optimizer.apply([np.zeros(v.shape, "float32") for v in variables], variables)
    after = {v.path: v.numpy() for v in model.trainable_variables}
    for name, share in (("block2_conv/kernel", 0.1), ("logits/kernel", 1.0)):
        np.testing.assert_allclose(after[name], before[name] * (1 - 0.5 * 0.01 * share), rtol=1e-5)
    np.testing.assert_array_equal(after["logits/bias"], before["logits/bias"])


def test_a_training_step_is_traced_once(chosen: Callable[..., Project]) -> None:
    """A step in which Keras makes variables is traced three times, each of them slow."""
    project = chosen(recipe="finetune")
    model = trained_network(DATASET, project.model, project.training)
    head = head_from(project.model, project.training)
    compile_classifier(model, project.model, project.training, head, 1000)
    traces = []
    apply = model.optimizer.apply
    model.optimizer.apply = lambda *given: (traces.append(1), apply(*given))
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    model.fit(images, np.arange(8), batch_size=4, epochs=2, verbose=0)
    assert len(traces) == 1
