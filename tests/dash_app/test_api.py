"""The HTTP interface: good files, bad files, limits, the token, and its own description."""

import base64
import io

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from PIL import Image

from benchmarks.fuzz_uploads import encoded, mutated
from benchmarks.hostile_requests import MAKERS, request_of
from model_zoo.images.decode import FORMATS
from model_zoo.settings import Places


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


def test_the_description_is_valid_and_is_what_the_server_does(
    server: Flask, client: FlaskClient, example: bytes
) -> None:
    spec = client.get("/api/v1/openapi.json").json
    validate(spec)
    ours = {
        rule.rule.replace("<project>", "{project}")
        for rule in server.url_map.iter_rules()
        if rule.rule.startswith("/api") or rule.rule.endswith(("/healthz", "/readyz", "/metrics"))
    }
    assert ours == set(spec["paths"])

    def conforms(path: str, method: str, answer) -> None:  # type: ignore[no-untyped-def]
        response = spec["paths"][path][method]["responses"][str(answer.status_code)]
        schema = response["content"]["application/json"]["schema"]
        whole = schema | {"components": spec["components"]}
        OAS31Validator(whole).validate(answer.json)

    conforms("/api/v1/model", "get", client.get("/api/v1/model"))
    conforms("/api/v1/projects", "get", client.get("/api/v1/projects"))
    conforms("/healthz", "get", client.get("/healthz"))
    conforms("/readyz", "get", client.get("/readyz"))
    post = client.post("/api/v1/predict", data=form(example, b"hello"))
    conforms("/api/v1/predict", "post", post)
    conforms("/api/v1/predict", "post", client.post("/api/v1/predict", data=form(b"hello")))
    of_project = "/api/v1/projects/{project}/model"
    conforms(of_project, "get", client.get("/api/v1/projects/fashion-mnist/model"))
    conforms(of_project, "get", client.get("/api/v1/projects/fashion/model"))


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


@pytest.mark.parametrize("kind", MAKERS)
def test_hostile_requests_are_refused_or_answered_never_a_fault(
    client: FlaskClient, kind: str
) -> None:
    rng = np.random.default_rng(5)
    for _ in range(2 if MAKERS[kind][1] > 1 else 60):
        found = client.post("/api/v1/predict", **request_of(kind, rng)[0])
        assert found.status_code in (200, 400, 413), found.json
