"""A frozen trunk sees each image once: equal results, a cache that is whole, resumed, bounded."""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model_zoo.backbones import discover
from model_zoo.classifier import head_from
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.errors import UserError
from model_zoo.settings import ModelSettings, Project
from model_zoo.training import feature_cache, frozen_views, phases
from model_zoo.training.feature_cache import FeatureCache
from model_zoo.training.finished import check_finished, right_in_training
from model_zoo.training.frozen_identity import digest_of
from model_zoo.training.frozen_part import split_before_head, split_where_training_begins
from model_zoo.training.frozen_views import Views, pixels_of
from model_zoo.training.setup import Design, TrainingSetup, set_up_training

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(0)
IMAGES = Images(
    RANDOM.integers(0, 256, (150, 28, 28), np.uint8), (np.arange(150) % 10).astype(np.int32)
)
VALIDATION = IMAGES.take(np.arange(50))
MANY = 30.0  # GB


def design_of(project: Project) -> Design:
    head = head_from(project.model, project.training)
    return Design(DATASET, project.model, project.training, head)


@pytest.fixture
def finetuned(weights: str, chosen: Callable[..., Project]) -> Project:
    few = {"training__epochs": 2, "training__head_epochs": 2, "model__unfrozen_blocks": 1}
    changed = {f"training__augmentation__{name}": 0.05 for name in ("shift", "rotation", "zoom")}
    flipped = {"training__augmentation__flip": True}
    return chosen(recipe="finetune", model__weights=weights, **few, **changed, **flipped)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features", MANY)


