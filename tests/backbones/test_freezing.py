"""What is fine-tuned: whole blocks, counted from the end; the rest stays as it was."""

from pathlib import Path

import keras
import numpy as np
import pytest
from made_weights import TRAINING, tiny_classifier

from model_zoo.backbones import build_trunk, get_backbone, set_trainable
from model_zoo.classifier import head_from
from model_zoo.explanation.grad_cam import explained
from model_zoo.settings import ModelSettings
from model_zoo.training.optimizer import compile_classifier

IMAGES = np.random.default_rng(0).integers(0, 255, (32, 28, 28), np.uint8)
LABELS = np.arange(32) % 10


def trainable(trunk: keras.Model) -> set[str]:
    return {weight.path.split("/")[0] for weight in trunk.trainable_weights}


def test_a_block_is_told_from_one_whose_name_begins_alike(zoo) -> None:
    resnet, mobile = get_backbone("resnet101"), get_backbone("mobilenet_v3_small")
    names = resnet.block_names
    assert names[resnet.block_of("conv4_block1_1_conv")] == "conv4_block1"
    assert names[resnet.block_of("conv4_block10_1_conv")] == "conv4_block10"
    assert mobile.block_of("expanded_conv_project") == 1, "longest name wins"
    assert mobile.block_names[mobile.block_of("expanded_conv_1_project")] == "expanded_conv_1"
    assert resnet.block_of("pool1_pool") is None


def test_the_last_block_of_resnet50_is_the_notebooks_last_ten_layers(zoo) -> None:
    backbone = get_backbone("resnet50")
    trunk = build_trunk(backbone, 32, "none")
    set_trainable(trunk, backbone, 1)
    last_ten = trunk.layers[-10:]
    assert {layer.name.rsplit("_", 2)[0] for layer in last_ten[:-2]} == {"conv5_block3"}
    assert trainable(trunk) == {
        layer.name
        for layer in last_ten
        if layer.weights and not isinstance(layer, keras.layers.BatchNormalization)
    }


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, set()),
        (1, {"block2_conv"}),
        (2, {"block1_conv", "block2_conv"}),
        (9, {"block1_conv", "block2_conv"}),
        (None, {"block1_conv", "block1_bn", "block2_conv", "block2_bn"}),
    ],
)
def test_settings_say_how_many_blocks_are_trained(zoo, count, expected) -> None:
    backbone = get_backbone("tiny")
    trunk = build_trunk(backbone, 28, "none")
    set_trainable(trunk, backbone, count)
    assert trainable(trunk) == expected


def test_normalisation_learns_with_its_block_where_the_settings_say_so(zoo) -> None:
    backbone = get_backbone("tiny")
    trunk = build_trunk(backbone, 28, "none")
    set_trainable(trunk, backbone, 1, normalisation_learns=True)
    assert trainable(trunk) == {"block2_conv", "block2_bn"}, "and in no block before it"


def test_fitting_leaves_frozen_layers_and_their_statistics_as_they_were(
    zoo, tmp_path: Path
) -> None:
    build_trunk(get_backbone("tiny"), 28, "none").save_weights(tmp_path / "t.weights.h5")
    chosen = {"weights": str(tmp_path / "t.weights.h5"), "unfrozen_blocks": 1}
    settings = ModelSettings(**chosen)
    head = head_from(settings, TRAINING)
    model = compile_classifier(tiny_classifier(**chosen), settings, TRAINING, head, steps=4)
    trunk = model.get_layer("tiny")
    before = {weight.path: np.array(weight) for weight in trunk.weights}
    model.fit(IMAGES, LABELS, batch_size=8, verbose=0)
    changed = {w.path for w in trunk.weights if not np.array_equal(before[w.path], np.array(w))}
    assert changed == {"block2_conv/kernel", "block2_conv/bias"}


def test_frozen_blocks_drop_nothing(zoo) -> None:
    """EfficientNets drop whole branches in training; frozen ones give equal features."""
    backbone = get_backbone("efficientnet_b0")
    trunk = build_trunk(backbone, 32, "none")
    set_trainable(trunk, backbone, 0)
    images = np.repeat(IMAGES[:2, :, :, None], 3, axis=-1).astype(np.float32)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    features = [np.asarray(trunk(images, training=training)) for training in (True, False)]
    np.testing.assert_array_equal(*features)


@pytest.mark.parametrize("image_size", [28, 32])
def test_what_is_served_is_in_inference_mode_without_being_told(zoo, image_size: int) -> None:
    """Keras traces a model for ONNX without saying `training`; a layer on the way must not turn
    batch normalisation after it to the statistics of the request's own images."""
    model = tiny_classifier(image_size=image_size)
    expected = np.asarray(model(IMAGES, training=False))
    received = np.asarray(explained(model)(IMAGES)["probabilities"])
    np.testing.assert_allclose(received, expected, atol=1e-6)
