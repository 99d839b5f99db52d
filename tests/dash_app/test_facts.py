"""Links and tables of the tab Model."""

from dash_app.page.facts import links, readable, table_of, time_of_move
from model_zoo.config import load_settings
from model_zoo.registry.version_report import Report

REPORT = Report(
    version="4", run_id="abc", experiment_id="1", created="", finished=True, tags={}, run_tags={},
    params={}, metrics={}, history=[], files=[],
)  # fmt: skip


def test_links_lead_to_the_run_the_version_and_the_workflow() -> None:
    found = dict(links(REPORT, load_settings(tracking_uri="http://127.0.0.1:5000")))
    assert found["Run in MLflow"] == "http://127.0.0.1:5000/#/experiments/1/runs/abc"
    assert found["Version in MLflow"].endswith("/#/models/fashion-mnist-classifier/versions/4")
    assert found["Workflow in Airflow"] == "http://127.0.0.1:8080/dags/fashion_mnist_retrain"
    inside = load_settings(tracking_uri="http://mlflow:5000", mlflow_link="https://mlflow.example/")
    assert dict(links(REPORT, inside))["Run in MLflow"].startswith("https://mlflow.example/#/exp")


def test_no_link_shows_a_password_or_leads_nowhere() -> None:
    for uri in ("http://me:secret@127.0.0.1:5000", ""):
        names = [name for name, _ in links(REPORT, load_settings(tracking_uri=uri))]
        assert names == ["Workflow in Airflow"]


def test_recorded_tables_of_any_shape_are_shown() -> None:
    def cells(recorded: object) -> list[list[str]]:
        table = table_of(recorded)
        head, body = table.children
        rows = [head.children, *body.children]
        return [[cell.children for cell in row.children] for row in rows]

    expected = [["format", "bytes"], ["onnx", "1,000"], ["litert", "500"]]
    records = [{"format": "onnx", "bytes": 1000}, {"format": "litert", "bytes": 500}]
    assert cells(records) == expected
    assert cells({"formats": records}) == expected
    as_mlflow = {"columns": ["format", "bytes"], "data": [["onnx", 1000], ["litert", 500]]}
    assert cells(as_mlflow) == expected
    assert table_of(None) is None and table_of([]) is None and table_of("x") is None


def test_figures_for_people() -> None:
    assert readable(999) == "999 B" and readable(4_200_000) == "4.2 MB"
    assert time_of_move("2026-11-24T20-43-40-123456") == "2026-11-24 20:43 UTC"
    assert time_of_move("earlier") == "earlier"
