"""Where a project's values come from, in the order of precedence, and what is wrong with them.

Command line or trigger form, environment (``CATWALK_TRAINING__EPOCHS``), project file, profile,
recipe, defaults. pydantic-settings reads the environment and the TOML files; they are kept apart
here so that a value, or a mistake, can be told with its origin.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from model_zoo.errors import UserError
from model_zoo.settings.environment import nearest_variable
from model_zoo.settings.judging import strictest
from model_zoo.settings.model import NO_WEIGHTS, PUBLISHED
from model_zoo.settings.project import (
    GROUPS,
    NOT_VALUES,
    Project,
    flattened,
    known_names,
    variable_of,
    variables_of_a_project,
)

COMMAND_LINE, ENVIRONMENT = "command line", "environment"
PROMOTION = "judging.promotion"
# The start of a table, and of a value, in a TOML file that could be read.
HEADER = re.compile(r"\s*\[{1,2}([^\[\]]+)\]")
KEY = re.compile(r"\s*([\w.\-\"' ]+?)\s*=")


@dataclass(frozen=True)
class Layer:
    """Values of one origin, nested as in a project file."""

    origin: str
    values: dict[str, Any]
    file: Path | None = None

    def where(self, name: str) -> str:
        """The place of a value in words: a file with its line, a variable, or the origin."""
        if self.file is not None:
            line = line_of(self.file, name)
            return f"{self.file}, line {line}" if line else str(self.file)
        return variable_of(name) if self.origin == ENVIRONMENT else self.origin


def read_file(path: Path, origin: str) -> Layer:
    """One TOML file.

    Raises:
        UserError: it cannot be read, or is not TOML; names the line.
    """
    try:
        values = dict(TomlConfigSettingsSource(Project, toml_file=path)())
        if not path.is_file():
            raise FileNotFoundError(2, "it does not exist")
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not TOML: it is not UTF-8 text") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    return Layer(origin, _with_paths_from(values, path.parent), path)


def from_environment() -> Layer:
    """Variables that set a value of the project.

    Raises:
        UserError: one that should be JSON is not.
    """
    try:
        found = dict(EnvSettingsSource(Project)())
    except Exception as error:  # pydantic-settings: SettingsError, with the field in its text
        raise UserError(f"the environment: {error}") from None
    for own in NOT_VALUES:
        found.pop(own, None)
    return Layer(ENVIRONMENT, _with_paths_from(found, Path.cwd()))


def from_names(given: Mapping[str, Any], origin: str = COMMAND_LINE) -> Layer:
    """Values by dotted names, as command line and trigger form have them."""
    nested: dict[str, Any] = {}
    for name, value in given.items():
        *groups, last = name.split(".")
        one: dict[str, Any] = {last: value}
        for group in reversed(groups):
            one = {group: one}
        nested = _over(nested, one)
    return Layer(origin, _with_paths_from(nested, Path.cwd()))


def combined(layers: list[Layer]) -> Project:
    """The project of layers, the strongest first.

    Raises:
        UserError: an unknown name, with the nearest one, or a value out of range; says where it
            stands.
    """
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged = _over(merged, layer.values)
    if (decides := origin_of(PROMOTION, layers)) is not None:
        merged = _over(merged, {"judging": {"promotion": _said(PROMOTION, decides)}})
    for name in NOT_VALUES:
        if name in merged:
            raise UserError(_unknown(name, layers))
    for own in {"name", "file"} & merged.keys():  # of the file itself, not in it
        raise UserError(_mistake(own, {"type": "extra_forbidden"}, layers))
    try:
        return Project(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
        raise UserError(_mistake(name, first, layers)) from None


def _over(weak: dict[str, Any], strong: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values, those of ``strong`` where both have one."""
    both = dict(weak)
    for name, value in strong.items():
        inner = both.get(name)
        nested = isinstance(inner, dict) and isinstance(value, Mapping)
        both[name] = _over(inner, value) if nested else value  # type: ignore[arg-type]
    return both


def origin_of(name: str, layers: list[Layer]) -> Layer | None:
    """The layer that decides a value, or says something within a group; None: its default.

    The first that says it, but for the way of promotion: there the strictest, so that whoever
    starts a run, with whatever options, gets past nobody who wants to be asked.
    """
    if name == PROMOTION:
        each = [(layer, _said(name, layer)) for layer in layers]
        wrong = [layer for layer, one in each if one is not None and not strictest(one)]
        wanted = strictest(*(one for _, one in each))
        found = wrong or [layer for layer, one in each if one is not None and one == wanted]
        return found[0] if found else None
    for layer in layers:
        said = flattened(layer.values)
        if name in said or any(one.startswith(f"{name}.") for one in said):
            return layer
    return None


def _said(name: str, layer: Layer) -> Any:
    return flattened(layer.values).get(name)


def _mistake(name: str, found: Any, layers: list[Layer]) -> str:
    if found["type"] == "extra_forbidden":
        return _unknown(name, layers)
    layer = origin_of(name, layers)
    where = layer.where(name) if layer else "its default"
    message = found["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{where}: setting {name}: {message}. Received: {found['input']!r}"


def _unknown(name: str, layers: list[Layer]) -> str:
    layer = origin_of(name, layers)
    where = layer.where(name) if layer else "its default"
    if layer is not None and layer.origin == ENVIRONMENT:
        near = nearest_variable(where, sorted(variables_of_a_project()))
        return f"{where} is not a setting of a project: did you mean {near}?"
    return f"{where}: unknown setting {name}: did you mean {_nearest(name)}?"


def _nearest(name: str) -> str:
    """The known names, or names of groups, that are most like ``name``: A or B."""
    known = [*GROUPS, *known_names()]
    last = name.rpartition(".")[2]

    def likeness(one: str) -> float:
        return max(
            difflib.SequenceMatcher(None, name, one).ratio(),
            difflib.SequenceMatcher(None, last, one.rpartition(".")[2]).ratio(),
        )

    best = max(map(likeness, known))
    return " or ".join(one for one in known if likeness(one) == best)


def line_of(path: Path, name: str) -> int | None:
    """The line of a TOML file in which a value, or else the innermost of its tables, stands."""
    table, best, depth = "", None, 0
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        if found := HEADER.match(line):
            here = table = _plain(found[1])
        elif found := KEY.match(line):
            here = ".".join(filter(None, (table, _plain(found[1]))))
        else:
            continue
        if here == name or here.startswith(f"{name}."):
            return number
        if name.startswith(f"{here}.") and len(here) > depth:
            best, depth = number, len(here)
    return best


def _plain(key: str) -> str:
    """A TOML key, dotted or not, without its quotes and spaces."""
    return re.sub(r"[\s\"']", "", key)


def _with_paths_from(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths made absolute where they are written, as steps run in other processes and folders."""
    for group, name in (("model", "weights"), ("data", "images"), ("data", "unlabelled")):
        inner = values.get(group)
        path = inner.get(name) if isinstance(inner, dict) else None
        if not isinstance(path, str) or path in ("", PUBLISHED, NO_WEIGHTS) or "://" in path:
            continue
        absolute = str((folder / Path(path).expanduser()).resolve())
        values = values | {group: inner | {name: absolute}}  # type: ignore[operator]
    return values
