"""From the files of a run to a registered version, and its predictions back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.config import Settings
from model_zoo.data.dataset import Images
from model_zoo.export.check import Report
from model_zoo.registry import versions as registry
from model_zoo.registry.model_card import model_card
from model_zoo.registry.served_files import FACTS, FACTS_TAG, MODEL, sha256

# What a client needs to run the served file with `mlflow.pyfunc.load_model`.
SERVING_REQUIREMENTS = ["mlflow", "onnx", "onnxruntime", "numpy"]


def register_version(
    settings: Settings,
    folder: Path,
    run_id: str,
    measured: dict[str, Any],
    dataset_source: str,
    test: Images,
    reports: list[Report],
) -> str:
    """Log the files as an MLflow model of the active run and register it as candidate.

    Run again for the same MLflow run, it finds the version that is there.

    Returns:
        The version's number.
    """
    name = settings.model_name
    with registry.answered_by(settings) as client:
        known = client.search_model_versions(f"name='{name}' and run_id='{run_id}'")
        if known:
            number = str(known[0].version)
        else:
            number = _log_and_register(client, settings, folder, run_id, measured, test, reports)
        tags = {
            "accuracy": f"{measured['accuracy']:.4f}",
            "accuracy_low": f"{measured['accuracy_low']:.4f}",
            "accuracy_high": f"{measured['accuracy_high']:.4f}",
            "backbone": settings.backbone,
            "weights": settings.weights,
            "profile": settings.profile,
            "dataset_source": dataset_source,
            "workflow_run": folder.name,
        }
        for key, value in tags.items():
            client.set_model_version_tag(name, number, key, value)
        card = model_card(settings, number, measured, dataset_source, reports)
        client.update_model_version(name, number, card)
        client.log_text(run_id, card, "export/model_card.md")
        production = registry.find_alias(settings, "production")
        if production is None or production.version != number:
            client.set_registered_model_alias(name, "candidate", number)
    return number


def _log_and_register(
    client: Any,
    settings: Settings,
    folder: Path,
    run_id: str,
    measured: dict[str, Any],
    test: Images,
    reports: list[Report],
) -> str:
    import mlflow
    import onnx
    from mlflow.models import infer_signature

    logged = mlflow.onnx.log_model(
        onnx.load(folder / "served" / MODEL),
        name="model",
        save_as_external_data=False,  # one file: clients fetch model.onnx by name
        signature=infer_signature(
            test.images[:2], np.zeros((2, len(measured["per_class"])), np.float32)
        ),
        pip_requirements=SERVING_REQUIREMENTS,
    )
    for name in (FACTS, *(one.file for one in reports if one.attached)):
        if name != MODEL:
            client.log_model_artifact(logged.model_id, str(folder / "served" / name))
    mlflow.log_dict({"image": test.images[:2].tolist()}, "model_input_example.json")
    if not any(
        one.path == "export/formats.json" for one in client.list_artifacts(run_id, "export")
    ):
        rows = [report.as_dict() for report in reports]
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        mlflow.log_table(columns, "export/formats.json")  # appends, were it there already
    mlflow.set_tag("formats", ", ".join(one.format for one in reports if one.attached))
    for one in reports:
        if not one.attached:
            mlflow.set_tag(f"format_missing.{one.format}", one.reason)
    registered = mlflow.register_model(
        f"models:/{logged.model_id}",
        settings.model_name,
        await_registration_for=0,
        tags={FACTS_TAG: sha256(folder / "served" / FACTS)},
    )
    return str(registered.version)


def predict_with_version(settings: Settings, version: str, images: Images) -> np.ndarray:
    """What a registered version predicts for raw images, by the file that is served.

    Returns:
        Class indices, int64 (N,).

    Raises:
        UserError: no such version, a damaged file, or images of another shape.
    """
    from model_zoo.predictor import load_classifier

    return load_classifier(settings, version).probabilities(images.images).argmax(axis=1)
