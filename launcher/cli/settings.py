"""`catwalk settings`: every value of a project and where it comes from, as TOML.

What is printed is a project file: saved as one, it gives the same project.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from launcher.cli.chosen import add_options, chosen_values

FLAGS = ("profile", "recipe")
CREDENTIALS = re.compile(r"(?<=://)[^/@]+(?=@)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FLAGS)


def run(given: argparse.Namespace) -> int:
    from model_zoo.settings import Places
    from model_zoo.settings.projects import combined_of, layers_of

    places = Places.load()
    layers = layers_of(given.project, chosen_values(given, FLAGS), places)
    project = combined_of(layers)
    print(f"# Project {project.name}, {project.file}\n")
    print("\n".join(_project_lines(project, layers)))
    print("\n# Where things run is no project's business; these are variables of the environment:")
    print("\n".join(_variable_lines()))
    return 0


def _project_lines(project: Any, layers: list[Any]) -> list[str]:
    from model_zoo.settings.project import PLAIN

    lines: list[str] = []
    table = ""
    values = {name: getattr(project, name) for name in PLAIN} | project.values()
    # TOML: a table inside another one comes after the values of the outer one.
    for name, value in sorted(values.items(), key=lambda one: _place(one[0], list(values))):
        group, _, last = name.rpartition(".")
        if group != table:
            lines += ["", f"[{group}]"]
            table = group
        written = f"{last} = {_toml(value)}" if value is not None else f"# {last} is not set"
        lines.append(f"{written:<40} # {_origin(name, layers)}")
    return lines


def _place(name: str, order: list[str]) -> tuple[int, int, int]:
    """Groups in their order, each with its own values before those of its tables."""
    group = name.split(".")[0] if "." in name else ""
    first = next(i for i, one in enumerate(order) if one == name or one.startswith(f"{group}."))
    return (-1 if not group else first, name.count("."), order.index(name))


def _origin(name: str, layers: list[Any]) -> str:
    from model_zoo.settings.layers import origin_of

    layer = origin_of(name, layers)
    if layer is None:
        return "default"
    if layer.file is not None and layer.origin.startswith(("profile ", "recipe ")):
        return str(layer.origin)
    return str(layer.where(name))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _variable_lines() -> list[str]:
    from dash_app.settings import PageSettings
    from launcher.settings import Placement, Ports
    from model_zoo.settings import Environment, Places, Serving

    kinds: tuple[type[Environment], ...] = (Places, Serving, PageSettings, Ports, Placement)
    lines = []
    for kind in kinds:
        found = kind.load()
        for name in kind.model_fields:
            origin = "environment" if name in found.model_fields_set else "default"
            shown = _shown(getattr(found, name), secret=not kind.model_fields[name].repr)
            lines.append(f"# CATWALK_{name.upper()}={shown}".ljust(58) + f" # {origin}")
    return lines


def _shown(value: Any, secret: bool) -> str:
    if value is None or value == "":
        return ""
    return "(hidden)" if secret else CREDENTIALS.sub("(hidden)", str(value))
