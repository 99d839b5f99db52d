"""One page for all projects: each its own, found by name, in memory while somebody asks for it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import serve, stop, watch
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect

from dash_app.projects import Projects
from dash_app.server import create_server
from dash_app.settings import PageSettings
from model_zoo.registry.client import connect
from model_zoo.registry.served_files import FACTS, FACTS_TAG, MODEL, folder_in_home, sha256
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import find_alias
from model_zoo.settings import Places, Project, Serving, load_project

FILE = 'schedule = "never"\n'


def put_into_production(ours: Store, theirs: Store, folder: Path) -> None:
    """Our version in production as another project's, with classes of other names."""
    production = find_alias(ours, "production")
    assert production is not None
    lies = folder_in_home(ours, production.version)
    assert lies is not None
    folder.mkdir()
    shutil.copy(lies / MODEL, folder)
    facts = json.loads((lies / FACTS).read_text())
    facts["project"] = theirs.experiment
    facts["labels"] = [f"thing {i}" for i in range(len(facts["labels"]))]
    for i, one in enumerate(facts["examples"]):
        one["label"] = facts["labels"][i]
    (folder / FACTS).write_text(json.dumps(facts))
    client = connect(theirs)
    client.create_registered_model(theirs.model)
    tags = production.tags | {"project": theirs.experiment, FACTS_TAG: sha256(folder / FACTS)}
    client.create_model_version(theirs.model, folder.as_uri(), tags=tags)
    client.set_registered_model_alias(theirs.model, "production", "1")


@pytest.fixture(scope="module")
def several(
    page_places: Places, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Places:
    """A home with two projects in production, one without, and one whose file is broken."""
    folder = tmp_path_factory.mktemp("several")
    home, files = folder / "home", folder / "projects"
    shutil.copytree(page_places.home, home, ignore=shutil.ignore_patterns("runs", "cache"))
    files.mkdir()
    for name in ("shop", "new-one"):
        (files / f"{name}.toml").write_text(FILE)
    (files / "broken.toml").write_text("[training]\nepoch = 3\n")
    places = page_places.model_copy(update={"home": home, "projects_dir": files})
    shop = load_project("shop", places=places)
    put_into_production(store_of(project, places), store_of(shop, places), folder / "served")
    return places


@pytest.fixture
def serving(project: Project, several: Places) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**values: object) -> Flask:
        server = create_server(project, several, Serving.load(**values), PageSettings.load())
        projects_of(server).look()
        made.append(server)
        return server

    yield make
    for one in made:
        projects_of(one).close()


def projects_of(server: Flask) -> Projects:
    found: Projects = server.extensions["projects"]
    return found


def predicted(client: FlaskClient, picture: bytes, project: str = "") -> dict:
    path = f"/api/v1/projects/{project}/predict" if project else "/api/v1/predict"
    found = client.post(path, data={"file": (io.BytesIO(picture), "a.png")})
    assert found.status_code == 200, found.json
    return found.json


def test_each_project_answers_with_its_own_production(
    serving: Callable[..., Flask], example: bytes
) -> None:
    server = serving()
    client = server.test_client()
    plain = predicted(client, example)
    assert plain == predicted(client, example, "fashion-mnist")
    theirs = predicted(client, example, "shop")
    assert (plain["model"], theirs["model"]) == ("fashion-mnist-classifier", "shop-classifier")
    assert theirs["predictions"][0]["label"].startswith("thing ")
    assert client.get("/api/v1/projects/shop/model").json["labels"][0] == "thing 0"
    assert client.get("/p/shop/readyz").json["project"] == "shop"

    contexts = projects_of(server).opened()
    folders = {name: Path(one.corrections.shelf.url).name for name, one in contexts.items()}
    assert folders == {"fashion-mnist": "fashion-mnist", "shop": "shop"}
    text = client.get("/metrics").get_data(as_text=True)
    assert 'catwalk_serving_version{project="shop"} 1.0' in text
    assert 'project="shop",source="api",version="1"} 1.0' in text


