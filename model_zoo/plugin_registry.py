"""One door for everything that can be plugged in: a decorator, an entry point, a plugins folder.

Each kind of thing (backbones, sources of images, steps of preparation, ...) is one
:class:`Registry`; what Catwalk ships is registered in the same way as what others add, and is
there without being asked for. What others add is there after :func:`discover`. A plugin that
breaks is named in a warning and left out, with all that it registered anywhere.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from model_zoo.errors import UserError

T = TypeVar("T")

#: Modules of Catwalk that register something; imported when a registry is first asked.
BUILT_IN = (
    "model_zoo.backbones.resnet",
    "model_zoo.data.fashion_mnist",
    "model_zoo.data.image_folder.source",
    "model_zoo.images.photographs",
    "model_zoo.images.steps",
    "model_zoo.images.statistics",
    "model_zoo.judging.rules",
)
PLUGIN_MODULES = "catwalk_plugins"
#: Plugins that could not be loaded: where they lie, and why.
LEFT_OUT: dict[str, str] = {}
_REGISTRIES: list[Registry[Any]] = []


class DuplicateName(UserError):
    """Two things of one kind ask for one name; never resolved by the order of imports."""


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered thing, and the function or class that was decorated."""

    value: T
    made_by: Any

    @property
    def defined_in(self) -> Path:
        return file_of(self.made_by)


class Registry(Generic[T]):
    """Things of one kind by name."""

    def __init__(self, kind: str, entry_point_group: str | None = None) -> None:
        """
        Args:
            kind: what one of them is called in sentences: "backbone".
            entry_point_group: group in which installed packages offer theirs.
        """
        self.kind = kind
        self.entry_point_group = entry_point_group
        self._entries: dict[str, Entry[T]] = {}
        _REGISTRIES.append(self)

    def add(self, name: str, value: T, made_by: Any) -> None:
        """Register ``value``, which the decorated ``made_by`` stands for.

        Raises:
            DuplicateName: the name is taken; names both files.
        """
        known = self._entries.get(name)
        if known is not None and not _executed_again(known.made_by, made_by):
            raise DuplicateName(
                f"{self.kind} {name!r} is registered twice, in {known.defined_in} and in "
                f"{file_of(made_by)}: rename one of them"
            )
        self._entries[name] = Entry(value, made_by)

    def names(self, pattern: str = "*") -> list[str]:
        """Registered names that match a shell wildcard, sorted."""
        _import_built_ins()
        return sorted(fnmatch.filter(self._entries, pattern))

    def get(self, name: str) -> T:
        """What is registered under a name.

        Raises:
            UserError: unknown; names the nearest ones, and the plugins that were left out.
        """
        if name in self:
            return self._entries[name].value
        raise UserError(f"unknown {self.kind} {name!r}{self._nearest(name)}{_left_out()}")

    def origin(self, name: str) -> str:
        """Where a name was registered, in words: built in, a plugin file, or a package.

        Raises:
            UserError: unknown.
        """
        self.get(name)
        module = str(self._entries[name].made_by.__module__)
        if module.startswith("model_zoo."):
            return "built in"
        if module.startswith(PLUGIN_MODULES):
            return f"plugin {self._entries[name].defined_in.name}"
        return f"package {module.split('.')[0]}"

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            _import_built_ins()
        return name in self._entries

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.4)
        if near:
            return f": did you mean {', '.join(near)}?"
        return f": there are {', '.join(self.names()) or 'none'}"


def discover(plugins_dir: Path) -> None:
    """Load entry points and the modules of ``plugins_dir``; may be repeated.

    Raises:
        DuplicateName: two ask for one name; names both files.
    """
    from importlib.metadata import entry_points  # processes that decode pictures need none

    _import_built_ins()
    for registry in tuple(_REGISTRIES):
        if registry.entry_point_group:
            for entry in entry_points(group=registry.entry_point_group):
                _load(f"entry point {entry.name} = {entry.value}", entry.load)
    if not plugins_dir.is_dir():
        warnings.warn(
            f"the plugins folder {plugins_dir} does not exist: correct CATWALK_PLUGINS_DIR",
            stacklevel=2,
        )
        return
    for path in sorted(plugins_dir.glob("*.py")):
        if not path.name.startswith("_"):
            _load(str(path), lambda path=path: _import_file(path))  # type: ignore[misc]


def file_of(made_by: Any) -> Path:
    """The file in which a function or class was written."""
    module = sys.modules.get(made_by.__module__)
    found = getattr(made_by, "__globals__", {}).get("__file__") or getattr(module, "__file__", None)
    return Path(found or made_by.__module__)


def _import_built_ins() -> None:
    for module in BUILT_IN:
        importlib.import_module(module)


def _left_out() -> str:
    return "".join(f". Left out: {where} ({why})" for where, why in LEFT_OUT.items())


def _executed_again(known: Any, now: Any) -> bool:
    """Whether one file was executed twice (Airflow imports its plugins folder under its own
    names), as opposed to one file that registers a name twice."""
    return known.__module__ != now.__module__ and file_of(known) == file_of(now)


def _load(where: str, load: Callable[[], Any]) -> None:
    before = [dict(registry._entries) for registry in _REGISTRIES]

    def forget() -> None:
        for registry, entries in zip(_REGISTRIES, before, strict=False):
            registry._entries = entries

    try:
        load()
    except DuplicateName:
        forget()
        raise
    except (Exception, SystemExit) as error:
        forget()
        LEFT_OUT[where] = f"{type(error).__name__}: {error}"
        warnings.warn(f"plugin {where} left out: {LEFT_OUT[where]}", stacklevel=3)
    else:
        LEFT_OUT.pop(where, None)


def _import_file(path: Path) -> None:
    # Two folders may hold files of one name, as a test's own plugins do.
    folder = hashlib.sha256(str(path.parent.resolve()).encode()).hexdigest()[:8]
    module_name = f"{PLUGIN_MODULES}_{folder}.{path.stem}"
    if module_name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
