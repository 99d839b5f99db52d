"""Registration and discovery: built-ins, installed packages and the plugins folder."""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from model_zoo.backbones.contract import Backbone
from model_zoo.errors import UserError

ENTRY_POINT_GROUP = "catwalk.backbones"
_REGISTERED: dict[str, Backbone] = {}


class DuplicateBackbone(UserError):
    """Two backbones ask for one name; never resolved by the order of imports."""


def register_backbone(
    *,
    native_size: int,
    smallest_size: int,
    blocks: tuple[str, ...],
    weights_source: str,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated builder under its function's name, or ``name``.

    Raises:
        DuplicateBackbone: the name is taken by another module.
    """

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        key = name or build.__name__
        known = _REGISTERED.get(key)
        if known is not None and known.defined_in != build.__module__:
            raise DuplicateBackbone(
                f"two backbones are called {key!r}: one in {known.defined_in}, one in "
                f"{build.__module__}. Rename one of them"
            )
        _REGISTERED[key] = Backbone(
            name=key,
            build=build,
            native_size=native_size,
            smallest_size=smallest_size,
            blocks=blocks,
            weights_source=weights_source,
            summary=(build.__doc__ or "").strip().split("\n")[0],
            defined_in=build.__module__,
        )
        return build

    return register


def discover(plugins_dir: Path) -> None:
    """Load built-ins, entry points and the modules of ``plugins_dir``; may be called again.

    A broken plugin is named in a warning and left out; a duplicate name is an error.
    """
    importlib.import_module("model_zoo.backbones.resnet50")
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        _load(f"entry point {entry.name} = {entry.value}", entry.load)
    for path in sorted(plugins_dir.glob("*.py")) if plugins_dir.is_dir() else []:
        if not path.name.startswith("_"):
            _load(str(path), lambda path=path: _import_file(path))  # type: ignore[misc]


def _load(source: str, load: Callable[[], Any]) -> None:
    try:
        load()
    except DuplicateBackbone:
        raise
    except Exception as error:
        warnings.warn(
            f"backbone plugin {source} left out: {type(error).__name__}: {error}", stacklevel=2
        )


def _import_file(path: Path) -> None:
    module_name = f"catwalk_plugins.{path.stem}"
    if module_name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise


def list_backbones(pattern: str = "*") -> list[str]:
    """Registered names that match a shell wildcard, sorted."""
    return sorted(fnmatch.filter(_REGISTERED, pattern))


def get_backbone(name: str) -> Backbone:
    """A registered backbone.

    Raises:
        UserError: unknown name; names the nearest ones.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    near = difflib.get_close_matches(name, _REGISTERED, n=3, cutoff=0.4) or list_backbones()
    raise UserError(f"unknown backbone {name!r}: did you mean {', '.join(near)}?")
