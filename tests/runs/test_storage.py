"""The folder of a run in storage: any worker goes on from it; what lies there is complete."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import s3fs
from between import Network, network

from model_zoo.data.manifest import snapshot_of
from model_zoo.data.source import SOURCES
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.images import png
from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import Store, store_of
from model_zoo.runs import runner
from model_zoo.runs import storage as run_storage
from model_zoo.runs.folder import run_folder
from model_zoo.runs.stored_cleaning import find_old_in_storage
from model_zoo.runs.stored_folder import StoredFolder, file_system
from model_zoo.settings import Cleaning, DataSettings, Places, Project, load_project

BUCKET = "catwalk-test"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3-compatible server on this machine, reached through the usual AWS_* variables."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(240):
            try:
                opener.open(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=5)
                break
            except OSError:
                assert server.poll() is None, "the S3 server did not start"
                time.sleep(0.25)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", url)
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            yield f"s3://{BUCKET}/shared"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file://{tmp_path / 'shared'}"
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}"


@pytest.fixture
def worker(places: Places, store: Store, storage: str, tmp_path: Path) -> Callable[[str], Places]:
    """Places of a worker with a disk of its own."""
    ensure_experiment(store)  # as the server would have it: with artifacts in this home
    return lambda name: places.model_copy(
        update={"storage": storage, "home": tmp_path / name, "tracking_uri": store.uri}
    )


def folder_of(places: Places, run: str) -> Path:
    return places.runs_dir / run


def stored(places: Places, run: str) -> StoredFolder:
    return StoredFolder(places.storage, f"runs/{run}", folder_of(places, run))


def put(places: Places, run: str, **files: str) -> None:
    for name, text in files.items():
        path = folder_of(places, run) / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def files(places: Places, run: str) -> dict[str, str]:
    folder = folder_of(places, run)
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_another_worker_gets_the_folder_as_it_was_left(worker: Callable) -> None:
    here, there = worker("a"), worker("b")
    with run_storage.shared(here, folder_of(here, "r")):
        put(here, "r", facts="1", training__state="two")
    put(there, "r", facts="stale", training__overtaken="of an earlier try on this worker")
    with run_storage.shared(there, folder_of(there, "r")):
        assert files(there, "r") == {"facts": "1", "training/state": "two"}
        (folder_of(there, "r") / "training" / "state").unlink()
        put(there, "r", more="3")
    with run_storage.shared(here, folder_of(here, "r")):
        assert files(here, "r") == {"facts": "1", "more": "3"}


def test_a_checkpoint_outlives_its_worker(
    worker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_storage, "PUSH_SECONDS", 0.1)
    here = worker("a")
    with pytest.raises(KeyboardInterrupt), run_storage.shared(here, folder_of(here, "r")):
        put(here, "r", checkpoint="epoch 3")
        until = time.monotonic() + 20
        while "checkpoint" not in (stored(here, "r").manifest() or {"files": {}})["files"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        raise KeyboardInterrupt  # the step never ends
    there = worker("b")
    stored(there, "r").pull()
    assert files(there, "r") == {"checkpoint": "epoch 3"}


def test_what_changes_while_it_is_copied_is_not_sent(
    worker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = worker("a")
    put(here, "r", pointer="state-1")
    folder = stored(here, "r")
    copy = folder._copy

    def copy_and_write(path: str, scratch: Path) -> Path:
        copied = copy(path, scratch)
        put(here, "r", pointer="state-22")
        return copied

    monkeypatch.setattr(folder, "_copy", copy_and_write)
    assert not folder.push()
    assert folder.manifest() is None
    monkeypatch.undo()
    assert folder.push()
    assert list(folder.manifest()["files"]) == ["pointer"]


@pytest.mark.fault(
    "the network before storage is slow, then cut, while a step runs",
    saw="the step goes on and says what it tries again; it ends when all is sent",
    lost="nothing",
)
@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_step_goes_on_over_a_network_that_is_slow_and_one_that_is_cut(
    worker: Callable, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_storage, "PUSH_SECONDS", 0.05)
    here, there = worker("a"), worker("b")
    told = ""

    def until(is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.02)

    def said(words: str) -> bool:
        nonlocal told
        told += capfd.readouterr().out
        return words in told

    with network(os.environ["AWS_ENDPOINT_URL"]) as between, reached_by(between, monkeypatch):
        with run_storage.shared(here, folder_of(here, "r")):
            between.lag = 0.02
            put(here, "r", checkpoint="epoch 3")
            until(lambda: "checkpoint" in (stored(here, "r").manifest() or {"files": {}})["files"])
            between.is_cut = True
            put(here, "r", checkpoint="epoch 4, and more")
            until(lambda: said("trying again"))
            between.is_cut = False
        stored(there, "r").pull()
    assert files(there, "r") == {"checkpoint": "epoch 4, and more"}


@contextmanager
def reached_by(between: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """S3 is behind that network, which its library gives up on at once."""
    settings = {"AWS_ENDPOINT_URL": between.url, "AWS_MAX_ATTEMPTS": "1"}
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # it knows the address that it was made with
        yield
    s3fs.S3FileSystem.clear_instance_cache()


def test_what_nobody_needs_any_more_is_deleted(worker: Callable) -> None:
    here = worker("a")
    put(here, "r", state="old")
    folder = stored(here, "r")
    folder.push()
    put(here, "r", state="newer")
    folder.push()
    folder.fs.invalidate_cache()
    assert len(folder.fs.find(f"{folder.there}/files")) == 1


def test_a_run_that_nobody_needs_goes_from_storage(worker: Callable, project: Project) -> None:
    here = worker("a")
    for name, ended in (("goes", {"promote.json": "{}"}), ("stays", {})):
        note = json.dumps({"identity": "of no version", "name": name, "project": project.name})
        put(here, name, **{"run.json": note, **ended})
        stored(here, name).push()
    every = Cleaning.load(clean_after_days=0)
    (only,) = find_old_in_storage([project], here, every)
    assert only.what == "goes" and only.elsewhere > 100
    assert only.remove() and stored(here, "goes").manifest() is None
    assert not list(find_old_in_storage([project], here, every))
    assert stored(here, "stays").read_json("run.json")["name"] == "stays"


def test_a_worker_that_was_thought_dead_stops(worker: Callable) -> None:
    here, there = worker("a"), worker("b")
    first, second = stored(here, "r"), stored(there, "r")
    put(here, "r", state="1")
    first.push()
    second.pull()
    second.claim()
    put(here, "r", state="22")
    with pytest.raises(UserError, match="continued by another worker"):
        first.push()
    second.push()
    assert files(there, "r") == {"state": "1"}


@pytest.mark.fault(
    "a worker thought dead comes back and writes",
    saw="it stops, with who took over",
    lost="nothing",
)
@pytest.mark.parametrize("storage", ["s3"], indirect=True)  # which knows conditional puts
def test_two_who_write_at_the_same_moment_do_not_both_succeed(
    worker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old worker has looked who writes, and the new one claims before the old one writes."""
    here, there = worker("a"), worker("b")
    first, second = stored(here, "r"), stored(there, "r")
    put(here, "r", state="1")
    first.push()
    put(here, "r", state="22")
    looked = StoredFolder.manifest

    def and_then_another_claims(self: StoredFolder) -> object:
        found = looked(self)
        if self is first:
            second.pull()
            second.claim()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(StoredFolder, "manifest", and_then_another_claims)
        assert not first.push()
    with pytest.raises(UserError, match="continued by another worker"):
        first.push()
    put(there, "r", state="of the second")
    assert second.push(), "what the first deleted is nothing that the second needs"
    third = worker("c")
    stored(third, "r").pull()
    assert files(third, "r") == {"state": "of the second"}


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_the_first_to_write_is_one(worker: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (stored(worker(name), "r") for name in "ab")
    for name in "ab":
        put(worker(name), "r", state=name)
    assert first.manifest() is None and second.manifest() is None
    monkeypatch.setattr(StoredFolder, "manifest", lambda self: None)  # both looked before
    assert [first.push(), second.push()] == [True, False]


def test_facts_of_a_step_are_found_wherever_it_ran(worker: Callable, project: Project) -> None:
    here, there = worker("a"), worker("b")
    folder = run_folder(here, project.name, "r")
    assert run_storage.facts(project, there, "r", "tune") is None
    with run_storage.shared(here, folder):
        put(here, folder.name, **{"tune.json": '{"trials": 2}'})
    assert run_storage.facts(project, there, "r", "tune") == {"trials": 2}


def test_a_share_of_a_search_sends_its_own_folder_and_tune_gets_them_all(worker: Callable) -> None:
    leader, first, second = worker("leader"), worker("first"), worker("second")
    with run_storage.shared(leader, folder_of(leader, "r")):
        put(leader, "r", **{"split.npz": "the split"})
    for number, places in enumerate((first, second), start=1):
        with run_storage.shared(places, folder_of(places, "r"), share=number):
            assert files(places, "r") == {"split.npz": "the split"}
            put(places, "r", **{f"tuning__share-{number}__result.json": f"of share {number}"})
            put(places, "r", **{f"tuning__share-{number}__examples.npz": "its own"})
            put(places, "r", **{f"search_share.{number}-of-2.json": "stays here"})
    with run_storage.shared(leader, folder_of(leader, "r")):
        assert files(leader, "r") == {
            "split.npz": "the split",
            "tuning/share-1/result.json": "of share 1",
            "tuning/share-2/result.json": "of share 2",
        }


def test_shares_on_one_machine_leave_each_other_alone(worker: Callable) -> None:
    here = worker("a")
    with run_storage.shared(here, folder_of(here, "r")):
        put(here, "r", **{"split.npz": "the split"})
    with run_storage.shared(here, folder_of(here, "r"), share=1):
        put(here, "r", **{"tuning__share-1__result.json": "of share 1"})
        put(here, "r", **{"search_share.1-of-2.json": "its facts"})
        with run_storage.shared(here, folder_of(here, "r"), share=2):
            assert files(here, "r") == {
                "split.npz": "the split",
                "tuning/share-1/result.json": "of share 1",
                "search_share.1-of-2.json": "its facts",
            }


@pytest.mark.fault(
    "a worker is killed before it first sends a run", saw="the run as it was", lost="nothing"
)
def test_a_kill_before_the_first_push_leaves_nothing_that_erases_the_folder(
    worker: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = worker("a")
    put(here, "r", facts="of a home that had no storage yet")

    def killed(self: StoredFolder) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoredFolder, "push", killed)
        with pytest.raises(KeyboardInterrupt), run_storage.shared(here, folder_of(here, "r")):
            pass
    assert stored(here, "r").manifest() is None
    stored(here, "r")._write_manifest({})  # even if somebody says so
    stored(here, "r").pull()
    assert files(here, "r") == {"facts": "of a home that had no storage yet"}


@pytest.mark.fault(
    "a worker with its disk is lost in mid-training",
    saw="another goes on from the checkpoint in storage",
    lost="epochs since the checkpoint: they are trained again",
)
@pytest.mark.parametrize("storage", ["s3"], indirect=True)  # the harder of the two
def test_the_workflow_goes_on_where_another_worker_was_killed(
    worker: Callable, project: Project
) -> None:
    """Data, search and half the training on one worker; the rest on one with an empty disk."""
    given = {"training.epochs": 40, "training.early_stopping_patience": 0, "search.trials": 0}
    chosen = load_project(given=given)
    here, there = worker("a"), worker("b")
    for step in ("ingest", "preprocess", "tune"):
        runner.run_step(step, chosen, here, "moved")
    process = subprocess.Popen(
        [sys.executable, "-m", "model_zoo.runs.runner", "train", "--run", "moved",
         "--set", json.dumps(given)],
        env=os.environ | here.as_variables(),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    name = run_folder(here, chosen.name, "moved").name
    while "training/progress.json" not in stored(here, name).manifest()["files"]:
        assert process.poll() is None, "it ended before its first checkpoint was in storage"
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    facts = runner.run_step("train", chosen, there, "moved")
    assert facts["resumed"] == 1 and facts["epochs"] == 40
    run = read_json(folder_of(there, name) / "mlflow_run.json")["run_id"]
    history = connect(store_of(chosen, here)).get_metric_history(run, "val_accuracy")
    assert sorted(one.step for one in history) == list(range(40)), "an epoch is logged once"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://no-such-bucket/x", r"storage s3://no-such-bucket/x cannot be written \(.*bucket"),
        ("file:///proc/x", r"storage file:///proc/x cannot be written \(.*proc"),
        ("nfs://x", r"storage nfs://x cannot be written \(Protocol not known: nfs\)"),
    ],
)
def test_storage_that_cannot_be_written_is_one_sentence_at_the_start(
    project: Project, places: Places, s3: str, url: str, sentence: str
) -> None:
    bad = places.model_copy(update={"storage": url})
    with pytest.raises(UserError, match=sentence) as refused:
        runner.run_step("ingest", project, bad, "nowhere")
    assert "\n" not in str(refused.value)


