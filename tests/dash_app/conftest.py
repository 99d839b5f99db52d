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
from model_zoo import registry
from model_zoo.config import Settings, load_settings
from model_zoo.files import read_json


@pytest.fixture(scope="session")
def second_run(settings: Settings, first_run: dict) -> dict[str, dict]:
    """Another version, which the gate leaves as candidate."""
    from model_zoo.steps import run_all

    facts: dict[str, dict] = {}
    other = load_settings(epochs=1, search_trials=0, promotion="manual")
    run_all(other, "second", facts.__setitem__)
    return facts


@pytest.fixture
def copy_of_home(settings: Settings, second_run: dict, tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings with a copy of the store, so that a test may move what it likes."""

    def copy(**overrides: object) -> Settings:
        home = tmp_path / "home"
        if not home.exists():
            left_out = shutil.ignore_patterns("runs", "cache")
            shutil.copytree(settings.home_dir, home, ignore=left_out)
        return load_settings(home=home, **overrides)

    return copy


@pytest.fixture(scope="module")
def server(settings: Settings, second_run: dict) -> Flask:
    return create_server(settings)


@pytest.fixture(scope="session")
def example(settings: Settings, first_run: dict) -> bytes:
    """A PNG of the dataset, a trouser."""
    facts = read_json(settings.run_dir("first") / "served" / "classifier.json")
    return base64.b64decode(facts["examples"][1]["png"])


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
