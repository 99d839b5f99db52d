"""Corrections on their way in: page and API share one limit, and consent decides what is kept."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from asking import asked
from flask import Flask
from flask.testing import FlaskClient

from model_zoo.data.corrections import corrections_of
from model_zoo.images import png
from model_zoo.settings import Places, Project

Make = Callable[..., Flask]


@pytest.fixture
def here(copy_of_home: Callable[..., Places], tmp_path: Any) -> Places:
    """Versions of the page's home, corrections of this test's own."""
    return copy_of_home(corrections=str(tmp_path / "corrections"))


def noise(seed: int) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8))


def sent(content: bytes, label: str = "Coat", **more: Any) -> dict[str, Any]:
    return {"image": {"content": base64.b64encode(content).decode()}, "label": label} | more


def test_sixty_pictures_of_noise_are_stopped_at_the_limit_by_page_and_api_alike(
    here: Places, project: Project, make_server: Make
) -> None:
    client = make_server(here, feedback_per_hour=5).test_client()
    steps = client.get("/api/v1/model").json["preparation"]
    said = []
    for seed in range(30):
        url = f"data:image/png;base64,{base64.b64encode(noise(seed)).decode()}"
        given = {
            "correct.n_clicks": 1,
            "picture.data": {"content": url, "name": "noise.png"},
            "right-class.value": "Coat",
        }
        found = asked(client, "corrected.children", given, steps)
        said.append(found["corrected"]["children"])
    assert sum(one.startswith("Thank you") for one in said) == 5
    assert said[-1].startswith("Not stored: 5 corrections in an hour are taken from one place")
    for seed in range(30, 60):
        found = client.post("/api/v1/corrections", json=sent(noise(seed)))
        assert found.status_code == 429 and "in an hour" in found.json["error"]
    kept = corrections_of(project.name, here)
    assert len(kept.all()) == 5 and kept.accepted() == [], "nothing is trained on without review"


def test_consent_decides_whether_the_picture_is_kept(
    here: Places, project: Project, make_server: Make, photo: bytes
) -> None:
    client = make_server(here).test_client()
    for agree in (False, True):
        found = client.post("/api/v1/corrections", json=sent(photo, keep_picture=agree))
        assert found.status_code == 201 and found.json["state"] == "waiting"
    corrections = corrections_of(project.name, here)
    without, along = corrections.all()
    assert corrections.picture(without) is None and corrections.picture(along) == photo
    assert corrections.seen(without) is not None


def test_the_address_is_what_the_proxy_says_where_there_is_one(
    here: Places, make_server: Make
) -> None:
    def statuses(client: FlaskClient) -> list[int]:
        return [
            client.post(
                "/api/v1/corrections",
                json=sent(noise(number)),
                headers={"X-Forwarded-For": f"198.51.100.7, 192.0.2.{number}"},
            ).status_code
            for number in range(2)
        ]

    page = {"feedback_per_hour": 1}
    assert statuses(make_server(here, proxies=1, **page).test_client()) == [201, 201]
    assert statuses(make_server(here, proxies=0, **page).test_client()) == [201, 429]


def test_a_bad_correction_is_a_sentence(here: Places, make_server: Make, example: bytes) -> None:
    client = make_server(here).test_client()
    for body, words in (
        (sent(example, "Hat"), "'Hat' is none of"),
        (sent(b"no image"), "not an image"),
        ({"label": "Coat"}, "expected JSON as"),
        (sent(example, keep_picture="yes"), "expected JSON as"),
    ):
        found = client.post("/api/v1/corrections", json=body)
        assert found.status_code == 400 and words in found.json["error"], body
    off = make_server(here, feedback=False).test_client()
    assert (
        "takes no corrections" in off.post("/api/v1/corrections", json=sent(example)).json["error"]
    )
