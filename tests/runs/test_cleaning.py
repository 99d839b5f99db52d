"""`catwalk clean`: what goes is told first, in bytes; what somebody needs stays."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from launcher.cli.main import main
from model_zoo.data.corrections import Limits, corrections_of
from model_zoo.data.corrections.store import said_of
from model_zoo.files import write_json
from model_zoo.locks import locked
from model_zoo.registry.client import connect
from model_zoo.registry.old_versions import CLEANED_TAG
from model_zoo.registry.one_copy import keep_once
from model_zoo.registry.served_files import folder_in_home, sha256
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import get_version
from model_zoo.runs import stored_cleaning
from model_zoo.runs.cleaning import bytes_by_kind, find_old
from model_zoo.runs.old import Old
from model_zoo.runs.stored_cleaning import find_old_in_storage
from model_zoo.runs.stored_folder import StoredFolder, file_system
from model_zoo.settings import Cleaning, Places, Project

if TYPE_CHECKING:
    from tests.conftest import FirstRun

LONG_AGO = time.time() - 40 * 24 * 3600


@pytest.fixture
def old_home(first_home: Path, places: Places, tmp_path: Path) -> Places:
    """A home in which everything was used forty days ago."""
    home = tmp_path / "home"
    shutil.copytree(first_home, home, ignore=shutil.ignore_patterns("*.lock"))
    for path in home.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return places.model_copy(update={"home": home})


def with_versions(store: Store, numbers: tuple[str, ...]) -> None:
    """More versions, each with files of its own, as further runs would have registered them."""
    client, first = connect(store), get_version(store, "1")
    lies = folder_in_home(store, "1")
    assert lies is not None
    for number in numbers:
        own = store.artifact_dir / "models" / f"m-{number}"
        shutil.copytree(lies, own)
        tags = {**first.tags, "run_identity": f"run {number}"}
        client.create_model_version(store.model, own.as_uri(), tags=tags)


def kinds(found: list[Old]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for one in found:
        names.setdefault(one.kind, []).append(one.what)
    return names


@pytest.mark.fault(
    "a version is promoted while `catwalk clean` would remove its files",
    saw="it stays",
    lost="nothing",
)
def test_of_old_versions_the_files_go_and_their_figures_stay(
    old_home: Places, project: Project, another_store: None
) -> None:
    store = store_of(project, old_home)
    with_versions(store, ("2", "3", "4"))
    connect(store).set_registered_model_alias(store.model, "previous", "2")
    cleaning = Cleaning.load(clean_keep_versions=1)
    found = [one for one in find_old([project], old_home, cleaning) if "versions" in one.kind]
    (only,) = found
    assert only.what == f"version 3 of {project.name}", "1 is production, 2 previous, 4 the newest"
    size = sum(path.stat().st_size for path in only.paths)
    assert size <= bytes_by_kind(found)[only.kind] < size + 4096 * len(only.paths)
    connect(store).set_registered_model_alias(store.model, "candidate", "3")
    assert not only.remove() and all(path.exists() for path in only.paths), "needed meanwhile"
    connect(store).delete_registered_model_alias(store.model, "candidate")
    assert only.remove()
    assert not any(path.exists() for path in only.paths)
    left = get_version(store, "3")
    assert CLEANED_TAG in left.tags and left.accuracy == get_version(store, "1").accuracy
    assert not [one for one in find_old([project], old_home, cleaning) if "versions" in one.kind]


def test_runs_go_unless_somebody_works_in_them_or_their_version_is_needed(
    old_home: Places, project: Project, first_run: FirstRun, another_store: None
) -> None:
    run = old_home.runs_dir / "unfinished-0000"
    write_json(run / "run.json", {"identity": "0", "name": "unfinished", "project": project.name})
    (run / "training").mkdir()
    (run / "training" / "checkpoint.npz").write_bytes(b"0" * 100_000)
    cleaning = Cleaning.load()
    assert "runs" not in kinds(list(find_old([project], old_home, cleaning))), "was used just now"
    for path in (run, *run.rglob("*")):
        os.utime(path, (LONG_AGO, LONG_AGO))
    found = [one for one in find_old([project], old_home, cleaning) if one.kind == "runs"]
    assert [one.what for one in found] == ["unfinished"], "that of production's version stays"
    assert bytes_by_kind(found)["runs"] > 100_000
    with locked(old_home.home / "locks" / f"{run.name}.lock"):
        assert not found[0].remove() and (run / "training" / "checkpoint.npz").exists()
    assert found[0].remove() and not run.exists()


def test_caches_and_logs_go_by_their_last_use(
    old_home: Places, project: Project, another_store: None
) -> None:
    features, logs = old_home.cache_dir / "features", old_home.home / "logs" / "tasks"
    shutil.rmtree(features, ignore_errors=True)
    for path in (features / "a.npy", features / "a.looks", features / "b.npy", logs / "task.log"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0" * 5000)
        if path.name != "b.npy":
            os.utime(path, (LONG_AGO, LONG_AGO))
    stray = old_home.datasets_dir / "0123"
    shutil.copytree(next(old_home.datasets_dir.glob("*/")), stray)
    os.utime(stray, (LONG_AGO, LONG_AGO))
    found = list(find_old([project], old_home, Cleaning.load()))
    told = kinds(found)
    assert told["features"] == ["a"] and told["logs"] == ["task.log"]
    assert told["datasets"] == ["0123"], "production's own stays"
    for one in found:
        assert one.remove()
    assert [path.name for path in features.iterdir()] == ["b.npy"] and not stray.exists()
    assert list(old_home.datasets_dir.glob("*/dataset.json"))
    assert not list(find_old([project], old_home, Cleaning.load()))


def test_the_command_tells_and_removes_only_when_it_is_told_to(
    old_home: Places,
    project: Project,
    another_store: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(old_home.home))
    log = old_home.home / "logs" / "page.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"0" * 4_000_000)
    os.utime(log, (LONG_AGO, LONG_AGO))
    assert main(["clean"]) == 0
    told = capsys.readouterr().out
    assert "4 MB  logs: page.log" in told and "Nothing was removed" in told and log.exists()
    assert main(["clean", "--yes"]) == 0 and not log.exists()
    capsys.readouterr()
    assert main(["clean"]) == 0
    assert capsys.readouterr().out.startswith("Nothing to clean in")


@pytest.fixture(params=["file", "memory"])
def with_storage(request: pytest.FixtureRequest, old_home: Places, tmp_path: Path) -> Places:
    """The old home, with a storage of its own that many workers reach."""
    url = f"{request.param}://{tmp_path}/shared"
    return old_home.model_copy(update={"storage": url})


def store_run(places: Places, folder: Path, identity: str, *steps: str, **note: str) -> None:
    """A run as a worker sent it, with a dataset of its own, ``data-<name>``, after these steps."""
    here, name = folder / "runs" / note["name"], note["name"]
    write_json(here / "run.json", {"identity": identity, **note})
    for step in ("ingest", *steps):
        write_json(here / f"{step}.json", {"dataset": f"data-{name}"})
    StoredFolder(places.storage, f"runs/{name}", here).push()
    images = folder / "datasets" / name
    write_json(images / "dataset.json", {})
    StoredFolder(places.storage, f"datasets/data-{name}", images).push()
    StoredFolder(places.storage, f"shares/{name}/1", images).push()


def test_of_storage_goes_what_no_version_and_no_run_under_way_needs(
    with_storage: Places, project: Project, another_store: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store = store_of(project, with_storage)
    with_versions(store, ("2",))
    production = get_version(store, "1").tags["run_identity"]
    worker, ended = tmp_path / "worker", ("tune", "promote")
    for name, identity, steps in (
        ("production", production, ended),
        ("newest", "run 2", ended),
        ("rejected", "no version any more", ended),
        ("under-way", "no version yet", ("preprocess",)),
    ):
        store_run(with_storage, worker, identity, *steps, name=name, project=project.name)
    store_run(with_storage, worker, "of others", *ended, name="theirs", project="not-here")
    assert not list(find_old_in_storage([project], with_storage, Cleaning.load())), "used just now"
    every = Cleaning.load(clean_after_days=0, clean_keep_versions=1)
    found = list(find_old_in_storage([project], with_storage, every))
    assert kinds(found) == {
        "runs in storage": ["rejected"],
        "shares of searches in storage": ["newest", "production", "rejected", "theirs"],
        "datasets in storage": ["data-rejected"],
    }
    assert all(size > 0 for size in bytes_by_kind(found).values())
    run = next(one for one in found if one.kind == "runs in storage")
    kept = StoredFolder(with_storage.storage, "runs/rejected", worker / "runs" / "rejected")
    kept.pull()
    kept.claim()
    assert not run.remove(), "a worker goes on with it"
    found = list(find_old_in_storage([project], with_storage, every))
    assert all(one.remove() for one in found)
    fs, root = file_system(with_storage.storage)
    left = {one: sorted(Path(path).name for path in fs.ls(f"{root}/{one}", detail=False))
            for one in ("runs", "shares", "datasets")}  # fmt: skip
    assert left["runs"] == ["newest", "production", "theirs", "under-way"]
    assert left["datasets"] == [f"data-{name}" for name in left["runs"]]
    assert left["shares"] == ["under-way"], "a search that goes on needs its shares"
    assert not list(find_old_in_storage([project], with_storage, every))
    monkeypatch.setattr(stored_cleaning, "ABANDONED_DAYS", 0.0)
    told = kinds(list(find_old_in_storage([project], with_storage, every)))
    assert told["runs in storage"] == ["under-way"], "nobody goes on after that long"


def test_what_was_deleted_in_mlflow_goes_for_good_with_its_files(
    old_home: Places, project: Project, another_store: None
) -> None:
    """`mlflow gc` for real; one run is of an experiment that was made in the page of a server."""
    store = store_of(project, old_home)
    client, kind = connect(store), "things deleted in MLflow"
    served = client.create_experiment("made in MLflow's page", "mlflow-artifacts:/7")
    deleted = []
    for experiment in (client.get_experiment_by_name(store.experiment).experiment_id, served):
        run = client.create_run(experiment).info
        below = run.artifact_uri.rpartition("mlflow-artifacts")[2].lstrip(":/")
        lies = old_home.home / "mlflow-artifacts" / below
        lies.mkdir(parents=True)
        (lies / "big.txt").write_bytes(b"0" * 100_000)
        client.delete_run(run.run_id)
        deleted.append(lies / "big.txt")
    assert kind not in kinds(list(find_old([project], old_home, Cleaning.load()))), "only just"
    every = Cleaning.load(clean_after_days=0)
    (only,) = [one for one in find_old([project], old_home, every) if one.kind == kind]
    assert bytes_by_kind([only])[kind] >= 200_000 and all(path.exists() for path in deleted)
    assert only.remove() and not any(path.exists() for path in deleted)
    lies = folder_in_home(store, "1")
    assert lies is not None and sha256(lies / "model.onnx"), "production's own stays"
    assert kind not in kinds(list(find_old([project], old_home, every)))


def test_pictures_that_were_rejected_for_good_go_and_what_was_said_stays(
    old_home: Places, project: Project, another_store: None
) -> None:
    corrections = corrections_of(project.name, old_home)
    ids = {}
    for value, name in enumerate(("waits", "rejected", "changed mind", "twice, once waiting")):
        image = np.full((28, 28), value, np.uint8)
        said = said_of(
            image, "Coat", "Shirt", 0.5, "1", image_shape=(28, 28, 1), preparation=(),
            picture=name.encode(),
        )  # fmt: skip
        for _ in range(2 if name.startswith("twice") else 1):
            sent = corrections.send(
                image, said, ("Coat", "Shirt"), "192.0.2.1", Limits(99, 99, 10**6), name.encode()
            )
        ids[name] = sent.id
    corrections.decide([ids["changed mind"]], "accepted")
    corrections.decide([id for name, id in ids.items() if name != "waits"], "rejected")
    kind = "pictures of rejected corrections"
    assert kind not in kinds(list(find_old([project], old_home, Cleaning.load()))), "only just"
    every = Cleaning.load(clean_after_days=0)
    (only,) = [one for one in find_old([project], old_home, every) if one.kind == kind]
    assert bytes_by_kind([only])[kind] > len("rejected")
    corrections.decide([ids["rejected"]], "accepted")
    assert not only.remove(), "wanted after all"
    corrections.decide([ids["rejected"]], "rejected")
    assert not only.remove(), "it was in a snapshot, maybe"
    assert len(corrections.all()) == 5


def test_a_projects_folder_that_cannot_be_read_cleans_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_PROJECTS_DIR", str(tmp_path))
    assert main(["clean", "--yes"]) == 2
    assert "what is in production cannot be known" in capsys.readouterr().err


def test_a_version_lies_on_the_disk_once(
    old_home: Places, project: Project, first_run: FirstRun, another_store: None
) -> None:
    store, folder = store_of(project, old_home), old_home.runs_dir / first_run.folder.name
    registered = folder_in_home(store, "1")
    assert registered is not None
    keep_once(store, "1", folder)
    keep_once(store, "1", folder)  # and again, as after a kill
    inodes = {
        path.stat().st_ino
        for name in ("model.onnx", "model.keras")
        for path in (registered / name, folder / "served" / name, folder / name)
        if path.exists()
    }
    assert len(inodes) == 2
    assert sha256(folder / "model.keras") == sha256(registered / "model.keras")
    assert not list(folder.rglob(".partial*"))
