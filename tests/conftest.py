"""Real parts, small data: the generated sample, a backbone of two convolutions, SQLite."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import many_classes
import pytest
from colour_project import ColourProject, colour_project, made_project
from first_run import FirstRun, make_first_run

from model_zoo.processor import collect_seldom
from model_zoo.registry.store import Store, store_of
from model_zoo.settings import Places, Project, load_project

collect_seldom()  # as every program of ours does

SMALL = {
    "PLUGINS_DIR": str(Path(__file__).parent / "plugins"),
    "ALLOW_GENERATED": "1",
    "DATA__SOURCE": "drawings",  # without looking for real images first
    "DATA__TRAIN_LIMIT": "1500",
    "MODEL__BACKBONE": "tiny",
    "MODEL__IMAGE_SIZE": "28",
    "MODEL__WEIGHTS": "none",
    "SEARCH__LIMIT": "320",
    "SEARCH__TRIALS": "2",
    "TRAINING__BATCH_SIZE": "32",
    "TRAINING__EPOCHS": "3",
    "TRAINING__LEARNING_RATE": "0.003",
    "TRAINING__PRECISION": "float32",  # a trial of both takes longer than the training
    "JUDGING__FLOOR": "0.3",
    "JUDGING__MARGIN": "0.2",
    "EXPORT__FORMATS": "onnx-int8,litert-float32,litert-float16,litert-int8",
    "JUDGING__DRIFT_BUDGET": "0.3",  # the test part is small
    "EXPORT__LITERT_INT8_ACCURACY_LOSS": "0.02",
    "EXPORT__ONNX_INT8_ACCURACY_LOSS": "0.02",
}


@pytest.fixture(scope="session", autouse=True)
def nobody_waits_for_the_disk() -> Iterator[None]:
    """No test loses power. What is sent to the disk, and when, ``test_files.py`` holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def small_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The process's environment for the session: everything small, under a home of its own.

    No folder of official files and no network: the generated sample stands in. The tests that are
    about the official files ask for them themselves (``official_files``).
    """
    home = tmp_path_factory.mktemp("home")
    values = {f"CATWALK_{name}": value for name, value in SMALL.items()}
    values |= {"CATWALK_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CATWALK_DATA_DIR", raising=False)
        for name, value in values.items():
            patch.setenv(name, value)
        yield home


@pytest.fixture(scope="session")
def official_files() -> Path:
    """The folder with the four official files of Fashion-MNIST; without it the test is skipped."""
    folder = OFFICIAL
    if not folder:
        pytest.skip("CATWALK_DATA_DIR names no folder with the official files")
    return Path(folder)


OFFICIAL = os.environ.get("CATWALK_DATA_DIR", "")

# What takes minutes must not begin last.
LONGEST_FIRST = (
    "launcher/test_demo_and_up.py",
    "tuning/test_side_by_side.py",
    "tuning/test_search.py",
    "runs/test_steps.py",
    "dash_app/test_page_server.py",
    "runs/test_storage.py",
    "dash_app/test_other_tabs.py",
    "dash_app/test_predict_tab.py",
    "dash_app/test_uploads.py",
    "registry/test_interrupted.py",
    "registry/test_promotion.py",
    "registry/test_registration.py",
    "registry/test_network.py",
    "backbones/test_contract.py",
    "training/test_jax.py",
    "backbones/test_add_a_backbone.py",
    "dash_app/test_page_of_many_classes.py",
    "training/test_features.py",
    "training/test_fit.py",
    "explanation/test_grad_cam.py",
    "dash_app/test_review_tab.py",
    "dash_app/test_colours.py",
    "dash_app/test_several_projects.py",
    "dags/test_dag.py",
    "training/test_faster_network.py",
    "training/test_class_weights.py",
)

# Files of one worker: they share a finished search, a server of the page, one of MLflow.
TOGETHER = (LONGEST_FIRST[1:3], LONGEST_FIRST[6:9], LONGEST_FIRST[9:13])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; all others as they were collected."""
    tests = Path(__file__).parent
    ranks = {tests / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """A million objects of what has been imported by now: no garbage, and not looked through again
    each time that Keras or pytest asks for all of it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but that the files of :data:`TOGETHER` count as one."""
    from xdist.scheduler import LoadFileScheduling

    if config.getvalue("dist") != "loadfile":
        return None
    shared = {f"tests/{name}": files[0] for files in TOGETHER for name in files}

    class FilesTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return shared.get(file, file)

    return FilesTogether(config, log)


@pytest.fixture(scope="session")
def places(small_environment: Path) -> Places:
    return Places.load()


@pytest.fixture(scope="session")
def project(small_environment: Path) -> Project:
    return load_project()


@pytest.fixture(scope="session")
def store(project: Project, places: Places) -> Store:
    """The project's place in MLflow, in the session's home."""
    return store_of(project, places)


@pytest.fixture(scope="session")
def first_run(
    project: Project, places: Places, tmp_path_factory: pytest.TempPathFactory
) -> FirstRun:
    """The first run, made once for all workers of pytest-xdist and copied to each one's home."""
    return make_first_run(project, places, of_all_workers(tmp_path_factory) / "first-run")


@pytest.fixture(scope="session")
def first_home(first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the first run as that left it, whatever tests have done to their own: to copy."""
    return of_all_workers(tmp_path_factory) / "first-run" / "home"


@pytest.fixture(scope="module")
def colours(
    small_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ColourProject]:
    """A project of three classes, 40 x 30 pixels in colour, with its first run in production."""
    shared = of_all_workers(tmp_path_factory) / "colours-run"
    with colour_project(tmp_path_factory.mktemp("colours"), shared) as made:
        yield made


@pytest.fixture(scope="module")
def patterns(
    small_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ColourProject]:
    """A project of three hundred classes with few images each, its first run in production."""
    shared, folder = of_all_workers(tmp_path_factory) / "patterns-run", "patterns"
    home = tmp_path_factory.mktemp(folder)
    with made_project(folder, many_classes.FILE, many_classes.BY_THE_FILE, home, shared) as made:
        yield made


def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of pytest-xdist share."""
    several = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    return base.parent if several else base


@pytest.fixture
def another_store() -> Iterator[None]:
    """For tests with a store of their own: MLflow's process-wide URIs are put back after them.

    A step that logs moves them, and `models:/...` sources are looked up by them.
    """
    import mlflow

    tracking, versions = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(tracking)
    mlflow.set_registry_uri(versions)
