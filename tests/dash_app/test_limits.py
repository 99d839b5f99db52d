"""How often one address may ask, through the page and the API alike."""

from __future__ import annotations

import io
import threading

import pytest
from flask import Flask

from dash_app import limits
from dash_app.limits import PictureLimit, TooMany, Turns
from dash_app.uploads import from_form
from model_zoo.settings import Places


def form(content: bytes, count: int) -> dict:
    return {"file": [(io.BytesIO(content), f"{i}.png") for i in range(count)]}


def test_a_bucket_fills_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    limit = PictureLimit(60)
    limit.take("a", 50)
    limit.take("a", 10)
    limit.take("b", 60)
    with pytest.raises(TooMany, match=r"60 pictures a minute from one address.* in 5 s") as refused:
        limit.take("a", 5)
    assert refused.value.retry_after == 5
    now[0] += 5
    limit.take("a", 5)
    now[0] += 60
    limit.take("a", 500)  # more than a minute's: when the bucket is full
    with pytest.raises(TooMany):
        limit.take("a", 1)


def test_the_api_says_when_to_come_again_and_each_address_counts_for_itself(
    make_server, page_places: Places, example: bytes
) -> None:
    client = make_server(page_places, pictures_a_minute=3, proxies=1).test_client()

    def ask(address: str, count: int = 1) -> tuple[int, str | None]:
        found = client.post(
            "/api/v1/predict",
            data=form(example, count),
            headers={"X-Forwarded-For": f"9.9.9.9, {address}"},
        )
        return found.status_code, found.headers.get("Retry-After")

    assert ask("1.1.1.1", 3)[0] == 200
    status, after = ask("1.1.1.1", 1)
    assert status == 429 and 1 <= int(after) <= 20
    assert ask("2001:db8::1", 3)[0] == 200
    assert ask("2001:db8::2", 3)[0] == 429, "who has one address of a network has all of it"


def test_the_page_counts_with_the_api(make_server, page_places: Places, example: bytes) -> None:
    server: Flask = make_server(page_places, pictures_a_minute=2)
    context = server.extensions["projects"].default
    here = {"REMOTE_ADDR": "127.0.0.1"}
    with server.test_request_context(
        data=form(example, 2), method="POST", environ_base=here
    ) as asked:
        sent = from_form(asked.request.files.getlist("file"), context.page)
        context.answers.many(sent, source="batch")
    assert server.test_client().post("/api/v1/predict", data=form(example, 1)).status_code == 429


def test_nobody_is_believed_who_they_are_where_no_proxy_says_so(
    make_server, page_places: Places, example: bytes
) -> None:
    client = make_server(page_places, pictures_a_minute=1).test_client()
    statuses = [
        client.post(
            "/api/v1/predict", data=form(example, 1), headers={"X-Forwarded-For": f"1.1.1.{i}"}
        ).status_code
        for i in range(2)
    ]
    assert statuses == [200, 429]


def test_batches_take_turns_and_a_lone_picture_does_not_wait() -> None:
    turns, entered, over = Turns(at_once=1, seconds=0.01), threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn(500):
            entered.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with turns.turn(1):
        pass
    with pytest.raises(TooMany, match="many large batches"), turns.turn(2):
        pass
    over.set()
    thread.join()
