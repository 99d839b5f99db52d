"""A dataset in colour, not square, with three classes: the page asks the version, and answers."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from asking import asked
from colour_project import ColourProject
from flask.testing import FlaskClient
from PIL import Image

from dash_app.server import create_server
from dash_app.settings import PageSettings
from dash_app.uploads import from_data_url
from model_zoo.images import data_url

HEIGHT, WIDTH = 40, 30
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
PICTURE[10:30, 5:25] = (220, 30, 30)


@pytest.fixture(scope="module")
def client(colours: ColourProject) -> Iterator[FlaskClient]:
    server = create_server(colours.project, colours.places)
    yield server.test_client()
    server.extensions["projects"].close()


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
    assert len(found["every-bar"]["data"]["data"][0]["y"]) == 3


def test_catwalk_predict_answers_it(
    colours: ColourProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from launcher.cli.main import main

    picture = tmp_path / "picture.png"
    picture.write_bytes(as_png(PICTURE))
    asked = ["predict", "--project", str(colours.project.file), "--json", str(picture)]
    assert main(asked) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert set(answer["probabilities"]) == {"red", "green", "blue"}
