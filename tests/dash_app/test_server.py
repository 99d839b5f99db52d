"""The HTTP endpoints and the page's answers: good files, bad files, moved and missing aliases."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dash_app.server import create_server
from model_zoo import registry
from model_zoo.config import Settings, load_settings
from model_zoo.files import read_json
from model_zoo.images import NotAnImage, read_image
from model_zoo.predictor import ProductionPredictor


@pytest.fixture(scope="module")
def client(settings: Settings, first_run: dict):
    return create_server(settings).test_client()


@pytest.fixture(scope="module")
def example(settings: Settings, first_run: dict) -> bytes:
    facts = read_json(settings.run_dir("first") / "served" / "classifier.json")
    return base64.b64decode(facts["examples"][1]["png"])


def png_of(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("1", (width, height)).save(target, "PNG")
    return target.getvalue()


def test_health_and_version_name_what_is_served(client, first_run: dict) -> None:
    number = first_run["register"]["version"]
    assert client.get("/healthz").json == {"status": "ok", "version": number, "problem": None}
    found = client.get("/version").json
    assert found["version"] == number and found["tags"]["backbone"] == "tiny"


def test_body_and_form_field_get_the_same_answer(client, example: bytes) -> None:
    found = client.post("/predict", data=example)
    assert found.status_code == 200
    assert sum(found.json["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert found.json["confidence"] == max(found.json["probabilities"].values())
    form = client.post("/predict", data={"file": (io.BytesIO(example), "a.png")})
    assert form.json == found.json


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "expected an image file"),
        (b"hello", 400, "not an image that can be read"),
        (png_of(400, 400)[:60], 400, "not an image that can be read"),
        (png_of(20_000, 20_000), 400, "more than 25,000,000 pixels"),
        (png_of(6_000, 5_000), 400, "6,000 x 5,000 pixels"),
        (b"x" * 11 * 2**20, 413, "larger than 10 MiB"),
        (b"x" * 41 * 2**20, 413, "exceeds the capacity limit"),
    ],
)
def test_a_bad_upload_is_a_message_and_the_server_lives_on(
    client, example: bytes, content: bytes, status: int, sentence: str
) -> None:
    found = client.post("/predict", data=content)
    assert found.status_code == status
    assert sentence in found.json["error"]
    assert client.post("/predict", data=example).status_code == 200


def test_the_predictor_follows_the_alias_and_outlives_the_registry(
    settings: Settings, first_run: dict, example: bytes, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(settings.home_dir, home, ignore=shutil.ignore_patterns("runs"))
    here = load_settings(home=home)
    predictor = ProductionPredictor(here)
    predictor.refresh()
    first = predictor.current.version
    client = registry.connect(here)
    old = client.get_model_version(here.model_name, first)
    second = client.create_model_version(
        here.model_name, old.source, run_id=old.run_id, model_id=old.model_id
    ).version
    registry.promote(here, str(second))
    predictor.refresh()
    assert predictor.current.version == str(second)

    away = load_settings(home=home, tracking_uri="http://127.0.0.1:9")
    restarted = ProductionPredictor(away)
    restarted.refresh()
    assert "does not answer" in (restarted.problem or "")
    classifier, found = restarted.predict_content(example)
    assert classifier.version == str(second) and found.confidence > 0


def test_nothing_in_production_is_said_with_status_503(tmp_path: Path, example: bytes) -> None:
    settings = load_settings(home=tmp_path)
    registry.prepare(settings)
    client = create_server(settings).test_client()
    assert client.get("/healthz").status_code == 503
    found = client.post("/predict", data=example)
    assert found.status_code == 503 and "retrain" in found.json["error"]


def test_photographs_become_what_the_model_was_trained_on() -> None:
    """A dark coat on white, wider than high, arrives light on black with its proportions."""
    photo = np.full((100, 200), 250, np.uint8)
    photo[20:80, 40:160] = 10
    target = io.BytesIO()
    Image.fromarray(photo).save(target, "JPEG")
    seen = read_image(target.getvalue(), (28, 28), 10**6)
    assert seen.shape == (28, 28) and seen.dtype == np.uint8
    assert seen[14, 14] > 200 and seen[0].max() == 0, "inverted, centred"
    with pytest.raises(NotAnImage, match="at most 1,000 in all"):
        read_image(target.getvalue(), (28, 28), 1000)
