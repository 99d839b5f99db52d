"""A version whose files are not what was registered, or not for us, is one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.predictor import ServedClassifier
from model_zoo.registry.served_files import FACTS_TAG, sha256
from model_zoo.settings import Places


@pytest.fixture
def folder(first_run, places: Places, tmp_path: Path) -> Path:
    """The two served files of the first version."""
    for name in ("classifier.json", "model.onnx"):
        shutil.copy(first_run.folder / "served" / name, tmp_path)
    return tmp_path


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """``classifier.json`` with some other content, right digests included."""
    facts = read_json(folder / "classifier.json")
    facts["sha256"]["model.onnx"] = sha256(folder / "model.onnx")
    change(facts)
    write_json(folder / "classifier.json", facts)
    return folder


def test_a_damaged_or_swapped_file(folder: Path) -> None:
    tags = {FACTS_TAG: sha256(folder / "classifier.json")}
    assert ServedClassifier(folder, "1", tags).version == "1"
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"model.onnx is damaged or was swapped"):
        ServedClassifier(folder, "1", tags)
    (folder / "model.onnx").unlink()
    with pytest.raises(UserError, match=r"does not exist: expected the model.onnx of a version"):
        ServedClassifier(folder, "1", tags)
    write_json(folder / "classifier.json", {})
    with pytest.raises(UserError, match=r"classifier.json is damaged or was swapped"):
        ServedClassifier(folder, "1", tags)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda facts: facts.pop("preparation"), "no classifier of this layout, it lacks prep"),
        (lambda facts: facts.update(image_shape=[28, 28]), r"width, channels\). Received: \[28, 2"),
        (lambda facts: facts.update(project="boots"), "belongs to the project 'boots', not to 'sh"),
        (
            lambda facts: facts.update(preparation=["upright", "spin"]),
            "version 1 cannot prepare pictures: unknown step of preparation 'spin'",
        ),
        (
            lambda facts: facts["labels"].pop(),
            "gives 10 probabilities, classifier.json names 9 classes",
        ),
    ],
)
def test_another_layout_project_step_or_model(folder: Path, change, sentence: str) -> None:
    rewritten(folder, lambda facts: facts.update(project="shirts"))
    rewritten(folder, change)
    with pytest.raises(UserError, match=sentence) as caught:
        ServedClassifier(folder, "1", {}, project="shirts")
    assert "\n" not in str(caught.value)


def test_an_opset_that_the_runtime_does_not_know(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    model.opset_import[0].version = 99
    onnx.save_model(model, folder / "model.onnx")
    rewritten(folder, lambda facts: None)
    with pytest.raises(UserError, match=r"cannot be run by ONNX Runtime .*[Oo]pset") as caught:
        ServedClassifier(folder, "1", {})
    assert "\n" not in str(caught.value)
