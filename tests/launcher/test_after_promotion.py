"""What hangs on a promotion: every format in a folder, and predictions for pictures beside them."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import pytest
from first_run import FirstRun

from model_zoo.files import read_json
from model_zoo.settings import Project


def test_a_promotion_is_followed_by_files_and_predictions(
    project: Project, first_run: FirstRun, tmp_path: Path
) -> None:
    # Not above, where each worker of pytest-xdist would import Airflow to find this test.
    from airflow.sdk.exceptions import AirflowFailException

    from launcher.airflow_steps.after_promotion import (
        export_all,
        predict_folder,
        version_in_production,
    )

    file = str(project.file)
    version = version_in_production(file)
    exported = Path(export_all(file, version))
    facts = read_json(exported / "classifier.json")
    assert {path.name for path in exported.iterdir()} >= set(facts["sha256"])
    assert "no pictures: nothing to predict" in predict_folder(file, version, str(exported))
    for number, example in enumerate(facts["examples"][:3]):
        (tmp_path / f"{number}.png").write_bytes(base64.b64decode(example["png"]))
    said = predict_folder(file, version, str(exported), str(tmp_path))
    assert said.startswith(f"3 predictions of version {version} in ")
    rows = list(csv.DictReader((exported / "predictions.csv").open()))
    assert [Path(row["image"]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert {row["label"] for row in rows} <= set(facts["labels"])
    with pytest.raises(AirflowFailException, match="no version '99'"):
        export_all(file, "99")
