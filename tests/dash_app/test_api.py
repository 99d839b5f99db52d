"""The HTTP interface: good files, bad files, limits, the token, and its own description."""

import base64
import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from PIL import Image

from benchmarks.fuzz_uploads import encoded, mutated
from dash_app.metrics import Metrics
from dash_app.settings import PageSettings
from dash_app.uploads import TooLarge, Upload, unpacked
from model_zoo.images.decode import FORMATS
from model_zoo.predictor import ProductionPredictor
from model_zoo.registry import promotion, versions
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project, Serving

AWAY = "http://user:secret@127.0.0.1:9"


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


def form(*files: bytes) -> dict:
    return {"file": [(io.BytesIO(one), f"{i}.png") for i, one in enumerate(files)]}


def as_json(*files: bytes) -> dict:
    return {"images": [{"content": base64.b64encode(one).decode()} for one in files]}


def png_of(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("1", (width, height)).save(target, "PNG")
    return target.getvalue()


def test_form_and_json_get_the_same_answer(client: FlaskClient, example: bytes) -> None:
    found = client.post("/api/v1/predict", data=form(example))
    assert found.status_code == 200
    (prediction,) = found.json["predictions"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert prediction["confidence"] == max(prediction["probabilities"].values())
    assert {one["changed"] for one in prediction["preparation"]} == {False}
    again = client.post("/api/v1/predict", json=as_json(example)).json["predictions"][0]
    assert again | {"name": ""} == prediction | {"name": ""}


def test_many_are_answered_in_their_order_and_a_bad_one_does_not_spoil_them(
    client: FlaskClient, example: bytes, photo: bytes
) -> None:
    found = client.post("/api/v1/predict", data=form(example, b"hello", photo))
    first, bad, last = found.json["predictions"]
    assert found.status_code == 200
    assert "not an image" in bad["error"]
    assert first["label"] == last["label"], "the photo shows the same garment"
    assert {one["step"] for one in last["preparation"] if one["changed"]} >= {
        "upright", "invert", "crop-to-garment", "blacken",
    }  # fmt: skip


def test_a_step_can_be_left_out(client: FlaskClient, photo: bytes) -> None:
    found = client.post("/api/v1/predict?without=crop-to-garment,invert", data=form(photo))
    notes = {one["step"]: one["note"] for one in found.json["predictions"][0]["preparation"]}
    assert notes["crop-to-garment"] == notes["invert"] == "switched off"
    wrong = client.post("/api/v1/predict?without=shrink", data=form(photo))
    assert wrong.status_code == 400 and "unknown step 'shrink'" in wrong.json["error"]


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "is empty"),
        (b"hello", 400, "not an image that can be read"),
        (png_of(400, 400)[:60], 400, "not an image that can be read"),
        (png_of(20_000, 20_000), 400, "more than 25,000,000 pixels"),
        (png_of(6_000, 5_000), 400, "6,000 x 5,000 pixels"),
        (b"x" * 11 * 2**20, 413, "at most 10 are read"),
        (b"x" * 41 * 2**20, 413, "exceeds the capacity limit"),
    ],
)
def test_a_bad_upload_is_a_sentence_and_the_server_lives_on(
    client: FlaskClient, example: bytes, content: bytes, status: int, sentence: str
) -> None:
    found = client.post("/api/v1/predict", data=form(content))
    assert found.status_code == status
    assert sentence in found.json["error"]
    assert client.post("/api/v1/predict", data=form(example)).status_code == 200


@pytest.mark.parametrize("body", [{}, [], {"images": "x"}, {"images": [{"content": 1}]}, "text"])
def test_json_of_another_shape_is_told_which_is_expected(client: FlaskClient, body: object) -> None:
    found = client.post("/api/v1/predict", json=body)
    assert found.status_code == 400 and 'expected JSON as {"images"' in found.json["error"]


