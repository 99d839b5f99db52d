"""`catwalk demo`: the workflow once, through Airflow."""

from __future__ import annotations

import argparse

from launcher.cli.chosen import add_options, chosen_values

FLAGS = ("profile", "backbone", "search_trials", "epochs", "learning_rate", "promotion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FLAGS)


def run(given: argparse.Namespace) -> int:
    """Prepare Airflow, run the project's DAG, print the scorecard."""
    from launcher.local.demo import demo
    from launcher.local.machine import Machine
    from launcher.options import OPTIONS
    from model_zoo.settings import load_project
    from model_zoo.settings.project import variable_of

    machine = Machine.load()
    values = chosen_values(given, FLAGS)
    project = load_project(given.project, values, machine.places)
    in_form = {name: project.value(OPTIONS[name]) for name in FLAGS if OPTIONS[name] in values}
    beyond = {name: str(one) for name, one in values.items() if name not in map(OPTIONS.get, FLAGS)}
    return demo(project, machine, in_form, {variable_of(k): one for k, one in beyond.items()})
