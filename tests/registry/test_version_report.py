"""What is recorded about a version is read once, kept, and readable while MLflow is away."""

import numpy as np
import pytest

from model_zoo.config import Settings, load_settings
from model_zoo.images.statistics import measure, summarise, unlike
from model_zoo.registry import versions as registry
from model_zoo.registry.version_report import Reports
from model_zoo.runs import runner


@pytest.fixture(scope="module")
def number(first_run: dict) -> str:
    return first_run["register"]["version"]


def test_a_report_has_what_the_run_recorded(
    settings: Settings, first_run: dict, number: str
) -> None:
    found = Reports(settings).report(number)
    assert found.finished and found.tags["backbone"] == "tiny"
    assert found.tables["evaluation"]["accuracy"] == first_run["evaluate"]["accuracy"]
    assert len(found.history) == first_run["train"]["epochs"]
    assert found.history[-1]["val_accuracy"] == pytest.approx(
        first_run["train"]["history"][-1]["val_accuracy"]
    )
    assert {name for name, size in found.files if size} >= {"model.onnx", "classifier.json"}
    assert "Passed" in found.documents["verdict"]
    assert "onnx" in found.documents["card"] and "robustness" not in found.tables


def test_test_predictions_and_images_belong_together(
    settings: Settings, first_run: dict, number: str
) -> None:
    reports = Reports(settings)
    report = reports.report(number)
    predictions, images = reports.predictions(report), reports.test_images(report)
    assert predictions is not None and images is not None
    assert len(images) == len(predictions.labels) == first_run["evaluate"]["images"]
    right = float((predictions.predicted == predictions.labels).mean())
    assert right == pytest.approx(first_run["evaluate"]["accuracy"])
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1, dtype=float), 1, atol=0.01)


def test_the_test_images_are_stored_once_for_all_runs_on_a_dataset(
    settings: Settings, first_run: dict
) -> None:

    runner.run_step("evaluate", settings, "first")
    digest = first_run["preprocess"]["digest"]
    assert len(registry.find_runs(settings, "test_images", digest)) == 1


def test_what_was_read_is_there_while_mlflow_is_away(settings: Settings, number: str) -> None:
    here = Reports(settings)
    report = here.report(number)
    here.predictions(report), here.test_images(report)
    away = Reports(load_settings(tracking_uri="http://127.0.0.1:9"))
    again = away.report(number)
    assert again.tags == report.tags
    assert away.predictions(again) is not None and away.test_images(again) is not None
    with pytest.raises(registry.RegistryUnavailable):
        away.report("99")
    with pytest.raises(registry.RegistryUnavailable, match="a moment ago"):
        away.report("98")


def test_image_statistics_tell_what_is_unlike_the_training_images() -> None:
    rng = np.random.default_rng(0)
    garments = np.zeros((500, 28, 28), np.uint8)
    for image in garments:
        width = rng.integers(10, 20)
        image[:, 14 - width // 2 : 14 + width // 2] = rng.integers(120, 200)
    recorded = summarise(garments)
    assert measure(garments)["extent"].min() == 1.0
    assert not any(unlike(image, recorded) for image in garments[:50])
    dot = np.zeros((28, 28), np.uint8)
    dot[13:15, 13:15] = 150
    assert "the garment covers too little of the image" in unlike(dot, recorded)
    noise = rng.integers(0, 255, (28, 28), np.uint8)
    assert "it is unusually noisy or patterned" in unlike(noise, recorded)
    assert "the corners are not black" in unlike(np.full((28, 28), 150, np.uint8), recorded)
    assert unlike(noise, {}) == [], "a version that records nothing accuses nothing"
