"""From a trained model to a registered version, and back to predictions of a registered one."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo import registry
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.export import export_onnx
from model_zoo.files import fill_folder, write_json
from model_zoo.images import png

# What a client needs to run the served file with `mlflow.pyfunc.load_model`.
SERVING_REQUIREMENTS = ["mlflow", "onnx", "onnxruntime", "numpy"]
BATCH = 250
COMPARED = 64


def export_served_files(
    settings: Settings,
    dataset: Dataset,
    folder: Path,
    measured: dict[str, Any],
    test: Images,
) -> float:
    """Write ``served/model.onnx`` and ``served/classifier.json`` into a run's folder.

    Args:
        test: ONNX and Keras must agree on its first images; one a class goes along as example.

    Returns:
        The largest difference in probability between the two.
    """
    import keras

    model = keras.models.load_model(folder / "model.keras")
    difference = export_onnx(model, folder / "served" / "model.onnx", test.images[:COMPARED])
    write_json(
        folder / "served" / "classifier.json",
        {
            "labels": list(dataset.labels),
            "image_shape": list(dataset.image_shape),
            "dataset": dataset.name,
            "backbone": settings.backbone,
            "weights": settings.weights,
            "temperature": measured["temperature"],
            "polarity": "light-on-dark",
            "image_statistics": measured["image_statistics"],
            "examples": [
                {"label": label, "png": base64.b64encode(png(_first(test, i))).decode()}
                for i, label in enumerate(dataset.labels)
            ],
        },
    )
    return difference


def _first(images: Images, label: int) -> np.ndarray:
    return np.asarray(images.images[int((images.labels == label).argmax())])


def register_version(
    settings: Settings,
    folder: Path,
    run_id: str,
    measured: dict[str, Any],
    dataset_source: str,
    test: Images,
) -> str:
    """Log the served files as an MLflow model of the active run and register it as candidate.

    Run again for the same MLflow run, it finds the version that is there.

    Returns:
        The version's number.
    """
    import mlflow
    import onnx
    from mlflow.models import infer_signature

    name = settings.model_name
    with registry.answered_by(settings) as client:
        known = client.search_model_versions(f"name='{name}' and run_id='{run_id}'")
        if known:
            number = str(known[0].version)
        else:
            logged = mlflow.onnx.log_model(
                onnx.load(folder / "served" / "model.onnx"),
                name="model",
                save_as_external_data=False,  # one file: clients fetch model.onnx by name
                signature=infer_signature(
                    test.images[:2], np.zeros((2, len(measured["per_class"])), np.float32)
                ),
                pip_requirements=SERVING_REQUIREMENTS,
            )
            for path in (folder / "served" / "classifier.json", folder / "model.keras"):
                client.log_model_artifact(logged.model_id, str(path))
            mlflow.log_dict({"image": test.images[:2].tolist()}, "model_input_example.json")
            registered = mlflow.register_model(
                f"models:/{logged.model_id}", name, await_registration_for=0
            )
            number = str(registered.version)
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
        production = registry.find_alias(settings, "production")
        if production is None or production.version != number:
            client.set_registered_model_alias(name, "candidate", number)
    return number


def predict_with_version(
    settings: Settings, version: str, cache: Path, images: Images
) -> np.ndarray:
    """What a registered version predicts for raw images, by the file that is served.

    Returns:
        Class indices, int64 (N,).
    """
    import onnxruntime

    def fill(partial: Path) -> None:
        registry.fetch_served_files(settings, version, partial)

    folder = fill_folder(cache, fill)
    shape = json.loads((folder / "classifier.json").read_text())["image_shape"]
    if list(images.images.shape[1:]) != shape:
        raise UserError(
            f"version {version} takes images of {shape}, the test images are "
            f"{list(images.images.shape[1:])}: the two cannot be compared"
        )
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    predicted = [
        np.asarray(session.run(["probabilities"], {name: images.images[i : i + BATCH]})[0])
        for i in range(0, len(images), BATCH)
    ]
    return np.concatenate(predicted).argmax(axis=1)
