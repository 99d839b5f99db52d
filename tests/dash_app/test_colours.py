"""A dataset in colour, not square, with three classes: the page asks the version, and answers."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from dash_app.server import create_server
from dash_app.settings import PageSettings
from dash_app.uploads import from_data_url
from model_zoo.images import data_url
from model_zoo.settings import Places, load_project

HEIGHT, WIDTH = 40, 30
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
PICTURE[10:30, 5:25] = (220, 30, 30)


@pytest.fixture(scope="module")
def project_file(
    small_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A project that names its source itself."""
    path = tmp_path_factory.mktemp("projects") / "colours.toml"
    path.write_text('[data]\nsource = "colours"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CATWALK_DATA__SOURCE", raising=False)
        yield path


@pytest.fixture(scope="module")
def colours(project_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The home of a version in colour, which is in production."""
    import mlflow

    from model_zoo.runs.runner import run_all

    places = Places.load(home=tmp_path_factory.mktemp("colours"))
    given = {"search.trials": 0, "training.epochs": 6, "export.formats": (), "judging.floor": 0.0}
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    run_all(load_project(str(project_file), given=given, places=places), places, "colour")
    yield places
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture(scope="module")
def client(colours: Places, project_file: Path) -> Iterator[FlaskClient]:
    server = create_server(load_project(str(project_file), places=colours), colours)
    yield server.test_client()
    server.extensions["predictor"].close()


def as_png(picture: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "PNG")
    return target.getvalue()


def test_the_api_answers_a_picture_in_colour(client: FlaskClient) -> None:
    version = client.get("/api/v1/model").json
    assert version["image_shape"] == [HEIGHT, WIDTH, 3] and len(version["labels"]) == 3
    found = client.post("/api/v1/predict", data={"file": (io.BytesIO(as_png(PICTURE)), "a.png")})
    (prediction,) = found.json["predictions"]
    assert prediction["label"] in version["labels"]
    assert [one["step"] for one in prediction["preparation"]] == version["preparation"]
    unknown = client.post("/api/v1/predict?without=nothing", data={"file": (io.BytesIO(), "a.png")})
    assert unknown.status_code == 400


def test_the_page_answers_it_with_the_steps_of_its_version(client: FlaskClient) -> None:
    version = client.get("/api/v1/model").json
    cards = asked(client, "steps.children", {"shown-version.data": "1"}, [])
    words = json.dumps(cards["model-images"])
    assert f"{WIDTH} x {HEIGHT} pixels, in colour" in words
    steps = [one["props"]["children"][1]["props"]["id"] for one in cards["steps"]["children"]]
    assert [one["step"] for one in steps] == version["preparation"]

    picture = {"name": "a.png", "content": data_url(PICTURE)}
    found = asked(client, "label.children", {"picture.data": picture}, version["preparation"])
    assert found["label"]["children"] in version["labels"]
    assert found["result"]["className"] == ""
    seen = from_data_url(found["seen"]["children"]["props"]["src"], None, PageSettings())
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(seen.content))), PICTURE)
    assert len(found["bars"]["figure"]["data"][0]["y"]) == 3


def test_catwalk_predict_answers_it(
    colours: Places, project_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from launcher.cli.main import main

    monkeypatch.setenv("CATWALK_HOME", str(colours.home))
    picture = tmp_path / "picture.png"
    picture.write_bytes(as_png(PICTURE))
    asked = ["predict", "--project", str(project_file), "--json", str(picture)]
    assert main(asked) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert set(answer["probabilities"]) == {"red", "green", "blue"}


def asked(client: FlaskClient, output: str, given: dict[str, Any], steps: list[str]) -> Any:
    """What the callback with this output answers, asked as the browser asks it.

    Args:
        given: values of inputs, by ``id.property``; the first is what changed.
        steps: names of the steps whose switches are on the page, all on.
    """
    found = client.get("/_dash-dependencies").json
    callback = next(
        one for one in found if output in one["output"] and not one["clientside_function"]
    )

    def of(id: str, property: str) -> Any:
        if not id.startswith("{"):
            return {"id": id, "property": property, "value": given.get(f"{id}.{property}")}
        (kind,) = json.loads(id)
        ids = [{kind: name} for name in steps]
        values = {"checked": True}
        return [
            {
                "id": one,
                "property": property,
                "value": one if property == "id" else values.get(property),
            }
            for one in ids
        ]

    parts = [one.rpartition(".") for one in callback["output"].strip(".").split("...")]
    body = {
        "output": callback["output"],
        "outputs": [of(id, property) for id, _, property in parts],
        "inputs": [of(one["id"], one["property"]) for one in callback["inputs"]],
        "state": [of(one["id"], one["property"]) for one in callback["state"]],
        "changedPropIds": [next(iter(given))],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json["response"]