def test_more_images_than_the_limit_are_refused(
    make_server, page_places: Places, example: bytes
) -> None:
    small = make_server(page_places, max_images=3).test_client()
    assert small.post("/api/v1/predict", data=form(*[example] * 3)).status_code == 200
    for body in ({"data": form(*[example] * 4)}, {"json": as_json(*[example] * 4)}):
        found = small.post("/api/v1/predict", **body)
        assert found.status_code == 413 and "at most 3 are read" in found.json["error"]


def test_nothing_is_said_about_the_inside(client: FlaskClient, page_places: Places) -> None:
    for path in ("/api/v1/nothing", "/api/v1/predict", "/assets/../../server.py", "/%00"):
        text = client.get(path).get_data(as_text=True)
        assert "Traceback" not in text and str(page_places.home) not in text
    assert client.post("/_dash-update-component", json={"output": "x"}).status_code < 600


def test_a_bug_is_logged_and_not_shown(
    make_server, page_places: Places, example: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail in /etc/passwd")

    broken_server = make_server(page_places)
    monkeypatch.setattr("dash_app.answers.prepare", broken)
    found = broken_server.test_client().post("/api/v1/predict", data=form(example))
    assert found.status_code == 500
    assert found.json == {"error": "something went wrong in the server: its log says what"}


def test_headers_tell_browsers_to_run_only_what_is_ours(client: FlaskClient) -> None:
    for path in ("/", "/api/v1/model", "/nothing"):
        headers = client.get(path).headers
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert "unsafe" not in policy["script-src"] and "http" not in policy["script-src"]
        assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_elsewhere_than_on_this_machine_the_api_asks_for_a_token(
    make_server, copy_of_home, example: bytes
) -> None:
    places = copy_of_home(host="0.0.0.0")
    client = make_server(places).test_client()
    kept = places.home / "api_token"
    assert kept.stat().st_mode & 0o777 == 0o600
    for path in ("/api/v1/model", "/metrics"):
        assert client.get(path).status_code == 401
    refused = client.post("/api/v1/predict", data=form(example))
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"] == "Bearer"
    wrong = client.get("/api/v1/model", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    right = {"Authorization": f"Bearer {kept.read_text()}"}
    assert client.post("/api/v1/predict", data=form(example), headers=right).status_code == 200
    for path in ("/", "/healthz", "/readyz", "/api/v1/openapi.json"):
        assert client.get(path).status_code == 200

    chosen = make_server(copy_of_home(), api_token="chosen").test_client()
    assert chosen.get("/api/v1/model").status_code == 401
    given = {"Authorization": "Bearer chosen"}
    assert chosen.get("/api/v1/model", headers=given).status_code == 200


def test_the_description_is_valid_and_is_what_the_server_does(
    server: Flask, client: FlaskClient, example: bytes
) -> None:
    spec = client.get("/api/v1/openapi.json").json
    validate(spec)
    ours = {
        rule.rule
        for rule in server.url_map.iter_rules()
        if rule.rule.startswith(("/api", "/healthz", "/readyz", "/metrics"))
    }
    assert ours == set(spec["paths"])

    def conforms(path: str, method: str, answer) -> None:  # type: ignore[no-untyped-def]
        response = spec["paths"][path][method]["responses"][str(answer.status_code)]
        schema = response["content"]["application/json"]["schema"]
        whole = schema | {"components": spec["components"]}
        OAS31Validator(whole).validate(answer.json)

    conforms("/api/v1/model", "get", client.get("/api/v1/model"))
    conforms("/healthz", "get", client.get("/healthz"))
    conforms("/readyz", "get", client.get("/readyz"))
    post = client.post("/api/v1/predict", data=form(example, b"hello"))
    conforms("/api/v1/predict", "post", post)
    conforms("/api/v1/predict", "post", client.post("/api/v1/predict", data=form(b"hello")))


def test_prometheus_counts_answers_refusals_and_requests(
    make_server, page_places: Places, example: bytes
) -> None:
    client = make_server(page_places).test_client()
    client.post("/api/v1/predict", data=form(example, b"hello"))
    text = client.get("/metrics").get_data(as_text=True)
    version = client.get("/api/v1/model").json["version"]
    assert 'catwalk_predictions_total{label="' in text
    assert 'catwalk_refused_total{source="api"} 1.0' in text
    assert f"catwalk_serving_version {float(version)}" in text
    assert 'catwalk_http_requests_total{route="/api/v1/predict",status="200"} 1.0' in text


def test_no_production_is_said_with_what_to_run(
    make_server, project: Project, places: Places, tmp_path, example: bytes
) -> None:
    empty = places.model_copy(update={"home": tmp_path})
    ensure_experiment(store_of(project, empty))
    client = make_server(empty).test_client()
    assert client.get("/healthz").status_code == 200, "the process is alive"
    assert client.get("/readyz").status_code == 503
    found = client.post("/api/v1/predict", data=form(example))
    assert found.status_code == 503 and "run `catwalk demo`" in found.json["error"]
    assert client.get("/api/v1/model").status_code == 503


def test_production_is_followed_and_outlives_the_registry(
    make_server, project: Project, copy_of_home, example: bytes
) -> None:
    moved = copy_of_home()
    store = store_of(project, moved)
    predictor = ProductionPredictor(store, Serving.load(), moved.cache_dir)
    predictor.refresh()
    first = predictor.current.version
    second = next(one.version for one in versions.list_versions(store) if one.version != first)
    promotion.promote(store, second, "by a test")
    predictor.refresh()
    assert predictor.current.version == second

    away = copy_of_home(tracking_uri=AWAY)
    client = make_server(away).test_client()
    found = client.post("/api/v1/predict", data=form(example))
    assert found.status_code == 200 and found.json["version"] == second
    predictor = ProductionPredictor(store_of(project, away), Serving.load(), away.cache_dir)
    predictor.refresh()
    assert predictor.problem and predictor.current.version == second


def test_addresses_and_paths_never_reach_the_outside(
    make_server, places: Places, tmp_path, example: bytes
) -> None:
    empty = places.model_copy(update={"home": tmp_path, "tracking_uri": AWAY})
    client = make_server(empty).test_client()
    for answer in (
        client.get("/healthz"),
        client.get("/readyz"),
        client.get("/api/v1/model"),
        client.post("/api/v1/predict", data=form(example)),
    ):
        text = answer.get_data(as_text=True)
        assert "MLflow does not answer" in text
        assert "secret" not in text and "127.0.0.1" not in text and str(tmp_path) not in text


@pytest.mark.parametrize("kind", FORMATS)
def test_mutated_files_are_refused_or_answered_never_a_fault(
    client: FlaskClient, photo: bytes, kind: str
) -> None:
    """A small part of what benchmarks/fuzz_uploads.py does."""
    good = encoded(Image.open(io.BytesIO(photo)).resize((96, 128)), kind)
    rng = np.random.default_rng(3)
    for start in range(0, 120, 40):
        some = [mutated(good, rng) for _ in range(start, start + 40)]
        found = client.post("/api/v1/predict", data=form(*some))
        assert found.status_code in (200, 400), found.json


def test_workers_count_together(tmp_path) -> None:
    """In processes of their own: prometheus_client chooses its mode when it is imported."""
    program = (
        "import sys; from pathlib import Path; from dash_app.metrics import *\n"
        "import prometheus_client.values\n"
        "m = Metrics(shared=True); m.refused('api'); sys.stdout.write(m.text('3', None).decode())"
    )
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        printed = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        ).stdout
    assert 'catwalk_refused_total{source="api"} 2.0' in printed
    assert Metrics().text(None, "away").count(b"catwalk_registry_away 1.0") == 1


def test_a_zip_bomb_is_refused_by_what_it_unpacks_to() -> None:
    page = PageSettings()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"\0" * 64 * 2**20)
    assert len(target.getvalue()) < 100_000
    with pytest.raises(TooLarge, match="unpacks to more than is read"):
        unpacked([Upload("bomb.zip", target.getvalue())], page)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for i in range(page.max_images + 1):
            archive.writestr(f"{i}.png", b"x")
    with pytest.raises(TooLarge, match="501 images at once"):
        unpacked([Upload("many.zip", target.getvalue())], page)
