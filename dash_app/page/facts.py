"""A version's facts as lists, tables and links."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from dash import html

from dash_app.page.context import Context
from model_zoo.registry.version_report import VersionReport

SHOWN_ROWS = 60


def made(report: VersionReport) -> list[tuple[str, str]]:
    """What it is and how it was made, as (name, value); what is not recorded is left out."""
    tags, params, run = report.tags, report.params, report.run_tags
    evaluation = report.tables.get("evaluation") or {}
    accuracy = ""
    if "accuracy" in evaluation:
        accuracy = (
            f"{evaluation['accuracy']:.2%} on {evaluation['images']:,} test images "
            f"(95 % interval {evaluation['accuracy_low']:.2%} to {evaluation['accuracy_high']:.2%})"
        )
    head = [params.get(f"head.{name}") for name in ("dense_1", "dense_2")]
    data = " ".join(filter(None, [tags.get("dataset_source"), run.get("dataset_digest")]))
    found = [
        ("Accuracy", accuracy),
        ("Backbone", tags.get("backbone", "")),
        ("Weights", tags.get("weights", "")),
        ("Head", f"dense {head[0]} and {head[1]}" if all(head) else ""),
        ("Learning rate", params.get("head.learning_rate", "")),
        ("Image size", f"{params['image_size']} px" if "image_size" in params else ""),
        ("Epochs", str(len(report.history)) if report.history else ""),
        ("Profile", tags.get("profile", "")),
        ("Data", data),
        ("Made", report.created.replace("T", " ").replace("+00:00", " UTC")),
        ("Run", tags.get("workflow_run", "")),
        ("Source revision", run.get("mlflow.source.git.commit", "")[:12]),
    ]
    return [(name, value) for name, value in found if value]


def links(report: VersionReport, settings: Settings) -> list[tuple[str, str]]:
    """Where people go on: the run and the version in MLflow, the workflow in Airflow."""
    found = []
    mlflow = settings.mlflow_link or settings.tracking_uri
    if mlflow.startswith(("http://", "https://")) and "@" not in mlflow:
        base = mlflow.rstrip("/")
        run = f"{base}/#/experiments/{report.experiment_id}/runs/{report.run_id}"
        version = f"{base}/#/models/{quote(settings.model_name)}/versions/{report.version}"
        found += [("Run in MLflow", run), ("Version in MLflow", version)]
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    airflow = settings.airflow_link or f"http://{host}:{settings.airflow_port}"
    found.append(("Workflow in Airflow", f"{airflow.rstrip('/')}/dags/fashion_mnist_retrain"))
    return found


def description_list(entries: list[tuple[str, str]]) -> Any:
    parts = [part for name, value in entries for part in (html.Dt(name), html.Dd(value))]
    return html.Dl(parts, className="facts")


def files_table(files: list[tuple[str, int]]) -> Any:
    rows = [
        html.Tr([html.Td(name), html.Td(readable(size), className="right")]) for name, size in files
    ]
    head = html.Tr([html.Th("File", scope="col"), html.Th("Size", scope="col", className="right")])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="plain")


def scrolling(content: Any, name: str) -> Any:
    """What may be wider than a phone: it scrolls by itself, with the keyboard too."""
    return html.Div(
        content,
        className="scrolls",
        tabIndex=0,
        role="region",
        **{"aria-label": name},  # type: ignore[arg-type]
    )


def readable(size: int) -> str:
    """Bytes for people: 4.2 MB."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def table_of(recorded: Any) -> Any:
    """Any list of flat records, or mapping of them, as a table; None for anything else."""
    if isinstance(recorded, dict) and {"columns", "data"} <= set(recorded):  # MLflow's own tables
        recorded = [dict(zip(recorded["columns"], row, strict=True)) for row in recorded["data"]]
    if isinstance(recorded, dict):
        if all(isinstance(one, dict) for one in recorded.values()):
            recorded = [{"": name} | values for name, values in recorded.items()]
        else:
            lists = [one for one in recorded.values() if isinstance(one, list)]
            recorded = lists[0] if lists else [recorded]
    if not isinstance(recorded, list) or not recorded:
        return None
    if not all(isinstance(one, dict) for one in recorded):
        return None
    rows = recorded[:SHOWN_ROWS]
    names = [name for name in rows[0] if not isinstance(rows[0][name], list | dict)]
    if not names:
        return None
    head = html.Tr([html.Th(name.replace("_", " "), scope="col") for name in names])
    body = [html.Tr([html.Td(_cell(row.get(name))) for name in names]) for row in rows]
    return html.Table([html.Thead(head), html.Tbody(body)], className="plain")


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def time_of_move(when: str) -> str:
    """``2026-11-24T20-43-40-123456``, as the registry's tags have it, for people."""
    try:
        moved = datetime.strptime(when, "%Y-%m-%dT%H-%M-%S-%f")
    except ValueError:
        return when
    return f"{moved:%Y-%m-%d %H:%M} UTC"
