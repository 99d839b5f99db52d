"""Backbones by name: the decorator that registers one, and how one is found again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from model_zoo.backbones.contract import Backbone
from model_zoo.backbones.published import PackageFile
from model_zoo.errors import UserError
from model_zoo.plugin_registry import Registry, file_of
from model_zoo.settings import NO_WEIGHTS

BACKBONES: Registry[Backbone] = Registry("backbone", "catwalk.backbones")


def register_backbone(
    *,
    native_size: int,
    smallest_size: int,
    blocks: Iterable[str | tuple[str, ...]],
    weights_source: str = NO_WEIGHTS,
    weights_licence: str = "",
    weights_file: str | PackageFile = "",
    torch_names: Mapping[str, str | None] | None = None,
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
        DuplicateName: the name is taken; names both files.
        UserError: published weights of which is not said how they are found.
    """
    if (weights_source != NO_WEIGHTS) != bool(weights_file):
        raise UserError(
            f"weights_source {weights_source!r} and weights_file {str(weights_file)!r}: expected "
            "both or neither, as weights_file says how published weights are found"
        )

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        key = name or build.__name__
        backbone = Backbone(
            name=key,
            build=build,
            native_size=native_size,
            smallest_size=smallest_size,
            blocks=tuple((one,) if isinstance(one, str) else tuple(one) for one in blocks),
            weights_source=weights_source,
            weights_licence=weights_licence,
            weights_file=weights_file,
            torch_names=torch_names,
            summary=summary or (build.__doc__ or "").strip().split("\n")[0],
            defined_in=file_of(build),
        )
        BACKBONES.add(key, backbone, build)
        return build

    return register


def list_backbones(pattern: str = "*") -> list[str]:
    """Registered names that match a shell wildcard, sorted."""
    return BACKBONES.names(pattern)


def get_backbone(name: str) -> Backbone:
    """A registered backbone.

    Raises:
        UserError: unknown name; names the nearest ones, and the plugins that were left out.
    """
    return BACKBONES.get(name)
