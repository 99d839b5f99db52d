"""A version of colour images, not square and with three classes, as any other."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.images import read_image
from model_zoo.predictor import ServedClassifier
from model_zoo.registry.served_files import NEEDED, sha256


def mean_colour() -> onnx.ModelProto:
    """The softmax of an image's mean red, green and blue; a heatmap is where that colour is."""
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("GlobalAveragePool", ["planes"], ["means"]),
        helper.make_node("Flatten", ["means"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[20, 15], strides=[20, 15]
        ),
        helper.make_node("TopK", ["probabilities", "count"], ["shares", "places"], axis=1),
        helper.make_node("Cast", ["places"], ["explained"], to=TensorProto.INT32),
        helper.make_node("Unsqueeze", ["places", "last"], ["placed"]),
        helper.make_node("GatherND", ["pooled", "placed"], ["heatmaps"], batch_dims=1),
        helper.make_node("ReduceMax", ["pooled"], ["heatmap"], axes=[1], keepdims=0),
    ]
    numbers = [
        helper.make_tensor("count", TensorProto.INT64, [1], [3]),
        helper.make_tensor("last", TensorProto.INT64, [1], [2]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 40, 30, 3])
    shapes = {"probabilities": ["N", 3], "heatmap": ["N", 2, 2], "heatmaps": ["N", 3, 2, 2]}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    outputs.append(helper.make_tensor_value_info("explained", TensorProto.INT32, ["N", 3]))
    graph = helper.make_graph(nodes, "colours", [image], outputs, numbers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def classifier(tmp_path: Path) -> ServedClassifier:
    onnx.save_model(mean_colour(), tmp_path / "model.onnx")
    facts = dict.fromkeys(NEEDED) | {
        "project": "colours",
        "labels": ["red", "green", "blue"],
        "image_shape": [40, 30, 3],
        "preparation": ["upright", "flatten", "fit"],
        "generated": True,
        "temperature": 1.0,
        "sha256": {"model.onnx": sha256(tmp_path / "model.onnx")},
    }
    write_json(tmp_path / "classifier.json", facts)
    return ServedClassifier(tmp_path, "1", {}, project="colours")


def test_a_picture_in_colour_is_prepared_and_predicted(classifier: ServedClassifier) -> None:
    picture = np.zeros((80, 60, 3), np.uint8)
    picture[..., 1] = 200
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    image = read_image(file.getvalue(), classifier.image_shape, classifier.preparation, 10**6)
    assert image.shape == classifier.array_shape == (40, 30, 3)
    (found,) = classifier.predict(image[None])
    assert found.label == "green" and found.image.shape == (40, 30, 3)
    assert found.heatmaps.shape == (3, 2, 2) and found.heatmap_of("red").max() == 0
    np.testing.assert_array_equal(found.heatmap, found.heatmap_of("green"))


def test_grey_images_are_refused_with_the_shape_that_is_wanted(
    classifier: ServedClassifier,
) -> None:
    with pytest.raises(UserError, match=r"uint8 \(N, 40, 30, 3\) .* uint8 \(1, 40, 30\)"):
        classifier.predict(np.zeros((1, 40, 30), np.uint8))
