"""Every registered version carries files that run anywhere, equal to what was evaluated."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_zoo.config import Settings, load_settings
from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.export.check import COMPARED, SAME_PRECISION, Expected, Tolerance, check
from model_zoo.export.litert import export_litert, open_litert
from model_zoo.files import read_json, write_json
from model_zoo.predictor import Classifier
from model_zoo.registry import versions as registry
from model_zoo.registry.served_files import FORMATS, check_file, sha256
from model_zoo.runs import runner, steps


@pytest.fixture(scope="module")
def fetched(settings: Settings, first_run: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of the first version, as they lie in the registry."""
    folder = tmp_path_factory.mktemp("fetched")
    version = first_run["register"]["version"]
    names = ("classifier.json", *(row["file"] for row in first_run["register"]["formats"]))
    registry.fetch_served_files(settings, version, folder, names)
    return folder


@pytest.fixture(scope="module")
def expected(settings: Settings, first_run: dict) -> Expected:
    import keras

    folder = settings.run_dir("first")
    test = steps.test_images(folder)
    model = keras.models.load_model(folder / "model.keras")
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    return Expected(test, probabilities, np.load(folder / "test_predictions.npz")["predicted"])


def test_a_version_has_every_format_with_its_digest(fetched: Path, first_run: dict) -> None:
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
        assert accuracies[name] > first_run["evaluate"]["accuracy"] - 0.02


def test_the_table_is_on_the_run_and_in_the_model_card(settings: Settings, first_run: dict) -> None:
    version = registry.get_version(settings, first_run["register"]["version"])
    client = registry.connect(settings)
    experiment = client.get_run(version.run_id).info.experiment_id
    table = client.load_table(experiment, "export/formats.json", [version.run_id])
    assert list(table["format"]) == ["onnx", *settings.formats, "keras"]
    card = client.get_model_version(settings.model_name, version.version).description
    accuracy = first_run["evaluate"]["accuracy"]
    assert f"Test accuracy **{accuracy:.2%}**" in card
    assert all(f"| {name} | {FORMATS[name]} |" in card for name in settings.formats)


@pytest.mark.parametrize("count", [1, 3, COMPARED])
def test_onnx_agrees_with_keras_for_any_batch(
    fetched: Path, expected: Expected, count: int
) -> None:
    classifier = Classifier(fetched, "1", {})
    values = classifier.session.run(
        ["probabilities", "heatmap", "heatmaps"], {"image": expected.compared[:count]}
    )
    assert [value.shape for value in values] == [(count, 10), (count, 7, 7), (count, 10, 7, 7)]
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
    settings: Settings, expected: Expected, tmp_path: Path
) -> None:
    import keras

    from model_zoo.explanation.grad_cam import explained

    model = keras.models.load_model(settings.run_dir("first") / "model.keras")
    said: list[str] = []
    (report,) = export_litert(
        explained(model),
        tmp_path,
        ("litert-int8",),
        np.zeros((4, 28, 28), np.uint8),
        expected,
        settings.int8_accuracy_loss,
        said.append,
    )
    assert not report.attached and list(tmp_path.iterdir()) == []
    assert "same top class as Keras on" in report.reason
    assert said == [f"litert-int8: NOT attached: {report.reason}"]


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


def test_a_format_left_out_by_setting_is_said_on_the_run(
    settings: Settings, first_run: dict, another_store: None, tmp_path: Path
) -> None:
    """The version has no such file, and says so when it is asked for."""
    here = load_settings(home=tmp_path, export_formats="litert-float16")
    folder = here.run_dir("sparse")
    shutil.copytree(settings.run_dir("first"), folder)
    for name in ("mlflow_run.json", "register.json", "gate.json", "promote.json"):
        (folder / name).unlink()
    facts = runner.run_step("register", here, "sparse")
    assert "litert-int8 not attached: left out by the setting export_formats" in facts["summary"]
    version = registry.get_version(here, facts["version"])
    run = registry.connect(here).get_run(version.run_id)
    assert run.data.tags["formats"] == "onnx, litert-float16, keras"
    assert "left out" in run.data.tags["format_missing.litert-int8"]
    assert not (folder / "served" / "model.int8.tflite").exists(), "what lay there is gone"


def test_a_setting_of_an_unknown_format_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"export_formats: .*choose from onnx-int8, .*'tfjs'"):
        load_settings(export_formats="tfjs")


def undigested(folder: Path, target: Path, model: onnx.ModelProto) -> Path:
    """A version from before digests, with ``model`` as its file."""
    facts = read_json(folder / "classifier.json")
    del facts["sha256"]
    write_json(target / "classifier.json", facts)
    onnx.save_model(model, target / "model.onnx")
    return target


def test_an_opset_that_the_runtime_does_not_know_is_one_sentence(
    fetched: Path, tmp_path: Path
) -> None:
    model = onnx.load(fetched / "model.onnx")
    model.opset_import[0].version = 99
    with pytest.raises(UserError, match=r"cannot be run by ONNX Runtime .*[Oo]pset") as caught:
        Classifier(undigested(fetched, tmp_path, model), "1", {})
    assert "\n" not in str(caught.value)


def test_a_damaged_or_swapped_file_is_one_sentence(fetched: Path, tmp_path: Path) -> None:
    for name in ("classifier.json", "model.onnx"):
        shutil.copy(fetched / name, tmp_path)
    content = bytearray((tmp_path / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"model.onnx is damaged or was swapped"):
        Classifier(tmp_path, "1", {})
    shutil.copy(fetched / "model.onnx", tmp_path)
    facts = read_json(tmp_path / "classifier.json")
    write_json(tmp_path / "classifier.json", facts | {"labels": facts["labels"][::-1]})
    tags = {"classifier_sha256": sha256(fetched / "classifier.json")}
    with pytest.raises(UserError, match=r"classifier.json is damaged or was swapped"):
        Classifier(tmp_path, "1", tags)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(UserError, match=r"does not exist: expected the model.onnx of a version"):
        Classifier(tmp_path, "1", {})


def test_labels_of_another_model_are_noticed(fetched: Path, tmp_path: Path) -> None:
    folder = undigested(fetched, tmp_path, onnx.load(fetched / "model.onnx"))
    facts = read_json(folder / "classifier.json")
    write_json(folder / "classifier.json", facts | {"labels": facts["labels"][:7]})
    with pytest.raises(UserError, match=r"gives 10 probabilities, classifier.json names 7 classes"):
        Classifier(folder, "1", {})


def test_a_version_from_before_digests_and_formats_is_served(
    fetched: Path, tmp_path: Path, expected: Expected
) -> None:
    model = onnx.load(fetched / "model.onnx")
    outputs = [one for one in model.graph.output if one.name != "heatmaps"]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    folder = undigested(fetched, tmp_path, model)
    (found,) = Classifier(folder, "1", {}).predict(expected.compared[:1])
    assert found.heatmap.shape == (7, 7) and found.heatmaps is None
    np.testing.assert_array_equal(found.heatmap_of(), found.heatmap)
    other = next(label for label in found.labels if label != found.label)
    with pytest.raises(UserError, match="registered before every class had one"):
        found.heatmap_of(other)


def test_a_file_that_is_no_litert_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.int8.tflite"
    path.write_bytes(b"no flatbuffer at all")
    with pytest.raises(UserError, match="no file that LiteRT reads"):
        open_litert(path)
