"""The closing scorecard of a run, from the facts that its steps left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from model_zoo.files import read_json
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import find_alias
from model_zoo.runs.folder import run_folder
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project
from model_zoo.settings.judging import METRICS

#: Rows of the table of classes.
MOST_CLASSES = 20


def print_scorecard(
    project: Project, places: Places, run_name: str, console: Console | None = None
) -> None:
    """Print accuracy, classes, version, production and times of a finished run."""
    console = console or Console()
    folder, store = run_folder(places, project.name, run_name), store_of(project, places)
    facts: dict[str, Any] = {step: read_json(folder / f"{step}.json") for step in STEPS}
    measured, verdict, promoted = facts["evaluate"], facts["gate"], facts["promote"]

    console.rule(f"Run {run_name}")
    console.print(
        f"Test accuracy   [bold]{measured['accuracy']:.2%}[/] on {measured['images']:,} images, "
        f"95 % interval {measured['accuracy_low']:.2%} to {measured['accuracy_high']:.2%}"
    )
    for name, words in METRICS.items():
        if name != "accuracy":
            judged = " (what it is judged by)" * (project.judging.metric == name)
            console.print(
                f"{words.capitalize().replace('f1', 'F1'):<15} {measured[name]:.2%}, 95 % interval "
                f"{measured[f'{name}_low']:.2%} to {measured[f'{name}_high']:.2%}{judged}"
            )
    console.print(measured["certainty"], highlight=False)
    console.print(
        f"Calibration     error {measured['calibration_error']:.2%} "
        f"(before temperature scaling {measured['calibration_error_raw']:.2%})"
    )
    production = find_alias(store, "production")
    console.print(f"Registered      {store.model} version {verdict['version']}")
    console.print(f"Gate            {'passed' if verdict['passed'] else 'not passed'}")
    for reason in verdict["reasons"]:
        console.print(f"                - {reason}", highlight=False)
    where = f"version {production.version}" if production else "nothing yet"
    console.print(f"Production      {where} ({promoted['summary']})")
    if facts["ingest"]["generated"]:
        console.print(
            "[bold red]Trained on GENERATED images, made up by a program. The figures say nothing "
            "about real ones.[/]"
        )
    if project.model.from_scratch:
        console.print("Weights         none: the whole trunk was trained from scratch")
    console.print(_classes(measured["per_class"]))
    console.print(_times(facts))
    commands = _next_commands(project, places)
    console.print("Go on with", *commands, sep="\n  ", highlight=False, soft_wrap=True)


def _next_commands(project: Project, places: Places) -> list[str]:
    default = project.name == Path(places.project).stem
    of = "" if default else f" --project {project.name}"
    commands = {
        f"catwalk up{of}": "MLflow, Airflow and the page",
        f"catwalk versions{of}": "what is registered, and what each alias points at",
        f"catwalk {'demo' if default else 'run'}{of} --epochs 10": "train another version and "
        "compare it with this one",
        f"catwalk rollback{of}": "back to the version before",
    }
    longest = max(map(len, commands))
    return [f"{command.ljust(longest)}    {words}" for command, words in commands.items()]


def _classes(rows: list[dict[str, Any]]) -> Table:
    """Of many classes the ones that are recognised worst."""
    title, left_out = "By class on the test set", len(rows) - MOST_CLASSES
    if left_out > 0:
        rows = sorted(rows, key=lambda one: one["f1"])[:MOST_CLASSES]
        title += f", the worst first; {left_out:,} more are in evaluation/test.json on the run"
    table = Table(title=title, title_justify="left")
    table.add_column("class")
    for name in ("precision", "recall", "its interval", "F1", "images"):
        table.add_column(name, justify="right")
    for row in rows:
        precision, recall, f1 = (f"{row[key]:.1%}" for key in ("precision", "recall", "f1"))
        between = f"{row['recall_low']:.0%} to {row['recall_high']:.0%}"
        table.add_row(row["label"], precision, recall, between, f1, f"{row['support']:,}")
    return table


def _times(facts: dict[str, Any]) -> Table:
    table = Table(title="Steps", title_justify="left")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    table.add_column("found", overflow="fold")
    for step in STEPS:
        table.add_row(step, f"{facts[step]['step_seconds']:.0f}", facts[step]["summary"])
    total = sum(facts[step]["step_seconds"] for step in STEPS)
    table.add_row("all", f"{total:.0f}", "", style="bold")
    return table
