"""The tab Review: shown only to who may decide, several at once, by keyboard, in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from asking import asked
from browsing import serious_findings, serve, slow_server, stop, watch
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from model_zoo.data.corrections import Corrections, Limits, corrections_of
from model_zoo.data.corrections.ranking import Ranking, Unlabelled, keep_ranking
from model_zoo.data.corrections.store import said_of
from model_zoo.settings import Places, Project

LABELS = ("Coat", "Shirt", "Bag")


@pytest.fixture
def waiting(
    copy_of_home: Callable[..., Places], project: Project, photo: bytes, example: bytes
) -> tuple[Places, Corrections]:
    """Three pictures wait, of one of which two people say something; one came with its picture."""
    places = copy_of_home()
    corrections = corrections_of(project.name, places)
    steps: Any = {"image_shape": (28, 28, 1), "preparation": ()}
    for value, label, picture in (
        (10, "Coat", photo), (10, "Shirt", photo), (90, "Bag", None), (200, "Coat", None),
    ):  # fmt: skip
        image = np.full((28, 28), value, np.uint8)
        image[6:22, 8:20] = 255 - value
        said = said_of(image, label, "Shirt", 0.61, "1", picture=picture, **steps)
        corrections.send(image, said, LABELS, "192.0.2.1", Limits(99, 99, 10**8), picture)
    small = base64.b64encode(example).decode()
    first = [
        Unlabelled(f"new/{name}.png", name, 0.4, "Bag", 0.3, (28, 28, 1), (), small)
        for name in ("boot", "shoe")
    ]
    keep_ranking(corrections, Ranking("1", 5, tuple(first)))
    return places, corrections


# Before the browser: its loop and Flask's cannot run in one thread.
def test_where_others_can_reach_the_page_the_tab_asks_for_the_token(
    waiting: tuple[Places, Corrections], make_server: Callable[..., Flask]
) -> None:
    places, corrections = waiting
    client = make_server(places, api_token="secret").test_client()
    shown = {"tabs.value": "review", "review-view.value": "waiting", "shown-version.data": "1"}
    (one, *_) = corrections.all()
    picked = {"review-accept.n_clicks": 1, "review-view.value": "waiting", "review-done.data": 0}
    for token, allowed in ((None, False), ("guess", False), ("secret", True)):
        given = shown | {"review-token.value": token}
        found = asked(client, "review-cards.children", given, [])
        assert bool(found["review-cards"]["children"]) == allowed
        given = picked | {"review-token.value": token}
        said = asked(client, "review-message.children", given, [])["review-message"]["children"]
        assert ("token of the server" in said) != allowed
    assert corrections.waiting()[0] == one, "nobody has chosen any"
    open_page = make_server(places).test_client()
    assert asked(open_page, "review-cards.children", shown, [])["review-cards"]["children"]


def test_a_picture_that_cannot_be_decoded_any_more_spoils_no_other(
    waiting: tuple[Places, Corrections], make_server: Callable[..., Flask]
) -> None:
    places, corrections = waiting
    corrections.shelf.write(f"pictures/{corrections.all()[0].digest}", b"damaged")
    shown = {"tabs.value": "review", "review-view.value": "waiting", "shown-version.data": "1"}
    found = asked(make_server(places).test_client(), "review-cards.children", shown, [])
    assert len(found["review-cards"]["children"]) == 3


@pytest.fixture
def tab(browser: Browser, waiting: tuple[Places, Corrections]) -> Iterator[Page]:
    process, url = serve(waiting[0].home)
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")  # axe is injected
    page = context.new_page()
    errors = watch(page)
    page.goto(f"{url}/#review")
    expect(page.locator(".review-card")).to_have_count(3)
    yield page
    context.close()
    stop(process)
    assert errors == []


def test_a_reviewer_decides_on_several_at_once_by_keyboard(
    tab: Page, waiting: tuple[Places, Corrections]
) -> None:
    _, corrections = waiting
    first = tab.locator(".review-card").first
    expect(first).to_contain_text("2 say something of this picture")
    expect(first).to_contain_text("version 1 said Shirt, 61%")
    expect(first).to_contain_text("version 1 in production now says")
    expect(first.locator("figure", has_text="as it was sent")).to_be_visible()
    expect(first.locator(".review-alike img")).to_have_count(5)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert serious_findings(tab) == []

    boxes = tab.locator(".review-card input[type=checkbox]")
    expect(boxes).to_have_count(4)
    boxes.nth(0).focus()
    tab.keyboard.press("Space")
    boxes.nth(2).focus()
    tab.keyboard.press("Space")
    tab.locator("#review-accept").focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#review-message")).to_contain_text("2 accepted")
    expect(tab.locator(".review-card")).to_have_count(2)
    assert sorted(one.label for one in corrections.accepted()) == ["Bag", "Coat"]

    with slow_server(tab):  # who is quicker than it has chosen them all the same
        tab.get_by_label("All shown").check()
        tab.locator("#review-relabel").click()
        expect(tab.locator("#review-message")).to_contain_text("hoose what the images are first")
    tab.locator("#review-class").click()
    tab.get_by_role("option", name="Bag", exact=True).click()
    tab.locator("#review-relabel").click()
    expect(tab.locator("#review-message")).to_contain_text("2 relabelled as Bag")
    expect(tab.locator("#review-count")).to_contain_text("Nothing waits for review")
    tab.get_by_text("Accepted", exact=True).click()
    expect(tab.locator(".review-card")).to_have_count(3)
    expect(tab.locator(".review-cards")).to_contain_text("the next run trains on it")


def test_what_has_no_label_yet_can_be_labelled_and_nothing_else(
    tab: Page, waiting: tuple[Places, Corrections]
) -> None:
    _, corrections = waiting
    expect(tab.get_by_role("button", name="Accept")).to_be_visible()
    tab.get_by_text("To label", exact=True).click()
    expect(tab.locator(".review-card")).to_have_count(2)
    expect(tab.locator("#review-count")).to_contain_text("5 unlabelled images")
    expect(tab.get_by_role("button", name="Accept")).to_be_hidden()
    expect(tab.get_by_role("button", name="Reject")).to_be_hidden()
    tab.set_viewport_size({"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") == 390, "it fits a phone"
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert serious_findings(tab) == []
    tab.get_by_label("boot.png").check()
    tab.get_by_role("button", name="Label", exact=True).click()
    expect(tab.locator("#review-message")).to_contain_text("what the images are, then Label")
    tab.locator("#review-class").click()
    tab.get_by_role("option", name="Bag", exact=True).click()
    tab.get_by_role("button", name="Label", exact=True).click()
    expect(tab.locator("#review-message")).to_contain_text("1 labelled as Bag")
    expect(tab.locator(".review-card")).to_have_count(1)
    assert [one.path for one in corrections.accepted()] == ["new/boot.png"]
