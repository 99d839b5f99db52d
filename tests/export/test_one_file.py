"""The same network is the same ONNX file, whatever counters named its parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from model_zoo.export.canonical import make_regular

if TYPE_CHECKING:
    from tests.conftest import FirstRun

EXPORT = """
import sys
from pathlib import Path
import numpy as np, onnx
from model_zoo.lean_keras import import_keras
import_keras()
import keras
from model_zoo.explanation.grad_cam import explained
from model_zoo.export.canonical import make_regular
from model_zoo.plugin_registry import discover
from model_zoo.settings import Places
discover(Places.load().plugins_dir)
network = explained(keras.models.load_model(sys.argv[1], compile=False))
network(np.zeros((1, *network.input_shape[1:]), np.uint8), training=False)
network.export(sys.argv[2], format="onnx", verbose=False)
file = onnx.load(sys.argv[2])
make_regular(file)
Path(sys.argv[2]).write_bytes(file.SerializeToString(deterministic=True))
"""


def network(numbered: int, constants_first: str) -> onnx.ModelProto:
    """Two layers of scaling, with names as tf2onnx counts them."""
    two = numpy_helper.from_array(np.float32([2.0]), f"const_fold_opt__{numbered + 7}")
    three = numpy_helper.from_array(np.float32([3.0]), f"dense_{numbered}/y:0")
    inner = f"model_{numbered}/Mul__{numbered}:0"
    nodes = [
        helper.make_node("Mul", ["image", two.name], [inner], name=f"model_{numbered}/Mul"),
        helper.make_node("Add", [inner, three.name], ["probabilities"], name=f"Add__{numbered}"),
    ]
    rows = [f"unk__{numbered}", 2]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "tf2onnx",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, rows)],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, rows)],
            [two, three] if constants_first == "two" else [three, two],
            doc_string=f"converted from call_{numbered}",
        )
    )


def test_two_exports_of_one_network_are_one_file_that_answers_as_before() -> None:
    first, again = network(13, "two"), network(121, "three")
    assert first.SerializeToString() != again.SerializeToString()
    image = np.float32([[1, 2], [3, 4]])
    before = onnxruntime.InferenceSession(first.SerializeToString()).run(None, {"image": image})
    for one in (first, again):
        make_regular(one)
        onnx.checker.check_model(one)
    assert first.SerializeToString() == again.SerializeToString()
    session = onnxruntime.InferenceSession(first.SerializeToString())
    np.testing.assert_array_equal(session.run(["probabilities"], {"image": image}), before)
    assert [one.name for one in session.get_inputs()] == ["image"]


def test_branches_that_change_places_are_one_file() -> None:
    def two_branches(swapped: bool) -> onnx.ModelProto:
        branches = [
            helper.make_node("Exp", ["image"], ["up"]),
            helper.make_node("Neg", ["image"], ["down"]),
        ]
        nodes = [*reversed(branches)] if swapped else branches
        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2])
            for name in ("image", "sum")
        ]
        last = helper.make_node("Add", ["up", "down"], ["sum"])
        return helper.make_model(helper.make_graph([*nodes, last], "g", values[:1], values[1:]))

    first, again = two_branches(False), two_branches(True)
    for one in (first, again):
        make_regular(one)
        onnx.checker.check_model(one)
    assert first.SerializeToString() == again.SerializeToString()


def test_a_classifier_is_one_file_whatever_the_hash_seed_of_the_process(
    first_run: FirstRun, tmp_path: Path
) -> None:
    """tf2onnx goes through sets of names: these two seeds took them in another order."""
    network, files = first_run.folder / "model.keras", [tmp_path / "2.onnx", tmp_path / "3.onnx"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EXPORT, str(network), str(file)],
            env=os.environ | {"PYTHONHASHSEED": file.stem},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for file in files
    ]
    assert [one.wait(timeout=300) for one in processes] == [0, 0]
    first, again = (file.read_bytes() for file in files)
    assert first == again
