"""EfficientNet-Lite0 with its published weights is the network that was published."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from model_zoo.backbones import build_trunk, get_backbone
from model_zoo.backbones.torch_files import read_state_dict

#: What the original says in PyTorch: see make_torch_reference.py.
REFERENCE = np.load(Path(__file__).with_name("torch_reference.npz"))
PALACE, DAISY = 698, 985  # among the 1,000 classes of ImageNet


@pytest.fixture
def lite(zoo):
    return get_backbone("efficientnet_lite0")


def logits(lite, features: np.ndarray) -> np.ndarray:
    """What the published head makes of features (N, h, w, 1280)."""
    published = read_state_dict(lite.weights_file.find())
    return features.mean((1, 2)) @ published["_fc.weight"].T + published["_fc.bias"]


def test_features_and_logits_are_those_of_the_original(lite) -> None:
    trunk = build_trunk(lite, REFERENCE["images"].shape[1], "imagenet")
    features = np.asarray(trunk(REFERENCE["images"].astype(np.float32), training=False))
    np.testing.assert_allclose(features, REFERENCE["features"], atol=1e-3)
    np.testing.assert_allclose(logits(lite, features), REFERENCE["logits"], atol=1e-3)


def test_photographs_are_recognised(lite) -> None:
    """The two that scikit-learn ships, at the size on which the weights were trained."""
    squares = []
    for photograph in load_sample_images().images:  # china.jpg, flower.jpg
        height, width, _ = photograph.shape
        left = (width - height) // 2
        square = Image.fromarray(photograph[:, left : left + height])
        squares.append(np.asarray(square.resize((lite.native_size,) * 2, Image.Resampling.BICUBIC)))
    trunk = build_trunk(lite, lite.native_size, "imagenet")
    features = np.asarray(trunk(np.stack(squares).astype(np.float32), training=False))
    assert logits(lite, features).argmax(1).tolist() == [PALACE, DAISY]
