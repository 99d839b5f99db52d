"""Three hundred classes on the page: lists that are searched, and nothing that grows with them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from asking import asked
from browsing import open_tab, serve, stop, watch
from colour_project import ColourProject
from flask.testing import FlaskClient
from playwright.sync_api import BrowserContext, Page, expect

from dash_app.page.batch import as_csv, columns, shares_of
from dash_app.page.classes import choice
from dash_app.server import create_server
from model_zoo.images import data_url, png
from model_zoo.predictor import Prediction

PICTURE = np.full((16, 16, 3), (200, 40, 90), np.uint8)
LABELS = tuple(f"pattern {number:03d}" for number in range(300))


@pytest.fixture(scope="module")
def client(patterns: ColourProject) -> Iterator[FlaskClient]:
    server = create_server(patterns.project, patterns.places)
    yield server.test_client()
    server.extensions["projects"].close()


def prediction(classes: int) -> Prediction:
    shares = np.arange(1, classes + 1) / sum(range(1, classes + 1))
    maps = np.zeros((2, 4, 4), np.float32)
    return Prediction(
        LABELS[classes - 1], float(shares[-1]), LABELS[:classes], shares, PICTURE, maps[0], maps,
        (LABELS[classes - 1], LABELS[classes - 2]),
    )  # fmt: skip


def test_an_answer_carries_five_heatmaps_and_each_bar(client: FlaskClient) -> None:
    steps = client.get("/api/v1/model").json["preparation"]
    given = {"picture.data": {"name": "a.png", "content": data_url(PICTURE)}}
    found = asked(client, "label.children", given, steps)
    label = found["label"]["children"]
    assert len(found["heatmaps"]["data"]) == 5 and label in found["heatmaps"]["data"]
    assert found["heat-class"]["data"][0] == found["heat-class"]["value"] == label
    (trace,) = found["every-bar"]["data"]["data"]
    assert len(trace["y"]) == 300 and trace["y"][-1] == label


def test_the_api_answers_with_every_class(client: FlaskClient) -> None:
    found = client.post("/api/v1/predict", data={"file": (io.BytesIO(png(PICTURE)), "a.png")})
    (one,) = found.json["predictions"]
    assert len(one["probabilities"]) == 300
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_lists_of_many_classes_can_be_searched_and_short_ones_need_no_keyboard() -> None:
    assert choice(LABELS)["searchable"] and "300" in choice(LABELS)["placeholder"]
    assert not choice(("cat", "dog"))["searchable"]


@pytest.mark.parametrize(("classes", "cells"), [(2, 2), (300, 4)])
def test_a_table_of_many_pictures_has_no_column_for_each_of_many_classes(
    classes: int, cells: int
) -> None:
    shares = shares_of(prediction(classes))
    assert len(shares) == cells
    named = [one["field"] for one in columns(list(shares))]
    assert named[-cells:] == list(shares)
    if classes == 300:
        assert shares["second"] == LABELS[298] and shares["third"] == LABELS[297]
        assert "second confidence" in as_csv([{"file": "a.png", "label": LABELS[299], **shares}])


@pytest.fixture
def page(patterns: ColourProject, visitor: BrowserContext) -> Iterator[Page]:
    file = str(patterns.project.file)
    process, url = serve(patterns.places.home, CATWALK_PROJECT=file)
    page = visitor.new_page()
    errors = watch(page)
    page.goto(url)
    expect(page.locator("#examples button")).to_have_count(40)
    yield page
    page.close()
    stop(process)
    assert errors == []


def test_a_visitor_finds_a_class_among_hundreds(page: Page) -> None:
    page.locator("#examples button").first.click()
    bars = page.locator("#bars .bars .point")
    expect(bars).to_have_count(5)
    page.get_by_role("switch", name="All 300 classes").click()
    expect(bars).to_have_count(300)

    options = page.locator("[role=option]:visible")
    page.locator("#right-class").fill("pattern 29")
    expect(options).to_have_count(10)
    page.locator("#right-class").fill("no such thing")
    expect(page.get_by_role("listbox", name="It is a")).to_contain_text("no class of that name")

    open_tab(page, "Model")
    expect(page.locator(".confusion tbody tr")).to_have_count(20)
    first = page.locator(".pair-button").first
    words = first.inner_text()
    first.click()
    true, said = words.rpartition(":")[0].split(" taken for ")
    expect(page.locator("#cell-images h3")).to_contain_text(f"{true}, taken for {said}")
    page.locator("#confused-class").fill(true)
    page.get_by_role("option", name=true).click()
    pairs = page.locator(".pair-button")
    expect(pairs.first).to_contain_text(true)
    expect(pairs.filter(has_not_text=true)).to_have_count(0)

    rows = page.locator("#table-of-classes .ag-center-cols-container .ag-row")
    expect(rows).to_have_count(20)
    page.locator("#table-of-classes .ag-floating-filter-input input").first.fill("pattern 123")
    expect(rows).to_have_count(1)
