"""From the files of a run to a registered version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.registry.client import answered_by
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.model_card import model_card
from model_zoo.registry.served_files import FACTS, FACTS_TAG, MODEL, sha256
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias
from model_zoo.settings import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What a client needs to run the served file with `mlflow.pyfunc.load_model`.
SERVING_REQUIREMENTS = ["mlflow", "onnx", "onnxruntime", "numpy"]


def register_version(
    store: Store,
    project: Project,
    dataset: Dataset,
    folder: Path,
    run_id: str,
    run_name: str,
    run_identity: str,
    measured: dict[str, Any],
    test: Images,
    reports: list[FormatReport],
) -> str:
    """Log the files as an MLflow model of the active run and register it as candidate.

    Run again for the same MLflow run, it finds the version that is there.

    Args:
        folder: of the run; the files lie in its ``served/``.
        run_id: MLflow's; ``run_name`` and ``run_identity`` are the workflow run's.
        measured: what the evaluation found.

    Returns:
        The version's number.
    """
    with answered_by(store) as client:
        known = client.search_model_versions(f"name='{store.model}' and run_id='{run_id}'")
        if known:
            number = str(known[0].version)
        else:
            number = _log_and_register(client, store, folder, run_id, measured, test, reports)
        tags = _tags(project, dataset, measured)
        tags |= {"workflow_run": run_name, "run_identity": run_identity}
        for key, value in tags.items():
            client.set_model_version_tag(store.model, number, key, value)
        card = model_card(project, number, dataset, measured, reports)
        client.update_model_version(store.model, number, card)
        client.log_text(run_id, card, "export/model_card.md")
        production = find_alias(store, "production")
        if production is None or production.version != number:
            client.set_registered_model_alias(store.model, "candidate", number)
    return number


def _tags(project: Project, dataset: Dataset, measured: dict[str, Any]) -> dict[str, str]:
    """What lists of versions show, and what judging and serving go by."""
    return {
        "project": project.name,
        "accuracy": f"{measured['accuracy']:.4f}",
        "accuracy_low": f"{measured['accuracy_low']:.4f}",
        "accuracy_high": f"{measured['accuracy_high']:.4f}",
        "backbone": project.model.backbone,
        "weights": project.model.weights,
        "profile": project.profile,
        "dataset": dataset.name,
        "dataset_digest": dataset.snapshot,
        "data_origin": dataset.origin,
        "generated": "true" if dataset.generated else "false",
    }


def _log_and_register(
    client: MlflowClient,
    store: Store,
    folder: Path,
    run_id: str,
    measured: dict[str, Any],
    test: Images,
    reports: list[FormatReport],
) -> str:
    import mlflow
    import onnx
    from mlflow.models import infer_signature

    served = folder / "served"
    probabilities = np.zeros((2, len(measured["per_class"])), np.float32)
    logged = mlflow.onnx.log_model(
        onnx.load(served / MODEL),
        name="model",
        save_as_external_data=False,  # one file: clients fetch model.onnx by name
        signature=infer_signature(test.images[:2], probabilities),
        pip_requirements=SERVING_REQUIREMENTS,
    )
    for name in (FACTS, *(one.file for one in reports if one.attached)):
        if name != MODEL:
            client.log_model_artifact(logged.model_id, str(served / name))
    mlflow.log_dict({"image": test.images[:2].tolist()}, "model_input_example.json")
    _log_formats(client, run_id, reports)
    registered = mlflow.register_model(
        f"models:/{logged.model_id}",
        store.model,
        await_registration_for=0,
        tags={FACTS_TAG: sha256(served / FACTS)},
    )
    return str(registered.version)


def _log_formats(client: MlflowClient, run_id: str, reports: list[FormatReport]) -> None:
    """The table of formats, and tags that say which there are and why others are not."""
    import mlflow

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
