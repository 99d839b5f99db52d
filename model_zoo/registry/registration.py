"""From the files of a run to a registered version."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, send_to_disk
from model_zoo.locks import locked
from model_zoo.registry.client import answered_by
from model_zoo.registry.exclusive import Write, alone_with
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.identity import content_digest
from model_zoo.registry.lineage import FILE as LINEAGE
from model_zoo.registry.lineage import StartedFrom, lineage_here
from model_zoo.registry.model_card import model_card
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    MODEL,
    DamagedFile,
    check_file,
    fetch_served_files,
    folder_in_home,
    read_facts,
    sha256,
)
from model_zoo.registry.store import Store
from model_zoo.registry.tickets import ticket
from model_zoo.registry.versions import (
    CONTENT_TAG,
    Version,
    find_alias,
    get_version,
    list_versions,
)
from model_zoo.settings import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What a client needs to run the served file with `mlflow.pyfunc.load_model`.
SERVING_REQUIREMENTS = ["mlflow", "onnx", "onnxruntime", "numpy"]
#: Tag of a run that ended in a model which another run had registered before.
SAME_AS = "same_as_version"
#: Tag of a version: the logged model that has its files; MLflow's own field is empty on SQL.
LOGGED_MODEL = "logged_model"


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
    started: StartedFrom | None = None,
) -> str:
    """Log the files as an MLflow model of the active run and register it as candidate.

    The same content is the same version, whichever run, home or machine it comes from: it is found
    by its digest, and gets its files back if they were lost. Every tag is there with the version
    itself, and its files before it, so a kill leaves a whole version or none.

    Args:
        folder: of the run; the files lie in its ``served/``.
        run_id: MLflow's; ``run_name`` and ``run_identity`` are the workflow run's.
        measured: what the evaluation found.
        started: the version that training went on from; None: none.

    Returns:
        The version's number.
    """
    facts = folder / "served" / FACTS
    content = content_digest(read_facts(facts.parent))
    with answered_by(store) as client:
        known = find_content(store, content)
        if known is None:
            production = find_alias(store, "production")
            lineage = lineage_here(project, dataset.name, dataset.snapshot, production, started)
            model_id = _log_model(client, folder, run_id, measured, test, reports)
            client.log_dict(run_id, lineage.as_dict(), LINEAGE)
            tags = _tags(project, dataset, measured) | lineage.tags()
            tags |= {"workflow_run": run_name, "run_identity": run_identity}
            tags |= {FACTS_TAG: sha256(facts), CONTENT_TAG: content, LOGGED_MODEL: model_id}
            with one_registers(store, client):
                known = find_content(store, content)  # another home may have been quicker
                if known is None:
                    known = _register(store, model_id, tags)
        elif not is_whole(store, known):
            _put_back(client, store, known, facts.parent, reports)
        number = known.version
        if known.run_id == run_id:
            card = model_card(project, number, dataset, measured, reports, lineage_tags=known.tags)
            client.update_model_version(store.model, number, card)
            client.log_text(run_id, card, "export/model_card.md")
        else:
            client.set_tag(run_id, SAME_AS, number)
        if (lies := folder_in_home(store, number)) is not None:
            send_to_disk(lies)  # before an alias names what MLflow has just copied
        # Of an interrupted move, or one that goes on just now, the candidate is no matter of ours.
        with alone_with(store) as registry:
            if registry.aliases().get("production") != number:
                registry.write(Write("alias", "candidate", number))
    return number


def find_content(store: Store, content: str) -> Version | None:
    """The oldest version of this content, if there is one."""
    versions = (one for one in list_versions(store) if one.tags.get(CONTENT_TAG) == content)
    return min(versions, key=lambda one: int(one.version), default=None)


def registered(store: Store, number: str, served: Path) -> Version:
    """The version that a run registered, whatever its number is by now.

    Args:
        number: that it had.
        served: the folder of the run's files.

    Raises:
        UserError: there is no version of this content any more.
    """
    content = content_digest(read_facts(served))
    known = [one for one in list_versions(store) if one.tags.get(CONTENT_TAG) == content]
    same = next((one for one in known if one.version == number), None)
    found = same or next(iter(known), None)
    if found is None:
        raise UserError(
            f"version {number}, which this run registered, is not in {store.place} any more: it "
            f"or all of {store.model} was deleted in MLflow, or this is another MLflow. Start a "
            "run of another name"
        )
    return found


def is_whole(store: Store, version: Version) -> bool:
    """The registry has the file that is served, and what describes it, as they were registered."""
    with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
        folder = Path(name)
        try:
            fetch_served_files(store, version.version, folder, (FACTS, MODEL))
            check_file(folder / MODEL, read_facts(folder, version.tags.get(FACTS_TAG)))
        except DamagedFile:
            return False
    return True


def _put_back(
    client: MlflowClient,
    store: Store,
    version: Version,
    served: Path,
    reports: list[FormatReport],
) -> None:
    """The files of a version that the registry lost, from a run that ended in the same content."""
    model_id = version.tags.get(LOGGED_MODEL)
    if model_id is None:
        raise UserError(
            f"version {version.version} has this content and lost its files, and does not say of "
            "which logged model it is made: delete that version in MLflow, then run again"
        )
    lies = folder_in_home(store, version.version)
    for name in (*(one.file for one in reports if one.attached), FACTS):
        if lies is None:
            client.log_model_artifact(model_id, str(served / name))
        else:
            with complete_or_absent(lies / name) as partial:
                shutil.copyfile(served / name, partial)
    digest = sha256(served / FACTS)  # the same answers; another time of writing, other latencies
    client.set_model_version_tag(store.model, version.version, FACTS_TAG, digest)


@contextmanager
def one_registers(store: Store, client: MlflowClient) -> Iterator[None]:
    """Two runs that end in the same content must not both make a version of it."""
    if store.server:
        with ticket(client, store.model):
            yield
    else:
        with locked(store.home / "register.lock"):
            yield


def _register(store: Store, model_id: str, tags: dict[str, str]) -> Version:
    import mlflow

    made = mlflow.register_model(
        f"models:/{model_id}", store.model, await_registration_for=0, tags=tags
    )
    return get_version(store, str(made.version))


def _tags(project: Project, dataset: Dataset, measured: dict[str, Any]) -> dict[str, str]:
    """What lists of versions show, and what judging and serving go by."""
    return {
        "project": project.name,
        "accuracy": f"{measured['accuracy']:.4f}",
        "accuracy_low": f"{measured['accuracy_low']:.4f}",
        "accuracy_high": f"{measured['accuracy_high']:.4f}",
        "balanced_accuracy": f"{measured['balanced_accuracy']:.4f}",
        "macro_f1": f"{measured['macro_f1']:.4f}",
        "judged_by": project.judging.metric,
        "backbone": project.model.backbone,
        "weights": project.model.weights,
        "profile": project.profile,
        "dataset": dataset.name,
        "dataset_digest": dataset.snapshot,
        "data_origin": dataset.origin,
        "generated": "true" if dataset.generated else "false",
    }


def _log_model(
    client: MlflowClient,
    folder: Path,
    run_id: str,
    measured: dict[str, Any],
    test: Images,
    reports: list[FormatReport],
) -> str:
    """All files of a version as a logged model of the active run; returns its id."""
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
    return str(logged.model_id)


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