@pytest.mark.parametrize(
    ("backbone", "size", "blocks", "border"),
    [
        ("resnet50", 32, 1, "conv5_block2_out"),
        ("resnet50", 32, 0, "pool"),
        ("mobilenet_v2", 32, 1, "block_15_add"),
        ("efficientnet_b0", 32, 1, "block6d_add"),
        ("vit_tiny", 28, 2, None),
        ("wrn_16_4", 28, 1, None),
    ],
)
def test_both_parts_together_are_the_whole(
    chosen: Callable[..., Project],
    backbone: str,
    size: int,
    blocks: int,
    border: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the first layers alone are frozen: with random weights, as none are needed to
    know where a network is split."""
    discover(ROOT / "plugins")
    monkeypatch.setattr(ModelSettings, "from_scratch", False)
    project = chosen(
        recipe="finetune",
        model__backbone=backbone,
        model__image_size=size,
        model__unfrozen_blocks=blocks,
    )
    model = design_of(project).network()
    split = split_where_training_begins(model)
    assert split is not None and (border is None or split.border == border)
    assert not split.frozen.trainable_weights
    trained = {id(one) for one in model.trainable_variables}
    assert {id(one) for one in split.trained.trainable_variables} == trained
    seen = Views(project.training.augmentation, seed=0, count=0)
    pixels = pixels_of(split.frozen, seen, IMAGES.images[:4], view=None, start=0)
    whole = np.asarray(model(IMAGES.images[:4], training=False))
    both = np.asarray(split.trained(split.frozen(pixels, training=False), training=False))
    np.testing.assert_allclose(both, whole, atol=1e-6)


def test_training_on_cached_features_trains_the_whole_model(
    finetuned: Project, cache: FeatureCache, tmp_path: Path
) -> None:
    said: list[str] = []
    model, progress = train(finetuned, cache, tmp_path, said)
    assert progress.finished and progress.best_accuracy >= 0
    assert any(line.startswith("the head alone, 2 epochs") for line in said)
    held_out = model.predict(VALIDATION.images, verbose=0).argmax(axis=1)
    reached = float(np.mean(held_out == VALIDATION.labels))
    assert reached == pytest.approx(progress.best_accuracy, abs=0.021), "one image of 50"
    files = list(cache.folder.glob("*.npy"))
    assert len(files) == finetuned.training.feature_views + 1
    assert {path.suffix for path in cache.folder.glob("*")} == {
        ".npy", ".looks", ".npz",
    }, "nothing partial"  # fmt: skip


def test_images_that_nothing_changes_have_one_view_however_many_are_asked_for(
    weights: str, chosen: Callable[..., Project], cache: FeatureCache
) -> None:
    project = chosen(recipe="finetune", model__weights=weights, training__feature_views=3)
    assert not project.training.augmentation.changes_images
    setup = set_up(project, cache, [])
    assert len(setup.train) == len(IMAGES) and len(setup.train.views) == 1
    assert len(list(cache.folder.glob("*.npy"))) == 2, "to train and to validate"


def test_without_views_the_frozen_layers_see_each_image_anew_and_nothing_is_said_of_it(
    finetuned: Project, cache: FeatureCache, tmp_path: Path
) -> None:
    anew = finetuned.with_values({"training.feature_views": 0})
    setup = set_up(anew, cache, said := [])
    assert setup.trained is setup.model and setup.train is IMAGES
    assert not said
    trunk = _weights(setup.model, "block1_conv/kernel")
    model, progress = train(anew, cache, tmp_path, said)
    assert progress.finished and (tmp_path / "run" / "head" / "progress.json").exists()
    assert not any("features of the frozen" in line for line in said)
    assert not cache.folder.exists()
    np.testing.assert_array_equal(_weights(model, "block1_conv/kernel"), trunk)


def test_examples_seen_anew_depend_on_epoch_and_images_alone(
    finetuned: Project, cache: FeatureCache
) -> None:
    frozen = _frozen(finetuned)
    examples = frozen_views.SeenAnew(frozen, IMAGES, views_of(finetuned, 1))
    some = np.array([70, 3, 9])
    first = examples.inputs(some, 0)
    np.testing.assert_array_equal(first, examples.inputs(some, 0))
    assert np.abs(first - examples.inputs(some, 1)).max() > 0
    plain = frozen_views.SeenAnew(frozen, IMAGES, views_of(finetuned, 0))
    np.testing.assert_array_equal(plain.inputs(some, 0), plain.inputs(some, 1))
    kept = cache.features(frozen, IMAGES, {}, views_of(finetuned, 0))
    np.testing.assert_allclose(plain.inputs(some, 0), kept.inputs(some, 0), rtol=1e-3, atol=1e-3)


def test_features_are_computed_once(finetuned: Project, cache: FeatureCache) -> None:
    frozen, views = _frozen(finetuned), views_of(finetuned, 2)
    first = cache.features(frozen, IMAGES, {}, views)
    frozen.predict_on_batch = None
    again = cache.features(frozen, IMAGES, {}, views)
    np.testing.assert_array_equal(first.views[1], again.views[1])
    assert not np.array_equal(first.views[0], first.views[1]), "each view is augmented anew"
    assert first.views[0].dtype == np.float16
    np.testing.assert_array_equal(
        again.inputs(np.array([7, 3]), epoch=3), again.views[1][[7, 3]].astype(np.float32)
    )


@pytest.mark.fault(
    "a cache of features is cut short", saw="they are computed again, and equal", lost="nothing"
)
def test_features_that_were_cut_short_are_computed_again(
    finetuned: Project, cache: FeatureCache
) -> None:
    frozen, views = _frozen(finetuned), views_of(finetuned, 1)
    first = cache.features(frozen, IMAGES, {}, views)
    before = np.array(first.views[0])
    (path,) = cache.folder.glob("*.npy")
    content = path.read_bytes()
    path.unlink()  # what is mapped stays as it was
    path.write_bytes(content[: len(content) // 2])
    again = cache.features(frozen, IMAGES, {}, views)
    np.testing.assert_array_equal(again.views[0], before)


def test_what_the_frozen_layers_are_is_in_the_name(finetuned: Project, cache: FeatureCache) -> None:
    """Built again they are the same; with other weights, or another configuration, they are not."""
    assert digest_of(_frozen(finetuned)) == digest_of(_frozen(finetuned))
    changed = _frozen(finetuned)
    kernel = next(one for one in changed.weights if one.path.endswith("block1_conv/kernel"))
    kernel.assign(np.asarray(kernel) * 1.001)
    assert digest_of(changed) != digest_of(_frozen(finetuned))
    larger = finetuned.with_values({"model.image_size": 40})
    assert digest_of(_frozen(larger)) != digest_of(_frozen(finetuned))


class Scaled(keras.layers.Layer):
    """A plugin's layer, whose code changes while its configuration and weights do not."""

    factor = 1.0

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_code_that_changed_below_a_cache_is_noticed(
    cache: FeatureCache, finetuned: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built() -> keras.Model:
        pixels = keras.Input((28, 28, 1))
        return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(Scaled()(pixels)))

    views, said = views_of(finetuned, 2), []
    before = cache.features(built(), IMAGES, {}, views, said.append)
    cache.features(built(), IMAGES, {}, views, said.append)
    assert not [line for line in said if "away from" in line]
    monkeypatch.setattr(Scaled, "factor", 1 / 255)
    after = cache.features(built(), IMAGES, {}, views, said.append)
    assert len([line for line in said if "computed anew" in line]) == 2, "each view"
    for was, now in zip(before.views, after.views, strict=True):
        np.testing.assert_allclose(np.asarray(now, np.float32) * 255, was, rtol=0.01)


def test_a_finished_classifier_that_is_not_what_training_saw_is_refused() -> None:
    def right_up_to(last: int) -> keras.Model:
        """Answers each image's class, but for those from ``last`` on."""
        given = keras.Input((28, 28))
        classes = keras.layers.Lambda(lambda x: keras.ops.one_hot(x[:, 0, 0] % last, 10))
        return keras.Model(given, classes(given))

    pixels = np.zeros((300, 28, 28), np.uint8)
    pixels[:, 0, 0] = np.arange(300) % 10
    images = Images(pixels, pixels[:, 0, 0].astype(np.int32))
    trained, worse = right_up_to(10), right_up_to(8)
    setup = TrainingSetup(trained, trained, images, images)
    seen = right_in_training(setup, images)
    check_finished(trained, seen, images)
    with pytest.raises(
        UserError, match=r"right on 79\.7% of 256 validation images, where training saw 100\.0%"
    ):
        check_finished(worse, seen, images)


def test_a_disk_without_room_is_a_sentence_before_anything_is_computed(
    finetuned: Project, cache: FeatureCache
) -> None:
    frozen = _frozen(finetuned)
    frozen.predict_on_batch = None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a disk that has no more
    try:
        with pytest.raises(UserError, match=r"could not write .*Free space or choose another"):
            cache.features(frozen, IMAGES, {}, views_of(finetuned, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(cache.folder.glob("*.npy")) and not list(cache.folder.glob("*.partial"))


def test_a_device_without_room_for_a_chunk_takes_it_by_halves(
    finetuned: Project, cache: FeatureCache
) -> None:
    views = views_of(finetuned, 0)
    expected = np.array(cache.features(_frozen(finetuned), IMAGES, {}, views).views)
    for path in cache.folder.iterdir():
        path.unlink()
    frozen = _frozen(finetuned)
    compute = frozen.predict_on_batch

    def small(pixels: np.ndarray) -> np.ndarray:
        if len(pixels) > 40:
            raise MemoryError
        return compute(pixels)

    frozen.predict_on_batch = small
    found = cache.features(frozen, IMAGES, {}, views).views
    np.testing.assert_allclose(np.array(found), expected, rtol=2e-3, atol=1e-3)


def test_another_augmentation_or_other_images_are_other_features(
    finetuned: Project, cache: FeatureCache
) -> None:
    frozen, views = _frozen(finetuned), views_of(finetuned, 1)
    zoomed = finetuned.with_values({"training.augmentation.zoom": 0.3})
    cache.features(frozen, IMAGES, {}, views)
    cache.features(frozen, IMAGES, {}, views_of(zoomed, 1))
    cache.features(frozen, VALIDATION, {}, views)
    cache.features(frozen, IMAGES, {"weights": "other"}, views)
    cache.features(frozen, IMAGES, {}, replace(views, seed=views.seed + 1))
    assert len(list(cache.folder.glob("*.npy"))) == 5


def test_what_an_image_had_in_another_set_is_read_and_the_few_new_ones_are_computed(
    finetuned: Project, cache: FeatureCache
) -> None:
    frozen, views = _frozen(finetuned), views_of(finetuned, 2)
    old, order = IMAGES.take(np.arange(140)), RANDOM.permutation(150)
    before = cache.features(frozen, old, {}, views)
    compute, calls = frozen.predict_on_batch, []

    def counted(pixels: np.ndarray) -> np.ndarray:
        calls.append(len(pixels))
        return compute(pixels)

    frozen.predict_on_batch = counted
    after = cache.features(frozen, IMAGES.take(order), {}, views)
    assert calls == [10, 10], "ten images in each of two views"
    for was, now in zip(before.views, after.views, strict=True):
        back = np.argsort(order)
        np.testing.assert_array_equal(now[back][:140], was)
        assert np.abs(now[back][140:]).sum() > 0


@pytest.mark.fault(
    "features are stopped half way",
    saw="the next try computes only what is missing",
    lost="the chunk under way",
)
def test_a_view_that_was_interrupted_is_continued(
    finetuned: Project, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = views_of(finetuned, 1)
    expected = np.array(cache.features(_frozen(finetuned), IMAGES, {}, views).views[0])
    path = next(cache.folder.glob("*.npy"))
    path.unlink()
    frozen = _frozen(finetuned)
    compute, calls = frozen.predict_on_batch, []

    def killed_at_the_third(pixels: np.ndarray) -> np.ndarray:
        calls.append(len(pixels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(pixels)

    frozen.predict_on_batch = killed_at_the_third
    monkeypatch.setattr(feature_cache, "NOTED_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        cache.features(frozen, IMAGES, {}, views)
    assert not path.exists(), "whole or absent"
    calls.extend([0, 0])
    continued = cache.features(frozen, IMAGES, {}, views, lambda line: None)
    assert len(calls) == 6, "the third of three chunks was computed, no other"
    np.testing.assert_array_equal(continued.views[0], expected)


def test_what_does_not_fit_is_computed_anew_and_said(finetuned: Project, tmp_path: Path) -> None:
    tight = FeatureCache(tmp_path / "features", 1e-6)
    setup = set_up(finetuned, tight, said := [])
    assert setup.trained is setup.model and setup.train is IMAGES
    assert "computed anew in every epoch" in said[0]
    _, progress = train(finetuned, tight, tmp_path, said)
    assert progress.finished and not list(tight.folder.glob("*.npy"))


def test_old_features_make_room_for_new_ones(finetuned: Project, tmp_path: Path) -> None:
    frozen = _frozen(finetuned)
    size = 150 * int(np.prod(frozen.output_shape[1:])) * 2
    small = FeatureCache(tmp_path / "features", 2.5 * size / 1e9)
    first = small.features(frozen, IMAGES, {"number": 0}, views_of(finetuned, 1))
    before = np.array(first.views[0])
    for number in range(1, 4):
        small.features(frozen, IMAGES, {"number": number}, views_of(finetuned, 1))
    assert len(list(small.folder.glob("*.npy"))) == 2
    np.testing.assert_array_equal(first.views[0], before, "whoever reads them keeps them")


def test_bfloat16_is_computed_in_where_asked_for_and_the_finished_model_is_float32(
    finetuned: Project, cache: FeatureCache, tmp_path: Path
) -> None:
    half = finetuned.with_values({"training.precision": "mixed_bfloat16"})
    some = np.arange(20)
    in_half, in_full = (
        set_up(one, cache, []).validation.inputs(some, 0) for one in (half, finetuned)
    )
    assert 0 < np.abs(in_half - in_full).max() < 0.1
    finished, _ = train(half, cache, tmp_path, [])
    assert {layer.dtype_policy.name for layer in finished.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_a_frozen_trunk_is_split_after_the_pooling(finetuned: Project) -> None:
    assert split_before_head(design_of(finetuned).network()).frozen.output_shape == (None, 32)


def train(project: Project, cache: FeatureCache, folder: Path, said: list[str]) -> tuple:
    return phases.train_classifier(
        DATASET, project.model, project.training, head_from(project.model, project.training),
        IMAGES, VALIDATION, folder / "run", cache, lambda *_: None, said.append,
    )  # fmt: skip


def set_up(project: Project, cache: FeatureCache, said: list[str]) -> TrainingSetup:
    return set_up_training(design_of(project), IMAGES, VALIDATION, cache, said.append)


def views_of(project: Project, count: int) -> Views:
    return design_of(project).views(count)


def _frozen(project: Project) -> keras.Model:
    split = split_where_training_begins(design_of(project).network())
    assert split is not None
    return split.frozen


def _weights(model: keras.Model, name: str) -> np.ndarray:
    return next(np.array(one) for one in model.variables if one.path.endswith(name))
