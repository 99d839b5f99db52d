"""Where backbones are found: this package, installed packages, the plugins folder."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from model_zoo.backbones.contract import Backbone
from model_zoo.backbones.registration import (
    LEFT_OUT,
    DuplicateBackbone,
    forget,
    list_backbones,
)

ENTRY_POINT_GROUP = "catwalk.backbones"
PLUGIN_MODULES = "catwalk_plugins"


def discover(plugins_dir: Path) -> None:
    """Load built-ins, entry points and the modules of ``plugins_dir``; may be called again.

    A broken plugin is named in a warning and left out, with all that it registered.

    Raises:
        DuplicateBackbone: two ask for one name; names both files.
    """
    importlib.import_module("model_zoo.backbones.resnet")
    for entry in entry_points(group=ENTRY_POINT_GROUP):
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


def source_of(backbone: Backbone) -> str:
    """Where a backbone was found, in words: built in, a plugin file, or a package."""
    module = backbone.build.__module__
    if module.startswith("model_zoo."):
        return "built in"
    if module.startswith(PLUGIN_MODULES):
        return f"plugin {backbone.defined_in.name}"
    return f"package {module.split('.')[0]}"


def _load(where: str, load: Callable[[], Any]) -> None:
    before = set(list_backbones())
    try:
        load()
    except DuplicateBackbone:
        forget(set(list_backbones()) - before)
        raise
    except (Exception, SystemExit) as error:
        forget(set(list_backbones()) - before)
        LEFT_OUT[where] = f"{type(error).__name__}: {error}"
        warnings.warn(f"backbone plugin {where} left out: {LEFT_OUT[where]}", stacklevel=3)
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
