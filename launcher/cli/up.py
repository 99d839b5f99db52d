"""`catwalk up`: MLflow, Airflow and the page together on this machine."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The project is the one that the page opens with; it and Airflow know all."""


def run(given: argparse.Namespace) -> int:
    from launcher.local.machine import Machine
    from launcher.local.up import up
    from model_zoo.settings import load_project

    machine = Machine.load()
    return up(load_project(given.project, places=machine.places), machine)
