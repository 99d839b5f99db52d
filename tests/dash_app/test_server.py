"""The web server: what it keeps to itself, the token, metrics, and life without the registry."""

import io
import os
import subprocess
import sys
import time

import pytest
from flask.testing import FlaskClient

from model_zoo.predictor import ProductionPredictor
from model_zoo.registry import promotion, versions
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project, Serving

AWAY = "http://user:secret@127.0.0.1:9"


def form(*files: bytes) -> dict:
    return {"file": [(io.BytesIO(one), f"{i}.png") for i, one in enumerate(files)]}


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


def test_prometheus_counts_answers_refusals_and_requests(
    make_server, page_places: Places, example: bytes
) -> None:
    client = make_server(page_places).test_client()
    client.post("/api/v1/predict", data=form(example, b"hello"))
    client.application.extensions["projects"].look()
    text = client.get("/metrics").get_data(as_text=True)
    version = client.get("/api/v1/model").json["version"]
    of_project = 'project="fashion-mnist"'
    assert 'catwalk_predictions_total{label="' in text
    assert f'catwalk_refused_total{{{of_project},source="api"}} 1.0' in text
    assert f"catwalk_serving_version{{{of_project}}} {float(version)}" in text
    assert 'catwalk_http_requests_total{route="/api/v1/predict",status="200"} 1.0' in text
    assert f'catwalk_production_problem{{kind="disk",{of_project}}} 0.0' in text
    for moment in ("last_answer", "production_moved", "newest_version"):
        (line,) = (one for one in text.splitlines() if one.startswith(f"catwalk_{moment}_timesta"))
        assert 0 <= time.time() - float(line.split()[1]) < 86_400, "within the tests' own day"


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


def test_workers_count_together(tmp_path) -> None:
    """In processes of their own: prometheus_client chooses its mode when it is imported."""
    program = (
        "import sys; from pathlib import Path; from dash_app.metrics import *\n"
        "import prometheus_client.values\n"
        "m = Metrics(shared=True); m.of('shop').refused('api')\n"
        "m.serving('shop', '3', 0, 'registry')\n"
        "sys.stdout.write(m.text().decode())"
    )
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        printed = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        ).stdout
    assert 'catwalk_refused_total{project="shop",source="api"} 2.0' in printed
    assert 'catwalk_registry_away{project="shop"} 1.0' in printed
