"""Backbones by name: the decorator that registers one, and how one is found again."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from model_zoo.backbones.contract import NO_WEIGHTS, Backbone
from model_zoo.errors import UserError

_REGISTERED: dict[str, Backbone] = {}
#: Plugins that could not be loaded: where they lie, and why.
LEFT_OUT: dict[str, str] = {}


class DuplicateBackbone(UserError):
    """Two backbones ask for one name; never resolved by the order of imports."""


def register_backbone(
    *,
    native_size: int,
    smallest_size: int,
    blocks: Iterable[str | tuple[str, ...]],
    weights_source: str = NO_WEIGHTS,
    weights_licence: str = "",
    weights_file: str = "",
    name: str | None = None,
    summary: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated builder under its function's name, or ``name``.

    Args:
        blocks: in the order of the network; the name by which the layers of a block begin, or a
            tuple of names where one does not cover it.
        summary: one line for the catalogue; default: the first line of the docstring.

    The other arguments are those of :class:`Backbone`.

    Raises:
        DuplicateBackbone: the name is taken; names both files.
    """

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        key = name or build.__name__
        file = Path(build.__globals__.get("__file__", build.__module__))
        known = _REGISTERED.get(key)
        if known is not None and not _executed_again(known, build):
            raise DuplicateBackbone(
                f"two backbones are called {key!r}: one in {known.defined_in}, one in {file}. "
                "Rename one of them"
            )
        _REGISTERED[key] = Backbone(
            name=key,
            build=build,
            native_size=native_size,
            smallest_size=smallest_size,
            blocks=tuple((one,) if isinstance(one, str) else tuple(one) for one in blocks),
            weights_source=weights_source,
            weights_licence=weights_licence,
            weights_file=weights_file,
            summary=summary or (build.__doc__ or "").strip().split("\n")[0],
            defined_in=file,
        )
        return build

    return register


def _executed_again(known: Backbone, build: Callable[..., Any]) -> bool:
    """Whether one file was executed twice (Airflow imports its plugins folder under its own
    names), as opposed to one file that registers a name twice."""
    before, now = known.build.__globals__, build.__globals__
    return before is not now and before.get("__file__") == now.get("__file__")


def forget(names: set[str]) -> None:
    """Take names out again: what a plugin registered before it broke."""
    for name in names:
        _REGISTERED.pop(name, None)


def list_backbones(pattern: str = "*") -> list[str]:
    """Registered names that match a shell wildcard, sorted."""
    return sorted(fnmatch.filter(_REGISTERED, pattern))


def get_backbone(name: str) -> Backbone:
    """A registered backbone.

    Raises:
        UserError: unknown name; names the nearest ones, and the plugins that were left out.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    near = difflib.get_close_matches(name, _REGISTERED, n=3, cutoff=0.4) or list_backbones()
    left_out = "".join(f". Left out: {where} ({why})" for where, why in LEFT_OUT.items())
    raise UserError(f"unknown backbone {name!r}: did you mean {', '.join(near)}?{left_out}")
