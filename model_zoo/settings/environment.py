"""Variables ``CATWALK_...`` that say where things run: flat, typed, read where they are needed.

Each package that reads some declares them as an :class:`Environment` in a module ``settings`` of
its own. Empty means unset, everywhere.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from model_zoo.errors import UserError

PREFIX = "CATWALK_"
#: Modules that declare variables. By name: none of these packages may import the ones above it,
#: and an image that serves the page has no launcher.
READERS = (
    "model_zoo.settings.places",
    "model_zoo.settings.serving",
    "model_zoo.settings.cleaning",
    "dash_app.settings",
    "launcher.settings",
)

Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())]


class Environment(BaseSettings):
    """Values from variables of the environment; ``load`` is how they are read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Explicit values, then the environment, then the defaults.

        Raises:
            UserError: a value that is out of range or of another kind; names the variable.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + str(first["loc"][0]).upper()
            raise UserError(
                f"{name}: {first['msg'].lower()}. Received: {first['input']!r}"
            ) from None

    def as_variables(self) -> dict[str, str]:
        """The same values for a process that is started by this one; unset ones are left out."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"{PREFIX}{name.upper()}": "1"
            if value is True
            else "0"
            if value is False
            else str(value)
            for name, value in values.items()
            if value is not None and value != ""
        }


def known_variables() -> set[str]:
    """Every variable ``CATWALK_...`` that some package here reads."""
    from model_zoo.settings.project import variables_of_a_project

    for module in READERS:
        if importlib.util.find_spec(module.partition(".")[0]) is not None:
            importlib.import_module(module)
    flat = {PREFIX + name.upper() for kind in _kinds(Environment) for name in kind.model_fields}
    return flat | variables_of_a_project()


def check_variables() -> None:
    """Every variable ``CATWALK_...`` is one that somebody reads, and has a value that can be.

    Raises:
        UserError: one is not, with the nearest that is; or its value is out of range.
    """
    from model_zoo.settings.project import GROUPS

    known = known_variables()
    groups = tuple(f"{PREFIX}{group.upper()}__" for group in GROUPS)
    for name, value in sorted(os.environ.items()):
        if not name.startswith(PREFIX) or not value or name in known:
            continue
        if name.startswith(groups):  # in a group: told with its value when the project is read
            continue
        near = nearest_variable(name, sorted(known))
        raise UserError(f"{name} is not a setting of Catwalk: did you mean {near}?")
    for kind in _kinds(Environment):
        kind.load()


def nearest_variable(name: str, known: list[str]) -> str:
    """The known variables whose name, or whose last part, is most like ``name``: A or B."""
    wanted = name.removeprefix(PREFIX)

    def likeness(one: str) -> float:
        whole = one.removeprefix(PREFIX)
        return max(
            difflib.SequenceMatcher(None, wanted, part).ratio()
            for part in (whole, whole.replace("__", "_"), whole.rpartition("__")[2])
        )

    best = max(map(likeness, known))
    return " or ".join(one for one in known if likeness(one) == best)


def _kinds(of: type[Environment]) -> list[type[Environment]]:
    found = []
    for kind in of.__subclasses__():
        found += [kind, *_kinds(kind)]
    return found
