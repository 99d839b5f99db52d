"""From a trained model to a registered version with files in every format."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo import registry
from model_zoo.config import OPTIONAL_FORMATS, Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.export.check import COMPARED, Expected, Report, latency_ms
from model_zoo.export.litert import LITERT, export_litert
from model_zoo.export.onnx import export_onnx
from model_zoo.export.onnx_int8 import NAME as ONNX_INT8
from model_zoo.export.onnx_int8 import export_onnx_int8
from model_zoo.files import write_json
from model_zoo.images import png
from model_zoo.model_card import model_card
from model_zoo.served_files import FACTS, FACTS_TAG, FORMATS, KERAS, MODEL, sha256

# What a client needs to run the served file with `mlflow.pyfunc.load_model`.
SERVING_REQUIREMENTS = ["mlflow", "onnx", "onnxruntime", "numpy"]


def export_files(
    settings: Settings,
    dataset: Dataset,
    folder: Path,
    measured: dict[str, Any],
    predicted: np.ndarray,
    training: Images,
    test: Images,
    say: Callable[[str], None],
) -> list[Report]:
    """Write every format and ``classifier.json`` into ``served/`` of a run's folder.

    Args:
        predicted: the evaluated model's top class for each test image.
        training: its first images calibrate int8.
        test: every file must agree with Keras on it; one image a class goes along as example.

    Raises:
        UserError: the ONNX file, which is what is served, is outside its tolerance.
    """
    import keras

    from model_zoo.grad_cam import explained

    served = folder / "served"
    model = keras.models.load_model(folder / KERAS)
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    expected = Expected(test, probabilities, predicted)
    with_heatmaps = explained(model)
    calibration = training.images[: settings.calibration_images]
    for name in OPTIONAL_FORMATS:
        (served / FORMATS[name]).unlink(missing_ok=True)  # what an earlier try left
    reports = [export_onnx(with_heatmaps, served / MODEL, expected)]
    say(f"onnx: attached, differs from Keras by {reports[0].largest_difference:.1g}")
    if ONNX_INT8 in settings.formats:
        loss = settings.onnx_int8_accuracy_loss
        path = served / FORMATS[ONNX_INT8]
        reports.append(export_onnx_int8(served / MODEL, path, calibration, expected, loss))
        say(reports[-1].sentence)
    reports += [
        *export_litert(
            with_heatmaps,
            served,
            tuple(name for name in LITERT if name in settings.formats),
            calibration,
            expected,
            settings.int8_accuracy_loss,
            say,
        ),
        *(
            Report(name, FORMATS[name], False, "left out by the setting export_formats")
            for name in OPTIONAL_FORMATS
            if name not in settings.formats
        ),
        Report(
            "keras",
            KERAS,
            attached=True,
            bytes=(folder / KERAS).stat().st_size,
            latency_ms=latency_ms(lambda images: model.predict(images, verbose=0), test.images),
            largest_difference=0.0,
            agreement=1.0,
            accuracy=measured["accuracy"],
        ),
    ]
    write_json(served / FACTS, _facts(settings, dataset, folder, measured, test, reports))
    return reports


def _facts(
    settings: Settings,
    dataset: Dataset,
    folder: Path,
    measured: dict[str, Any],
    test: Images,
    reports: list[Report],
) -> dict[str, Any]:
    return {
        "labels": list(dataset.labels),
        "image_shape": list(dataset.image_shape),
        "dataset": dataset.name,
        "backbone": settings.backbone,
        "weights": settings.weights,
        "temperature": measured["temperature"],
        "polarity": "light-on-dark",
        "formats": [report.as_dict() for report in reports],
        "sha256": {path.name: sha256(path) for path in attached(folder, reports)},
        "examples": [
            {"label": label, "png": base64.b64encode(png(_first(test, i))).decode()}
            for i, label in enumerate(dataset.labels)
        ],
    }


def _first(images: Images, label: int) -> np.ndarray:
    return np.asarray(images.images[int((images.labels == label).argmax())])


def attached(folder: Path, reports: list[Report]) -> list[Path]:
    """Where the files that passed lie in a run's folder."""
    return [
        folder / KERAS if report.format == "keras" else folder / "served" / report.file
        for report in reports
        if report.attached
    ]


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
    for path in (folder / "served" / FACTS, *attached(folder, reports)):
        if path.name != MODEL:
            client.log_model_artifact(logged.model_id, str(path))
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
