"""A registration that dies before any of its writes is done by the next one, once."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

from model_zoo.data import store as data_store
from model_zoo.files import read_json, write_json
from model_zoo.registry import exclusive, registration, tickets
from model_zoo.registry.client import connect
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.registration import is_whole, register_version
from model_zoo.registry.run_log import parent_run
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import find_alias, list_versions
from model_zoo.settings import Places, Project

if TYPE_CHECKING:
    from tests.conftest import FirstRun

#: Each write of a registration, in its order; the last one is the alias, through its carrier.
WRITES = (
    (registration, "_log_model"),
    (MlflowClient, "log_model_artifact"),
    (MlflowClient, "log_dict"),
    (registration, "_register"),
    (MlflowClient, "update_model_version"),
    (MlflowClient, "log_text"),
)
DELETE = MlflowClient.delete_model_version
CARRIERS = {"home": exclusive._Home, "server": exclusive._Server}


class Killed(BaseException):
    """No code catches it, as none would a kill."""


def kill_at(patch: pytest.MonkeyPatch, place: object, name: str) -> None:
    """Die there as a process does: its ticket stays behind, and its number is nobody's."""

    dead = []

    def die(*given: object, **more: object) -> None:
        dead.append(True)
        raise Killed

    def delete(client: MlflowClient, model: str, version: str, real: Any = DELETE) -> None:
        if not dead:
            real(client, model, version)

    gone = subprocess.Popen(["true"])
    gone.wait()
    marks = tickets.own_marks() | {tickets.OWNER: f"process {gone.pid} that was killed"}
    patch.setattr(tickets, "own_marks", lambda: marks)
    patch.setattr(MlflowClient, "delete_model_version", delete)
    patch.setattr(place, name, die)


@pytest.mark.fault(
    "register is killed before any of its writes",
    saw="the next try ends in one whole version",
    lost="nothing",
)
def test_a_registration_that_is_killed_before_any_write_ends_in_one_whole_version(
    kind: str,
    project: Project,
    places: Places,
    first_run: FirstRun,
    another_store: None,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    left_out = shutil.ignore_patterns("versions", "reports", "features")
    shutil.copytree(places.home, home, ignore=left_out)
    here = places.model_copy(update={"home": home})
    store, facts = store_of(project, here), first_run.facts
    if kind == "server":
        name = f"shirts-{uuid.uuid4().hex[:8]}"
        store = Store(home, request.getfixturevalue("mlflow_server"), name, name)
    dataset = data_store.describe(here.datasets_dir, facts["ingest"]["dataset"])
    test = data_store.load(here.datasets_dir, dataset.snapshot, "test")
    folder = here.runs_dir / first_run.folder.name
    reports = [FormatReport(**row) for row in facts["register"]["formats"]]
    described = folder / "served" / "classifier.json"
    write_json(described, read_json(described) | {"temperature": 2.0})  # another content
    (folder / "mlflow_run.json").unlink()

    def register() -> str:
        with parent_run(store, folder, "second", "second", {}) as run:
            return register_version(
                store, project, dataset, folder, run.info.run_id, "second", "second",
                facts["evaluate"], test, reports,
            )  # fmt: skip

    before = len(list_versions(store))
    for place, name in (*WRITES, (CARRIERS[kind], "write")):
        with monkeypatch.context() as patch:
            kill_at(patch, place, name)
            with pytest.raises(Killed):
                register()
        versions = list_versions(store)
        assert len(versions) <= before + 1 and all(is_whole(store, one) for one in versions)
        assert find_alias(store, "candidate") is None
    number = str(before + 1)
    assert register() == register() == number
    assert find_alias(store, "candidate").version == number
    assert len(list_versions(store)) == before + 1
    described = connect(store).get_model_version(store.model, number).description
    assert f"catwalk reproduce {number}" in described
    if kind == "server":
        lock = tickets.lock_of(store.model)
        assert not connect(store).search_model_versions(f"name='{lock}'"), "no ticket is left"
