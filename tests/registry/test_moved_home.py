"""A home that is moved or restored from a copy works on: predicts, exports, registers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_zoo.data import store as data_store
from model_zoo.files import read_json, write_json
from model_zoo.plugin_registry import discover
from model_zoo.predictor import load_classifier
from model_zoo.registry.client import connect
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.promotion import promote
from model_zoo.registry.registration import register_version
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.run_log import RUN_TAG, parent_run
from model_zoo.registry.served_files import (
    FACTS_TAG,
    check_file,
    fetch_served_files,
    folder_in_home,
    list_served_files,
    read_facts,
)
from model_zoo.registry.store import store_of
from model_zoo.registry.version_report import VersionReports
from model_zoo.registry.versions import find_alias, get_version
from model_zoo.settings import Places, Project, Serving

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@pytest.fixture(params=["moved", "restored from a copy"])
def moved(request, project: Project, places: Places, first_run: FirstRun, tmp_path: Path) -> Places:
    """The first run's home at another path; where it lay before is nothing, or other data."""
    before, now = tmp_path / "before", tmp_path / "now"
    shutil.copytree(places.home, before, ignore=shutil.ignore_patterns("versions", "reports"))
    connect(store_of(project, places.model_copy(update={"home": before})))  # its own home now
    if request.param == "moved":
        shutil.move(before, now)
    else:
        shutil.copytree(before, now)
        for path in (before / "mlflow-artifacts").rglob("*.onnx"):
            path.write_bytes(b"what lies at the old path is not read")
    return places.model_copy(update={"home": now})


@pytest.mark.fault(
    "the home is moved, or restored from a copy", saw="everything as before", lost="nothing"
)
def test_a_moved_home_predicts_exports_and_registers(
    moved: Places,
    project: Project,
    first_run: FirstRun,
    another_store: None,
    texts_of,
    tmp_path: Path,
) -> None:
    discover(moved.plugins_dir)
    store, facts = store_of(project, moved), first_run.facts
    dataset = data_store.describe(moved.datasets_dir, facts["ingest"]["dataset"])
    test = data_store.load(moved.datasets_dir, dataset.snapshot, "test")

    classifier = load_classifier(store, Serving.load(), moved.cache_dir)
    right = classifier.probabilities(test.images[:200]).argmax(axis=1) == test.labels[:200]
    assert right.mean() > facts["evaluate"]["accuracy"] - 0.1

    exported = tmp_path / "exported"
    names = tuple(name for name, _ in list_served_files(store, "1"))
    fetch_served_files(store, "1", exported, names)
    found = read_facts(exported, get_version(store, "1").tags[FACTS_TAG])
    for name in found["sha256"]:
        check_file(exported / name, found)
    report = VersionReports(store, moved.cache_dir).report("1")
    assert report.finished and set(report.tables) == {"evaluation", "exports", "verdict"}

    folder = moved.runs_dir / first_run.folder.name
    reports = [FormatReport(**row) for row in facts["register"]["formats"]]

    def registered(identity: str) -> str:
        (folder / "mlflow_run.json").unlink(missing_ok=True)
        with parent_run(store, folder, identity, identity, {}) as run:
            return register_version(
                store, project, dataset, folder, run.info.run_id, identity, identity,
                facts["evaluate"], test, reports,
            )  # fmt: skip

    assert registered("a twin") == "1", "the same content is the same version, whoever made it"
    (twin,) = find_runs(store, RUN_TAG, "a twin")
    assert connect(store).get_run(twin).data.tags["same_as_version"] == "1"
    assert get_version(store, "1").tags["workflow_run"] == "first"
    lost = folder_in_home(store, "1") / "model.onnx"
    lost.unlink()
    assert registered("a twin") == "1" and lost.exists(), "a twin has the files that were lost"
    reports[2] = replace(reports[2], attached=False, reason="left out by the setting")
    described = read_json(folder / "served" / "classifier.json")
    del described["sha256"]["model.float32.tflite"]
    write_json(folder / "served" / "classifier.json", described)
    assert [registered("another"), registered("another")] == ["2", "2"], "registered once"
    version = get_version(store, "2")
    assert version.aliases == ("candidate",) and version.tags["run_identity"] == "another"
    tags = connect(store).get_run(version.run_id).data.tags
    assert tags["formats"] == "onnx, onnx-int8, litert-float16, litert-int8, keras"
    assert tags["format_missing.litert-float32"] == "left out by the setting"
    assert "model.float32.tflite" not in dict(list_served_files(store, "2"))
    promote(store, "2")
    assert find_alias(store, "previous").version == "1"
    again = load_classifier(store, Serving.load(), moved.cache_dir)
    assert again.version == "2"
    np.testing.assert_array_equal(
        again.probabilities(test.images[:20]), classifier.probabilities(test.images[:20])
    )
    old = str(tmp_path / "before")
    assert not [text for text in texts_of(moved.home) if old in text], "nothing points there"
