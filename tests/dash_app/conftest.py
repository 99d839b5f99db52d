"""A home of the page's own: two versions, the test images, nothing that other tests move."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from PIL import Image

from dash_app.server import create_server
from model_zoo.config import Settings, load_settings
from model_zoo.files import read_json
from model_zoo.registry import versions as registry


@pytest.fixture(scope="session")
def page_settings(
    settings: Settings, first_run: dict, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A copy of the session's home with a second version, which the gate leaves as candidate."""
    import mlflow

    from model_zoo.runs.runner import run_all

    home = tmp_path_factory.mktemp("page") / "home"
    shutil.copytree(settings.home_dir, home, ignore=shutil.ignore_patterns("runs"))
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    run_all(load_settings(home=home, epochs=1, search_trials=0, promotion="manual"), "second")
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
    return load_settings(home=home)


@pytest.fixture
def copy_of_home(page_settings: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings with a copy of the store, so that a test may move what it likes."""

    def copy(**overrides: object) -> Settings:
        home = tmp_path / "home"
        if not home.exists():
            left_out = shutil.ignore_patterns("runs", "cache")
            shutil.copytree(page_settings.home_dir, home, ignore=left_out)
        return load_settings(home=home, **overrides)

    return copy


@pytest.fixture(scope="module")
def make_server() -> Iterator[Callable[[Settings], Flask]]:
    """Makes servers in this process, and closes them.

    One that went on following its registry would take from the process's random numbers, and a
    test that trains twice would begin with other weights.
    """
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        made.append(create_server(settings))
        return made[-1]

    yield make
    for one in made:
        one.extensions["predictor"].close()


@pytest.fixture(scope="module")
def server(page_settings: Settings, make_server: Callable[[Settings], Flask]) -> Flask:
    return make_server(page_settings)


@pytest.fixture(scope="session")
def example(settings: Settings, first_run: dict) -> bytes:
    """A PNG of the dataset, a sandal: told in the official data and in the sample."""
    facts = read_json(settings.run_dir("first") / "served" / "classifier.json")
    return base64.b64decode(facts["examples"][5]["png"])


@pytest.fixture(scope="session")
def photo(example: bytes) -> bytes:
    """The same garment, dark, in the corner of a large bright JPEG that lies on its side."""
    garment = np.asarray(Image.open(io.BytesIO(example)).resize((300, 300)), np.float64)
    scene = np.full((640, 900), 235.0) - np.linspace(0, 25, 900)
    part = scene[40:340, 520:820]
    scene[40:340, 520:820] = np.where(garment > 20, (255 - garment) * 0.6, part)
    scene += np.random.default_rng(0).normal(0, 3, scene.shape)
    picture = (
        Image.fromarray(scene.clip(0, 255).astype(np.uint8)).convert("RGB").rotate(90, expand=True)
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right to see it upright"
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif, quality=88)
    return target.getvalue()


@pytest.fixture
def moved(copy_of_home: Callable[..., Settings]) -> Iterator[Settings]:
    settings = copy_of_home()
    assert len(registry.list_versions(settings)) >= 2
    yield settings
