"""A registration that dies before any of its writes is done by the next one, once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from model_zoo.data import store as data_store
from model_zoo.files import read_json, write_json
from model_zoo.registry import exclusive, registration
from model_zoo.registry.client import connect
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.registration import is_whole, register_version
from model_zoo.registry.run_log import parent_run
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import find_alias, list_versions
from model_zoo.settings import Places, Project

if TYPE_CHECKING:
    from tests.conftest import FirstRun

#: Each write of a registration, in its order.
WRITES = (
    (registration, "_log_model"),
    (MlflowClient, "log_dict"),
    (registration, "_register"),
    (MlflowClient, "update_model_version"),
    (MlflowClient, "log_text"),
    (exclusive._Home, "write"),
)


class Killed(BaseException):
    """No code catches it, as none would a kill."""


def test_a_registration_that_is_killed_before_any_write_ends_in_one_whole_version(
    project: Project,
    places: Places,
    first_run: FirstRun,
    another_store: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    left_out = shutil.ignore_patterns("versions", "reports", "features")
    shutil.copytree(places.home, home, ignore=left_out)
    here = places.model_copy(update={"home": home})
    store, facts = store_of(project, here), first_run.facts
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

    def die(*given: object, **more: object) -> None:
        raise Killed

    for place, name in WRITES:
        with monkeypatch.context() as patch:
            patch.setattr(place, name, die)
            with pytest.raises(Killed):
                register()
        versions = list_versions(store)
        assert len(versions) <= 2 and all(is_whole(store, one) for one in versions)
        assert find_alias(store, "candidate") is None
    assert register() == register() == "2"
    assert find_alias(store, "candidate").version == "2" and len(list_versions(store)) == 2
    assert "catwalk reproduce 2" in connect(store).get_model_version(store.model, "2").description
