"""What is recorded about a version is read once, kept, and readable while MLflow is away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_zoo.registry.client import RegistryUnavailable
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.store import Store
from model_zoo.registry.version_report import VersionReports
from model_zoo.runs.runner import run_step
from model_zoo.settings import Places, Project

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@pytest.fixture(scope="module")
def number(first_run: FirstRun) -> str:
    return first_run.facts["register"]["version"]


@pytest.fixture
def reports(store: Store, places: Places) -> VersionReports:
    return VersionReports(store, places.cache_dir)


def test_a_report_has_what_the_run_recorded(
    reports: VersionReports, first_run: FirstRun, number: str
) -> None:
    found = reports.report(number)
    facts = first_run.facts
    assert found.finished and found.tags["backbone"] == "tiny"
    assert found.tags["generated"] == "true" and found.tags["workflow_run"] == "first"
    assert found.tables["evaluation"]["accuracy"] == facts["evaluate"]["accuracy"]
    assert len(found.history) == facts["train"]["epochs"]
    assert found.history[-1]["val_accuracy"] == pytest.approx(
        facts["train"]["history"][-1]["val_accuracy"]
    )
    assert {name for name, size in found.files if size} >= {"model.onnx", "classifier.json"}
    assert "Passed" in found.documents["verdict"] and "onnx" in found.documents["card"]


def test_test_predictions_and_images_belong_together(
    reports: VersionReports, first_run: FirstRun, number: str
) -> None:
    report = reports.report(number)
    predictions, images = reports.predictions(report), reports.test_images(report)
    assert predictions is not None and images is not None
    assert len(images) == len(predictions.labels) == first_run.facts["evaluate"]["images"]
    right = float((predictions.predicted == predictions.labels).mean())
    assert right == pytest.approx(first_run.facts["evaluate"]["accuracy"])
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1, dtype=float), 1, atol=0.01)


def test_the_test_images_are_stored_once_for_all_runs_on_a_dataset(
    project: Project, places: Places, store: Store, first_run: FirstRun
) -> None:
    run_step("evaluate", project, places, "first")
    digest = first_run.facts["ingest"]["dataset"]
    assert len(find_runs(store, "test_images", digest)) == 1


@pytest.mark.fault(
    "MLflow is away while versions are compared",
    saw="what was read before; of the rest that MLflow does not answer",
    lost="nothing",
)
def test_what_was_read_is_there_while_mlflow_is_away(
    reports: VersionReports, store: Store, places: Places, number: str
) -> None:
    report = reports.report(number)
    reports.predictions(report), reports.test_images(report)
    away = VersionReports(replace(store, server="http://127.0.0.1:9"), places.cache_dir)
    again = away.report(number)
    assert again.tags == report.tags
    assert away.predictions(again) is not None and away.test_images(again) is not None
    with pytest.raises(RegistryUnavailable):
        away.report("99")
    with pytest.raises(RegistryUnavailable, match="a moment ago"):
        away.report("98")
