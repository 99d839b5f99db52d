"""What is read by SQL is what MLflow's client says; a home that moved points to where it lies."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from model_zoo.registry import database
from model_zoo.registry.client import RegistryUnavailable, connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.promotion import history, promote, rollback
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.store import Store
from model_zoo.registry.versions import alias_of_all, find_alias, get_version, list_versions


def test_versions_are_those_that_the_client_lists(three: Store) -> None:
    promote(three, "1")
    promote(three, "2", "better")
    client = connect(three)
    client.set_registered_model_alias(three.model, "candidate", "3")
    client.create_model_version(three.model, "file:///nowhere", run_id="a" * 32)
    client.delete_model_version(three.model, "1")
    client.create_registered_model("another")
    client.create_model_version("another", "file:///nowhere", tags={"other": "model"})
    by_client = replace(three, server=three.uri)
    assert list_versions(three) == list_versions(by_client)
    assert [one.version for one in list_versions(three)] == ["4", "3", "2"]
    assert history(three) == history(by_client) and len(history(three)) == 2
    client.set_registered_model_alias("another", "production", "1")
    assert alias_of_all(three, "production") == {three.model: "2", "another": "1"}
    for alias in ("production", "previous", "candidate", "champion"):
        assert alias_of_all(three, alias) == alias_of_all(by_client, alias)
        assert find_alias(three, alias) == find_alias(by_client, alias)
    assert get_version(three, "4") == get_version(by_client, "4")


def test_a_promotion_leaves_what_the_client_would_leave(three: Store, tmp_path: Path) -> None:
    shutil.copytree(three.home, tmp_path / "beside")
    beside = replace(three, home=tmp_path / "beside")
    by_client = replace(beside, server=beside.uri)
    for store in (three, by_client):
        connect(store).set_registered_model_alias(three.model, "candidate", "2")
        promote(store, "1")
        promote(store, "2", "it's better")
        rollback(store)
        promote(store, "2", "after all", force=True)
    left, expected = [
        connect(store).get_registered_model(three.model) for store in (three, by_client)
    ]
    assert left.aliases == expected.aliases == {"production": 2, "previous": 1}
    assert [what for _, what in history(three)] == [what for _, what in history(by_client)]
    assert len(left.tags) == len(expected.tags) == 4
    for version, other in zip(list_versions(three), list_versions(by_client), strict=True):
        assert version == other
    tags = connect(three).get_model_version(three.model, "2").tags
    assert tags["replaced"] == "1" and "rejected" not in tags


def test_a_home_without_a_store_has_no_versions_and_gets_none(tmp_path: Path) -> None:
    nothing = Store(tmp_path / "home", "", "shirts", "shirts-classifier")
    assert list_versions(nothing) == [] and find_alias(nothing, "production") is None
    assert not (tmp_path / "home").exists()


@pytest.mark.fault(
    "MLflow's database is damaged",
    saw="one sentence with what to do",
    lost="what is not in the backup",
)
def test_a_damaged_database_is_one_sentence(three: Store) -> None:
    (three.home / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(
        RegistryUnavailable,
        match=r"mlflow.db cannot be used \(file is not a database\): take it from a backup",
    ):
        list_versions(three)


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_moved_home_points_to_where_it_lies(empty: Store, tmp_path: Path, texts_of, how) -> None:
    client = connect(empty)
    run = client.create_run(ensure_experiment(empty)).info
    client.log_text(run.run_id, "kept", "data/note.txt")
    client.create_registered_model(empty.model)
    source = f"{run.artifact_uri}/model"
    client.create_model_version(empty.model, source)
    client.create_model_version(empty.model, "s3://bucket/elsewhere")
    beside = f"{empty.artifact_dir.as_uri()}-of-others/model"
    client.create_model_version(empty.model, beside)
    moved = replace(empty, home=tmp_path / "an other ö%20 place")
    how(str(empty.home), str(moved.home))

    here = connect(moved)
    text = fetch_run_file(moved, run.run_id, "data/note.txt", tmp_path)
    assert text is not None and text.read_text() == "kept"
    found = {here.get_model_version_download_uri(moved.model, str(i)) for i in (1, 2, 3)}
    expected = source.replace(empty.artifact_dir.as_uri(), moved.artifact_dir.as_uri())
    assert found == {expected, "s3://bucket/elsewhere", beside}
    left = [text for text in texts_of(moved.home) if str(empty.home) in text]
    assert set(left) == {beside}, "a folder whose name only begins alike is another one"
    again = here.create_run(ensure_experiment(moved)).info
    assert again.artifact_uri.startswith(moved.artifact_dir.as_uri())


def test_a_move_that_is_killed_is_done_by_the_next_one(
    empty: Store, tmp_path: Path, texts_of
) -> None:
    run = connect(empty).create_run(ensure_experiment(empty)).info
    home = tmp_path / "moved"
    shutil.move(empty.home, home)
    program = (
        "import os, sqlite3, sys\n"
        "from pathlib import Path\n"
        "from model_zoo.registry import database\n"
        "database.LOCATIONS = (*database.LOCATIONS[:2], ('no_table', 'killed_here'))\n"
        "try: database.relocate(Path(sys.argv[1]))\n"
        "except sqlite3.Error: os.kill(os.getpid(), 9)\n"
    )
    # `is_made` would ask for that table too.
    program = program.replace("try:", "database.is_made = lambda path: True\ntry:")
    assert subprocess.run([sys.executable, "-c", program, str(home)]).returncode == -9
    assert any(str(empty.home) in text for text in texts_of(home)), "nothing half done"
    assert database.relocate(home) and not database.relocate(home)
    moved = connect(replace(empty, home=home)).get_run(run.run_id).info.artifact_uri
    assert moved.startswith((home / "mlflow-artifacts").as_uri())


def test_nothing_that_moved_costs_nothing(three: Store) -> None:
    started = time.process_time()
    for _ in range(100):
        assert not database.relocate(three.home)
    assert time.process_time() - started < 1.0


def test_listing_and_promoting_do_not_import_the_client(three: Store) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from model_zoo.registry.store import Store\n"
        "from model_zoo.registry.promotion import promote\n"
        "from model_zoo.registry.versions import list_versions\n"
        "store = Store(Path(sys.argv[1]), '', 'shirts', 'shirts-classifier')\n"
        "assert promote(store, '2').version.aliases == ('production',)\n"
        "assert len(list_versions(store)) == 3\n"
        "assert 'mlflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(three.home)], check=True)
