"""A version's facts as lists, tables and links."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from dash import html

from dash_app.page.context import Context
from model_zoo.registry.version_report import VersionReport
from model_zoo.settings.judging import METRICS

#: Where Airflow's pages are when nobody says otherwise.
AIRFLOW = "http://127.0.0.1:8080"


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
    data = [tags.get("dataset", ""), tags.get("data_origin", ""), report.dataset_digest]
    size = params.get("model.image_size", "")
    found = [
        ("Accuracy", accuracy),
        *[
            (words.capitalize().replace("f1", "F1"), _with_interval(evaluation, name))
            for name, words in METRICS.items()
            if name != "accuracy" and name in evaluation
        ],
        ("Judged by", METRICS.get(tags.get("judged_by", ""), "")),
        ("Backbone", tags.get("backbone", "")),
        ("Weights", tags.get("weights", "")),
        ("Head", f"dense {head[0]} and {head[1]}" if all(head) else ""),
        ("Learning rate", params.get("head.learning_rate", "")),
        ("Image size", f"{size} px" if size else ""),
        ("Epochs", str(len(report.history)) if report.history else ""),
        ("Profile", tags.get("profile", "")),
        ("Data", " · ".join(filter(None, data))),
        ("Made", report.created.replace("T", " ").replace("+00:00", " UTC")),
        ("Run", tags.get("workflow_run", "")),
        ("Source revision", run.get("mlflow.source.git.commit", "")[:12]),
    ]
    return [(name, value) for name, value in found if value]


def _with_interval(evaluation: dict[str, Any], name: str) -> str:
    low, high = evaluation[f"{name}_low"], evaluation[f"{name}_high"]
    return f"{evaluation[name]:.2%} (95 % interval {low:.2%} to {high:.2%})"


def links(report: VersionReport, context: Context) -> list[tuple[str, str]]:
    """Where people go on: the run and the version in MLflow, the workflow in Airflow."""
    found = []
    mlflow = context.page.mlflow_link or context.store.server
    if mlflow.startswith(("http://", "https://")) and "@" not in mlflow:
        base = mlflow.rstrip("/")
        run = f"{base}/#/experiments/{report.experiment_id}/runs/{report.run_id}"
        version = f"{base}/#/models/{quote(context.store.model)}/versions/{report.version}"
        found += [("Run in MLflow", run), ("Version in MLflow", version)]
    airflow = (context.page.airflow_link or AIRFLOW).rstrip("/")
    found.append(("Workflow in Airflow", f"{airflow}/dags/{context.project.dag_id}"))
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


def table_of(recorded: dict[str, Any]) -> Any:
    """A table that MLflow recorded, ``{"columns": [...], "data": [[...], ...]}``."""
    names = [html.Th(name.replace("_", " "), scope="col") for name in recorded["columns"]]
    rows = [html.Tr([html.Td(_cell(one)) for one in row]) for row in recorded["data"]]
    return html.Table([html.Thead(html.Tr(names)), html.Tbody(rows)], className="plain")


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