def test_a_folder_of_pictures_in_storage_is_read_there(s3: str, tmp_path: Path) -> None:
    """And what did not change is not fetched again: the store's tags say so."""
    fs, below = file_system(f"{s3}/pets")
    for label, level in (("cat", 60), ("dog", 190)):
        for number in range(4):
            fs.pipe_file(
                f"{below}/{label}/{number}.png", png(np.full((9, 9), level + number, np.uint8))
            )
    fs.pipe_file(f"{below}/dog/broken.jpg", b"no picture")
    data = DataSettings(
        source="image-folder", images=f"{s3}/pets", image_size=8, colour=False, broken_share=0.2
    )
    places, said = Places.load(home=tmp_path), []
    found = SOURCES.get("image-folder")(data, places, said.append)
    assert found.dataset.labels == ("cat", "dog")
    assert sum(len(part) for part in found.parts.values()) == 8
    assert [one.path for one in found.left_out] == ["dog/broken.jpg"]
    assert any("9 of 9 files are new" in words for words in said)
    said.clear()
    assert snapshot_of(SOURCES.get("image-folder")(data, places, said.append)) == snapshot_of(found)
    assert not any("new or changed" in words for words in said)
    with pytest.raises(UserError, match=r"s3://no-such-bucket/x.*(cannot be read|There is none)"):
        away = data.model_copy(update={"images": "s3://no-such-bucket/x"})
        SOURCES.get("image-folder")(away, places, said.append)
