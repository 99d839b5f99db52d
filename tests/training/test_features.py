"""A frozen trunk sees each image once: equal results, a cache that is whole, resumed, bounded."""

from pathlib import Path

import keras
import numpy as np
import pytest

from model_zoo.backbones import build_trunk, discover, get_backbone
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import Settings, load_settings
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.training import features, phases
from model_zoo.training.frozen_part import cut_before_head, cut_where_training_begins

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(0)
IMAGES = Images(
    RANDOM.integers(0, 256, (150, 28, 28), np.uint8), (np.arange(150) % 10).astype(np.uint8)
)
VALIDATION = IMAGES.take(np.arange(50))


@pytest.fixture(scope="module")
def weights(small_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    discover(ROOT / "tests" / "plugins")
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    build_trunk(get_backbone("tiny"), 28, "none").save_weights(path)
    return str(path)


@pytest.fixture
def chosen(weights: str, tmp_path: Path) -> Settings:
    return load_settings(
        home=tmp_path, weights=weights, recipe="finetune", epochs=2, precision="float32"
    )


@pytest.mark.parametrize(
    ("backbone", "size", "blocks", "cut"),
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
    settings: Settings, backbone: str, size: int, blocks: int, cut: str | None, monkeypatch
) -> None:
    """Also where the first layers alone are frozen: with weights that we make, as no network is
    needed to know where a network is cut."""
    discover(ROOT / "plugins")
    monkeypatch.setattr("model_zoo.classifier.NO_WEIGHTS", "something else")
    chosen = load_settings(
        backbone=backbone, image_size=size, unfrozen_blocks=blocks, recipe="finetune"
    )
    model = build_classifier(FASHION_MNIST, chosen, head_from(chosen))
    parts = cut_where_training_begins(model)
    assert parts is not None and (cut is None or parts.cut == cut)
    assert not parts.frozen.trainable_weights
    trained = {id(one) for one in model.trainable_variables}
    assert {id(one) for one in parts.trained.trainable_variables} == trained
    pixels = IMAGES.images[:4, ..., None].astype(np.float32)
    whole = np.asarray(model(IMAGES.images[:4], training=False))
    both = np.asarray(parts.trained(parts.frozen(pixels, training=False), training=False))
    np.testing.assert_allclose(both, whole, atol=1e-6)


def test_training_on_cached_features_trains_the_whole_model(
    chosen: Settings, tmp_path: Path
) -> None:
    said: list[str] = []
    head = head_from(chosen)
    model, progress = phases.train_classifier(
        FASHION_MNIST, chosen, head, IMAGES, VALIDATION, tmp_path / "run", lambda *_: None,
        said.append,
    )  # fmt: skip
    assert progress.finished and progress.best_accuracy >= 0
    assert any(line.startswith("the head alone, 5 epochs") for line in said)
    held_out = model.predict(VALIDATION.images, verbose=0).argmax(axis=1)
    reached = float(np.mean(held_out == VALIDATION.labels))
    assert reached == pytest.approx(progress.best_accuracy, abs=0.021), "one image of 50"
    files = list((chosen.cache_dir / "features").glob("*"))
    assert len(files) == chosen.feature_views + 1 and {p.suffix for p in files} == {".npy"}


def test_features_are_computed_once(chosen: Settings) -> None:
    frozen = _frozen(chosen)
    key = {"cut": "block1_relu"}
    first = features.frozen_features(chosen, frozen, IMAGES, key, 2)
    frozen.predict_on_batch = None
    again = features.frozen_features(chosen, frozen, IMAGES, key, 2)
    np.testing.assert_array_equal(first.views[1], again.views[1])
    assert not np.array_equal(first.views[0], first.views[1]), "each view is augmented anew"
    assert first.views[0].dtype == np.float16
    np.testing.assert_array_equal(
        again.inputs(np.array([7, 3]), epoch=3), again.views[1][[7, 3]].astype(np.float32)
    )


def test_another_augmentation_or_other_images_are_other_features(chosen: Settings) -> None:
    frozen = _frozen(chosen)
    features.frozen_features(chosen, frozen, IMAGES, {}, 1)
    features.frozen_features(chosen.model_copy(update={"zoom": 0.3}), frozen, IMAGES, {}, 1)
    features.frozen_features(chosen, frozen, VALIDATION, {}, 1)
    features.frozen_features(chosen, frozen, IMAGES, {"weights": "other"}, 1)
    assert len(list((chosen.cache_dir / "features").glob("*.npy"))) == 4


def test_a_view_that_was_interrupted_is_continued(chosen: Settings, monkeypatch) -> None:
    whole = features.frozen_features(chosen, _frozen(chosen), IMAGES, {}, 1)
    expected = np.array(whole.views[0])
    path = next((chosen.cache_dir / "features").glob("*.npy"))
    path.unlink()
    frozen = _frozen(chosen)
    compute, calls = frozen.predict_on_batch, []

    def killed_at_the_third(pixels: np.ndarray) -> np.ndarray:
        calls.append(len(pixels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(pixels)

    frozen.predict_on_batch = killed_at_the_third
    monkeypatch.setattr(features, "NOTED_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        features.frozen_features(chosen, frozen, IMAGES, {}, 1)
    assert not path.exists(), "whole or absent"
    calls.extend([0, 0])
    said: list[str] = []
    continued = features.frozen_features(chosen, frozen, IMAGES, {}, 1, said.append)
    assert len(calls) == 6, "the third of three chunks was computed, no other"
    np.testing.assert_array_equal(continued.views[0], expected)


def test_what_does_not_fit_is_computed_anew_and_said(chosen: Settings) -> None:
    tight = chosen.model_copy(update={"feature_cache_gb": 1e-6})
    said: list[str] = []
    work = phases.prepare(FASHION_MNIST, tight, head_from(tight), IMAGES, VALIDATION, said.append)
    assert work.trained is work.model and work.train is IMAGES
    assert "computed anew in every epoch" in said[0]


def test_old_features_make_room_for_new_ones(chosen: Settings) -> None:
    frozen = _frozen(chosen)
    size = 150 * int(np.prod(frozen.output_shape[1:])) * 2
    small = chosen.model_copy(update={"feature_cache_gb": 2.5 * size / 1e9})
    for number in range(4):
        features.frozen_features(small, frozen, IMAGES, {"number": number}, 1)
    assert len(list((small.cache_dir / "features").glob("*.npy"))) == 2


def test_bfloat16_is_computed_in_where_asked_for_and_the_finished_model_is_float32(
    chosen: Settings, tmp_path: Path
) -> None:
    half = chosen.model_copy(update={"precision": "mixed_bfloat16"})
    work = phases.prepare(FASHION_MNIST, half, head_from(half), IMAGES, VALIDATION)
    full = phases.prepare(FASHION_MNIST, chosen, head_from(chosen), IMAGES, VALIDATION)
    some = np.arange(20)
    difference = work.validation.inputs(some, 0) - full.validation.inputs(some, 0)
    assert 0 < np.abs(difference).max() < 0.1
    finished, _ = phases.train_classifier(
        FASHION_MNIST, half, head_from(half), IMAGES, VALIDATION, tmp_path / "r", lambda *_: None
    )
    assert {layer.dtype_policy.name for layer in finished.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_a_frozen_trunk_is_cut_after_the_pooling(chosen: Settings) -> None:
    model = build_classifier(FASHION_MNIST, chosen, head_from(chosen))
    assert cut_before_head(model).frozen.output_shape == (None, 32)


def _frozen(chosen: Settings) -> keras.Model:
    model = build_classifier(FASHION_MNIST, chosen, head_from(chosen))
    parts = cut_where_training_begins(model)
    assert parts is not None
    return parts.frozen
