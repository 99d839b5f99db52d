"""Links and tables of the tab Model."""

from pathlib import Path
from unittest.mock import Mock

from dash_app.page import Context
from dash_app.page.facts import links, readable, table_of, time_of_move
from dash_app.settings import PageSettings
from model_zoo.registry.store import store_of
from model_zoo.registry.version_report import VersionReport
from model_zoo.settings import Places, Project, Serving

REPORT = VersionReport(
    version="4", run_id="abc", experiment_id="1", created="", finished=True, tags={}, run_tags={},
    params={}, metrics={}, history=[], files=[],
)  # fmt: skip


def context(project: Project, tracking_uri: str, **page: object) -> Context:
    places = Places.load(home=Path("nowhere"), tracking_uri=tracking_uri)
    settings = PageSettings.load(**page)
    store = store_of(project, places)
    return Context(project, places, Serving.load(), settings, store, Mock(), Mock())


def test_links_lead_to_the_run_the_version_and_the_workflow(project: Project) -> None:
    found = dict(links(REPORT, context(project, "http://127.0.0.1:5000")))
    assert found["Run in MLflow"] == "http://127.0.0.1:5000/#/experiments/1/runs/abc"
    assert found["Version in MLflow"].endswith("/#/models/fashion-mnist-classifier/versions/4")
    assert found["Workflow in Airflow"] == "http://127.0.0.1:8080/dags/fashion_mnist_retrain"
    inside = context(project, "http://mlflow:5000", mlflow_link="https://mlflow.example/")
    assert dict(links(REPORT, inside))["Run in MLflow"].startswith("https://mlflow.example/#/exp")


def test_no_link_shows_a_password_or_leads_nowhere(project: Project) -> None:
    for uri in ("http://me:secret@127.0.0.1:5000", ""):
        names = [name for name, _ in links(REPORT, context(project, uri))]
        assert names == ["Workflow in Airflow"]


def test_a_table_that_mlflow_recorded_is_shown() -> None:
    table = table_of({"columns": ["format", "bytes"], "data": [["onnx", 1000], ["litert", None]]})
    head, body = table.children
    cells = [[cell.children for cell in row.children] for row in (head.children, *body.children)]
    assert cells == [["format", "bytes"], ["onnx", "1,000"], ["litert", ""]]


def test_figures_for_people() -> None:
    assert readable(999) == "999 B" and readable(4_200_000) == "4.2 MB"
    assert time_of_move("2026-11-24T20-43-40-123456") == "2026-11-24 20:43 UTC"
    assert time_of_move("earlier") == "earlier"
