"""The normalisation inside each backbone is that of its family's own `preprocess_input`."""

from pathlib import Path

import keras
import numpy as np
import pytest
from test_weights import differing, write_older

from model_zoo.backbones import build_trunk, get_backbone

APPLICATIONS = keras.applications
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
SHAPE = IMAGES.shape[1:]


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(model(images, training=False))


@pytest.mark.parametrize(
    ("name", "module", "network"),
    [
        ("resnet50", "resnet50", "ResNet50"),
        ("resnet50v2", "resnet_v2", "ResNet50V2"),
        ("mobilenet_v2", "mobilenet_v2", "MobileNetV2"),
        ("mobilenet_v3_small", "mobilenet_v3", "MobileNetV3Small"),
        ("efficientnet_v2_b0", "efficientnet_v2", "EfficientNetV2B0"),
    ],
)
def test_raw_pixels_give_what_the_family_gives_for_its_own_input(
    zoo, name: str, module: str, network: str
) -> None:
    ours = build_trunk(get_backbone(name), 32, "none")
    theirs = getattr(APPLICATIONS, network)(include_top=False, weights=None, input_shape=SHAPE)
    for layer in theirs.layers:
        if layer.weights:
            layer.set_weights(ours.get_layer(layer.name).get_weights())
    prepared = getattr(APPLICATIONS, module).preprocess_input(IMAGES.copy())
    expected = outputs(theirs, prepared)
    np.testing.assert_allclose(outputs(ours, IMAGES), expected, rtol=2e-3, atol=1e-4)
    assert not np.allclose(outputs(ours, IMAGES[..., ::-1]), expected, rtol=2e-3, atol=1e-4)


def test_efficientnet_b0_normalises_as_with_its_published_weights(
    zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras' B0 takes mean and variance from the weights file and divides once more."""
    network = APPLICATIONS.EfficientNetB0(include_top=False, weights=None, input_shape=SHAPE)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            # The published file holds the deviation where the layer expects the variance.
            layer.set_weights([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225], np.array(0)])
    path = write_older(network, tmp_path / "efficientnetb0_notop.h5")
    monkeypatch.setattr(
        "keras.src.applications.efficientnet.file_utils.get_file", lambda *a, **k: str(path)
    )
    theirs = APPLICATIONS.EfficientNetB0(include_top=False, input_shape=SHAPE)
    expected = outputs(theirs, IMAGES)
    for weights in ("imagenet", str(path)):
        ours = build_trunk(get_backbone("efficientnet_b0"), 32, weights)
        np.testing.assert_allclose(outputs(ours, IMAGES), expected, rtol=2e-3, atol=1e-5)


def test_vit_cuts_patches_that_are_squares_of_the_picture(zoo) -> None:
    trunk = differing(build_trunk(get_backbone("vit_tiny"), 16, "none"))
    flatten = keras.Model(trunk.input, trunk.get_layer("flatten").output)
    images = IMAGES[:, :16, :16]
    patch = outputs(flatten, images)[1, 2, 3].reshape(4, 4, 3)
    np.testing.assert_allclose(patch, images[1, 8:12, 12:16] / 127.5 - 1, atol=1e-5)
