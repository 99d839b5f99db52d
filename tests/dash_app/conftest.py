"""A home of the page's own: two versions, the test images, nothing that other tests move."""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import CHROMIUM, PATIENCE, serve, stop, watch
from filelock import FileLock
from first_run import FirstRun
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dash_app.server import create_server
from dash_app.settings import PageSettings
from model_zoo.files import read_json
from model_zoo.settings import Places, Project, Serving, load_project

#: A second version in seconds; the gate's verdict leaves it as candidate.
SECOND = {
    "training.epochs": 1,
    "data.train_limit": 500,
    "search.trials": 0,
    "export.formats": (),
    "judging.promotion": "manual",
}


@pytest.fixture(scope="session")
def page_places(
    places: Places, first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory
) -> Places:
    """A copy of the session's home with a second version, made once for all workers."""
    shared = tmp_path_factory.getbasetemp().parent / "page-home"
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        shared = tmp_path_factory.mktemp("page-home")
    home = shared / "home"
    page_places = places.model_copy(update={"home": home})
    with FileLock(f"{shared}.lock"):
        if not (shared / "made").exists():
            shutil.copytree(places.home, home, ignore=shutil.ignore_patterns("runs"))
            make_second_version(page_places)
            (shared / "made").touch()
    return page_places


def make_second_version(places: Places) -> None:
    import mlflow

    from model_zoo.runs.runner import run_all

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    run_all(load_project(given=SECOND, places=places), places, "second")
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def copy_of_home(page_places: Places, tmp_path: Path) -> Callable[..., Places]:
    """Makes places with a copy of the store, so that a test may move what it likes."""

    def copy(**overrides: object) -> Places:
        home = tmp_path / "home"
        if not home.exists():
            left_out = shutil.ignore_patterns("runs", "cache", "corrections")
            shutil.copytree(page_places.home, home, ignore=left_out)
        return page_places.model_copy(update={"home": home, **overrides})

    return copy


@pytest.fixture(scope="module")
def make_server(project: Project) -> Iterator[Callable[..., Flask]]:
    """Makes servers in this process from places and values of PageSettings, and closes them.

    One that went on following its registry would take from the process's random numbers, and a
    test that trains twice would begin with other weights.
    """
    made: list[Flask] = []

    def make(places: Places, **page: object) -> Flask:
        made.append(create_server(project, places, Serving.load(), PageSettings.load(**page)))
        return made[-1]

    yield make
    for one in made:
        one.extensions["projects"].close()


@pytest.fixture(scope="module")
def server(page_places: Places, make_server: Callable[..., Flask]) -> Flask:
    return make_server(page_places)


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


@pytest.fixture(scope="session")
def example(first_run: FirstRun) -> bytes:
    """A PNG of the dataset, a sneaker: told in the official data and in the sample."""
    facts = read_json(first_run.folder / "served" / "classifier.json")
    return base64.b64decode(facts["examples"][7]["png"])


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


@pytest.fixture(scope="session")
def url(page_places: Places) -> Iterator[str]:
    """The page with two versions, in a process of its own."""
    process, url = serve(page_places.home)
    yield url
    stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--process-per-site",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser, url: str) -> Iterator[BrowserContext]:
    """One visitor for most tests: the scripts are fetched once, and compiled once, as the process
    that shows a site lives, with what it has compiled, as long as one of its pages is open."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.new_page().goto(url)
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext, url: str) -> Iterator[Page]:
    """A page just opened, whose scripts may not fail, and whose policy may not be broken."""
    page = visitor.new_page()
    errors = watch(page)
    page.goto(url)
    expect(page.locator("#examples button")).to_have_count(10)
    yield page
    page.close()
    assert errors == []
