"""Logs as JSON: one line an event, with the id of the request that it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from dash_app.logs import log_config, number_requests


@pytest.fixture
def server() -> Flask:
    made = Flask("shirts")
    number_requests(made, log=True, proxied=True)

    @made.get("/predict")
    def predict() -> str:
        logging.getLogger("model_zoo.predictor").warning("slow: %s s", 3)
        return "shirt"

    @made.get("/broken")
    def broken() -> str:
        raise ValueError("a bug")

    @made.get("/healthz")
    def healthz() -> str:
        return "ok"

    return made


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict]]]:
    """What was logged so far, by the formatter that the configuration names."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(log_config()["formatters"]["json"]["()"]())
    root = logging.getLogger()
    before = root.level
    root.setLevel(log_config()["root"]["level"])
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


def test_a_line_says_who_asked_as_the_proxy_says_it(
    lines: Callable[[], list[dict]], server: Flask
) -> None:
    server.test_client().get("/predict", headers={"X-Forwarded-User": "anna"})
    server.test_client().get("/predict")
    asked = [line for line in lines() if "path" in line]
    assert [line.get("user") for line in asked] == ["anna", None]


def test_what_is_logged_during_a_request_names_it(
    lines: Callable[[], list[dict]], server: Flask
) -> None:
    answer = server.test_client().get("/predict?name=secret", headers={"X-Request-ID": "r-1"})
    assert answer.headers["X-Request-ID"] == "r-1"
    said, asked = lines()
    assert said["message"] == "slow: 3 s" and said["level"] == "warning"
    assert said["request_id"] == asked["request_id"] == "r-1" and said["time"].endswith("+00:00")
    assert (asked["status"], asked["path"], asked["method"]) == (200, "/predict", "GET")
    assert "secret" not in json.dumps(asked), "nothing of what was sent"


def test_an_error_is_one_line_with_its_trace(
    lines: Callable[[], list[dict]], server: Flask
) -> None:
    assert server.test_client().get("/broken").status_code == 500
    failed = lines()[0]
    assert failed["level"] == "error" and "ValueError: a bug" in failed["exception"]


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a","level":"error'])
def test_an_id_that_is_no_id_is_not_taken(given: str, server: Flask) -> None:
    made = server.test_client().get("/predict", headers={"X-Request-ID": given})
    assert made.headers["X-Request-ID"] != given and len(made.headers["X-Request-ID"]) == 32


def test_probes_are_not_logged(lines: Callable[[], list[dict]], server: Flask) -> None:
    assert server.test_client().get("/healthz").status_code == 200
    assert lines() == []