def test_a_broken_or_an_empty_project_has_a_sentence_and_disturbs_no_other(
    serving: Callable[..., Flask], several: Places, example: bytes
) -> None:
    client = serving().test_client()
    listed = {one["project"]: one for one in client.get("/api/v1/projects").json["projects"]}
    assert next(iter(listed)) == "fashion-mnist" == client.get("/api/v1/projects").json["default"]
    assert listed["shop"]["version"] == "1" and not listed["shop"]["loaded"]
    assert "run `catwalk run --project new-one`" in listed["new-one"]["problem"]
    assert "broken.toml, line 2: unknown setting training.epoch" in listed["broken"]["problem"]

    for path in ("/api/v1/projects/broken/model", "/p/broken/readyz", "/p/broken/"):
        found = client.get(path)
        text = found.get_data(as_text=True)
        assert found.status_code == 503 and "unknown setting training.epoch" in text, path
        assert str(several.projects_dir) not in text
    found = client.get("/api/v1/projects/new-one/model")
    assert found.status_code == 503 and "run --project new-one" in found.json["error"]
    assert client.get("/p/new-one/").status_code == 200, "its page says what to run"
    predicted(client, example, "shop")


def test_an_unknown_project_is_not_found_with_the_nearest_name(
    serving: Callable[..., Flask],
) -> None:
    client = serving().test_client()
    found = client.get("/api/v1/projects/shp/model")
    assert (found.status_code, found.json) == (
        404,
        {"error": "no project 'shp': did you mean shop?"},
    )
    found = client.get("/p/shp<b>/")
    text = found.get_data(as_text=True)
    assert found.status_code == 404 and "did you mean shop?" in text and "<b>" not in text
    assert '<a href="/p/shop/">' in text


def test_projects_come_and_go_while_the_page_runs(
    serving: Callable[..., Flask], several: Places, example: bytes
) -> None:
    server = serving()
    client, projects = server.test_client(), projects_of(server)
    file = several.projects_dir / "later.toml"
    assert client.get("/p/later/").status_code == 404
    file.write_text(FILE)
    try:
        projects.look()
        assert "later" in [one.name for one in projects.listed()]
        assert client.get("/p/later/").status_code == 200
        file.write_text("schedule = 3")
        projects.look()
        listed = {one.name: one for one in projects.listed()}
        assert listed["later"].problem, "it goes on with what it was, and says so"
    finally:
        file.unlink()
    projects.look()
    assert "later" not in [one.name for one in projects.listed()]
    assert client.get("/p/later/").status_code == 404


def test_with_little_memory_the_project_asked_last_stays(
    serving: Callable[..., Flask], example: bytes
) -> None:
    server = serving(models_mb=0.001)
    client, projects = server.test_client(), projects_of(server)

    def loaded() -> set[str]:
        return {one.name for one in projects.listed() if one.loaded}

    assert loaded() == {"fashion-mnist"}
    predicted(client, example, "shop")
    assert loaded() == {"shop"}
    resting = next(one for one in projects.listed() if one.name == "fashion-mnist")
    assert resting.version == "1" and client.get("/readyz").status_code == 200
    assert loaded() == {"shop"}, "looking loads nothing"

    predicted(client, example)
    assert loaded() == {"fashion-mnist"}
    with projects.default.predictor.answering():
        predicted(client, example, "shop")
        assert loaded() == {"fashion-mnist", "shop"}, "who answers is not let go"


def test_people_choose_a_project_in_the_header(browser: Browser, several: Places) -> None:
    process, url = serve(several.home, CATWALK_PROJECTS_DIR=str(several.projects_dir),
                         CATWALK_PROJECT=str(projects_file(several)))  # fmt: skip
    context = browser.new_context()
    try:
        page = context.new_page()
        errors = watch(page)
        page.goto(f"{url}/#batch")
        page.locator("#project").click()
        options = page.get_by_role("option")
        expect(options).to_have_text(
            ["fashion-mnist", "shop", "broken · cannot be used", "new-one · not in production"]
        )
        options.nth(1).click()
        page.wait_for_url(f"{url}/p/shop/#batch")
        page.get_by_role("tab", name="Predict").click()
        page.locator("#examples button").nth(2).click()
        expect(page.locator("#answered-by")).to_contain_text("shop-classifier version 1")
        expect(page.locator("#label")).to_contain_text("thing")
        page.goto(f"{url}/p/new-one/")
        expect(page.locator("#banner")).to_contain_text("catwalk run --project new-one")
        assert errors == []
    finally:
        context.close()
        stop(process)


def projects_file(places: Places) -> Path:
    """The default project's file, beside the others."""
    file = places.home.parent / "fashion-mnist.toml"
    file.write_text(FILE)
    return file
