"""The recipe's parts: rates by block, weight decay, smoothed labels."""

import numpy as np
import pytest

from model_zoo.backbones import discover
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import PROFILES, RECIPES, Settings, load_settings
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.errors import UserError
from model_zoo.training.optimizer import compile_classifier, rate_shares, smoothed_loss


def test_profiles_and_recipes_have_no_setting_in_common() -> None:
    for profile, values in PROFILES.items():
        assert values["recipe"] in RECIPES
        for recipe, others in RECIPES.items():
            assert not set(values) & set(others), (profile, recipe)


def test_any_profile_goes_with_any_recipe() -> None:
    mixed = load_settings(profile="notebook", recipe="finetune")
    assert mixed.precision == "float32" and mixed.optimizer == "adamw"
    with pytest.raises(UserError, match="unknown recipe 'best': choose one of short, scratch"):
        load_settings(recipe="best")


def test_the_notebook_is_kept_to_the_letter() -> None:
    notebook = load_settings(
        profile="notebook", backbone="resnet50", image_size=224, weights="imagenet"
    )
    assert (notebook.dense_1, notebook.dense_2, notebook.dropout) == (256, 128, 0)
    assert (notebook.optimizer, notebook.base_rate) == ("adam", 1e-3)
    assert notebook.lr_schedule == "exponential" and notebook.averaged_share == 0
    assert notebook.feature_cache_gb == 0, "the frozen layers see each image anew"


def test_smoothed_labels_give_the_cross_entropy_of_the_paper() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]], np.float32)
    wanted = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    loss = smoothed_loss(0.1)(np.array([0], np.uint8), probabilities)
    np.testing.assert_allclose(loss, -(wanted * np.log(probabilities[0])).sum(), rtol=1e-5)


def test_blocks_learn_slower_the_further_they_are_from_the_head(settings: Settings) -> None:
    discover(settings.plugins_dir)
    chosen = load_settings(recipe="finetune", weights="imagenet", trunk_rate=0.5, block_rate=0.1)
    built = load_settings(recipe="finetune", weights="none", learning_rate=0.01)
    model = build_classifier(FASHION_MNIST, built, head_from(built))
    shares = dict(
        zip((v.path for v in model.trainable_variables), rate_shares(model, chosen), strict=True)
    )
    assert shares["block2_conv/kernel"] == 0.5
    assert shares["block1_conv/kernel"] == pytest.approx(0.05)
    assert shares["logits/kernel"] == 1
    before = {v.path: v.numpy() for v in model.trainable_variables}
    sgd = chosen.model_copy(
        update={"optimizer": "sgd", "warmup_share": 0.0, "weight_decay": 0.0, "label_smoothing": 0}
    )
    compile_classifier(model, sgd, head_from(built), 1000)
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
