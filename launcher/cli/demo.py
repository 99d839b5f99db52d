"""`catwalk demo`: the workflow once, through Airflow."""

from __future__ import annotations

import argparse

from launcher.cli.chosen import add_options, chosen_values
from launcher.options import FIELDS, OPTIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FIELDS)


def run(given: argparse.Namespace) -> int:
    """Prepare Airflow, run the project's DAG, print the scorecard."""
    from launcher.local.machine import Machine
    from model_zoo.settings import load_project
    from model_zoo.settings.project import variable_of

    machine = Machine.load()
    values = chosen_values(given, FIELDS)
    project = load_project(given.project, values, machine.places)

    from launcher.local.demo import demo  # a mistake was said before this second of imports

    in_form = {name: project.value(OPTIONS[name]) for name in FIELDS if OPTIONS[name] in values}
    of_form = {OPTIONS[name] for name in FIELDS}
    beyond = {variable_of(k): str(value) for k, value in values.items() if k not in of_form}
    return demo(project, machine, in_form, beyond)
