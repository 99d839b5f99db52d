"""Every registered version carries files that run anywhere, equal to what was evaluated."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from remembering import Remembering

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.export import version_files
from model_zoo.export.check import COMPARED, SAME_PRECISION, Expected, Tolerance, check
from model_zoo.export.litert import export_litert, open_litert
from model_zoo.export.onnx import _check_heatmaps
from model_zoo.files import read_json
from model_zoo.predictor import ServedClassifier
from model_zoo.progress import part
from model_zoo.registry.client import connect
from model_zoo.registry.served_files import FORMATS, check_file
from model_zoo.registry.store import Store
from model_zoo.registry.versions import get_version
from model_zoo.settings import Project

if TYPE_CHECKING:
    from tests.conftest import FirstRun


def test_a_version_has_every_format_with_its_digest(fetched: Path, first_run: FirstRun) -> None:
    facts = read_json(fetched / "classifier.json")
    assert [row["format"] for row in facts["formats"] if row["attached"]] == [
        *("onnx", "onnx-int8", "litert-float32", "litert-float16", "litert-int8", "keras")
    ]
    for row in facts["formats"]:
        path = fetched / row["file"]
        check_file(path, facts)
        assert path.stat().st_size == row["bytes"]
        assert row["latency_ms"] > 0
    sizes = {row["format"]: row["bytes"] for row in facts["formats"]}
    assert sizes["litert-int8"] < sizes["litert-float16"] < sizes["litert-float32"]
    accuracies = {row["format"]: row["accuracy"] for row in facts["formats"]}
    for name in ("onnx-int8", "litert-float16", "litert-int8"):
        assert accuracies[name] > first_run.facts["evaluate"]["accuracy"] - 0.02


def test_a_version_says_what_it_takes_and_what_it_learned_from(
    fetched: Path, dataset: Dataset, project: Project
) -> None:
    facts = read_json(fetched / "classifier.json")
    assert facts["project"] == project.name and facts["generated"] is True
    assert tuple(facts["labels"]) == dataset.labels
    assert tuple(facts["image_shape"]) == dataset.image_shape
    assert tuple(facts["preparation"]) == dataset.preparation
    assert facts["dataset_digest"] == dataset.snapshot
    assert set(facts["statistics"]) == set(dataset.statistics)
    assert [one["label"] for one in facts["examples"]] == list(dataset.labels)


def test_the_table_is_on_the_run_and_in_the_model_card(
    store: Store, project: Project, first_run: FirstRun, another_store: None
) -> None:
    import mlflow

    mlflow.set_tracking_uri(store.uri)  # a client reads tables by the process's own
    version = get_version(store, first_run.facts["register"]["version"])
    client = connect(store)
    experiment = client.get_run(version.run_id).info.experiment_id
    table = client.load_table(experiment, "export/formats.json", [version.run_id])
    assert list(table["format"]) == ["onnx", *project.export.formats, "keras"]
    card = client.get_model_version(store.model, version.version).description
    accuracy = first_run.facts["evaluate"]["accuracy"]
    assert f"Test accuracy **{accuracy:.2%}**" in card
    assert all(f"| {name} | {FORMATS[name]} |" in card for name in project.export.formats)


@pytest.mark.parametrize("count", [1, 3, COMPARED])
def test_onnx_agrees_with_keras_for_any_batch(
    fetched: Path, expected: Expected, count: int
) -> None:
    classifier = ServedClassifier(fetched, "1", {})
    values = classifier.session.run(
        ["probabilities", "heatmap", "heatmaps", "explained", "embedding"],
        {"image": expected.compared[:count]},
    )
    shapes = [(count, 10), (count, 7, 7), (count, 10, 7, 7), (count, 10)]
    assert [value.shape for value in values[:4]] == shapes
    assert values[4].ndim == 2 and len(values[4]) == count and values[4].std() > 0
    np.testing.assert_allclose(values[0], expected.probabilities[:count], atol=1e-4)


@pytest.mark.parametrize(("name", "difference"), [("float32", 1e-4), ("float16", 2e-2)])
def test_litert_agrees_with_keras_for_any_batch(
    fetched: Path, expected: Expected, name: str, difference: float
) -> None:
    predict = open_litert(fetched / f"model.{name}.tflite")
    for count in (1, 3, COMPARED):
        found = predict(expected.compared[:count])
        np.testing.assert_allclose(found, expected.probabilities[:count], atol=difference)


def test_keras_goes_along_for_further_training(fetched: Path, expected: Expected) -> None:
    import keras

    model = keras.models.load_model(fetched / "model.keras")
    found = model.predict(expected.compared, verbose=0)
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-6)


def test_a_badly_calibrated_int8_file_is_not_attached(
    first_run: FirstRun, project: Project, expected: Expected, tmp_path: Path
) -> None:
    import keras

    from model_zoo.explanation.grad_cam import explained

    model = keras.models.load_model(first_run.folder / "model.keras")
    said: list[str] = []
    told = Remembering(said.append)
    (report,) = export_litert(
        explained(model),
        tmp_path,
        ("litert-int8",),
        np.zeros_like(expected.compared[:4]),
        expected,
        project.export.litert_int8_accuracy_loss,
        told,
    )
    assert not report.attached and list(tmp_path.iterdir()) == []
    assert "same top class as Keras on" in report.reason
    assert said == [f"litert-int8: NOT attached: {report.reason}"]
    assert told.of("converting to litert-int8"), "what gives no sign of life itself"
    checked = told.of("checking litert-int8 on the test set")
    assert checked[-1].done == checked[-1].total == len(expected.test)


@pytest.mark.parametrize(
    ("tolerance", "spoil", "reason"),
    [
        (SAME_PRECISION, lambda p: p + 0.01, "differs from Keras by 0.01 in probability"),
        (SAME_PRECISION, lambda p: p * np.nan, "differs from Keras by nan"),
        (Tolerance(None, 0.9), lambda p: p[:, ::-1], "same top class as Keras on"),
        (Tolerance(None, 0.0, 0.01), lambda p: p[:, ::-1], "points of test accuracy, 1 allowed"),
    ],
)
def test_outside_its_tolerance_a_file_says_why(
    fetched: Path, expected: Expected, tolerance: Tolerance, spoil, reason: str
) -> None:
    right = open_litert(fetched / "model.float32.tflite")
    few = dataclasses.replace(
        expected,
        test=Images(expected.test.images[:200], expected.test.labels[:200]),
        predicted=expected.predicted[:200],
    )
    path = fetched / "model.float32.tflite"
    report = check("litert-float32", path, lambda images: spoil(right(images)), few, tolerance)
    assert not report.attached and reason in report.reason
    assert check("litert-float32", path, right, few, SAME_PRECISION).attached


def test_a_format_that_a_project_leaves_out_is_reported_as_such(
    project: Project, expected: Expected, tmp_path: Path
) -> None:
    none = project.with_values({"export.formats": ()}).export
    with part(print, "export") as work:
        reports = version_files._optional(
            none, None, tmp_path, expected.compared, expected, print, work
        )
    assert [one.format for one in reports] == list(project.export.formats)
    for one in reports:
        assert one.sentence.endswith("NOT attached: left out by the setting export.formats")


def test_examples_are_of_classes_that_have_an_image_in_grey_and_in_colour() -> None:
    labels = ("cat", "dog", "horse")
    for shape in ((40, 30), (40, 30, 3)):
        test = Images(np.zeros((4, *shape), np.uint8), np.array([2, 0, 0, 2], np.int32))
        found = version_files._examples(labels, test)
        assert [one["label"] for one in found] == ["cat", "horse"]


def test_a_file_that_is_no_litert_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.int8.tflite"
    path.write_bytes(b"no flatbuffer at all")
    with pytest.raises(UserError, match="no file that LiteRT reads"):
        open_litert(path)


def compare_heatmaps(wrong: int) -> None:
    """64 images of 10 classes, of whose heatmaps so many are others in the file."""
    maps = np.random.default_rng(0).uniform(0, 1, (64, 10, 3, 3)).astype(np.float32)
    classes = np.tile(np.arange(10), (64, 1))
    theirs = maps.copy()
    theirs.reshape(-1, 3, 3)[:wrong] += 0.1
    made = {"heatmaps": maps, "explained": classes}
    model = SimpleNamespace(name="tiny", predict=lambda images, verbose: made)
    images = Images(np.zeros((64, 3, 3), np.uint8), np.zeros(64, np.int32))
    expected = Expected(images, np.zeros((64, 10)), np.zeros(64))
    _check_heatmaps(model, (theirs, classes), expected)


def test_a_unit_of_the_head_that_is_all_but_zero_may_pass_in_the_file_alone() -> None:
    compare_heatmaps(wrong=10)
    with pytest.raises(UserError, match=r"tiny differs from Keras by 0\.1 in a heatmap"):
        compare_heatmaps(wrong=64)
