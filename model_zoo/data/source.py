"""The contract of a source: something that finds images, registered by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from model_zoo.data.dataset import Dataset, Images
from model_zoo.plugin_registry import Registry
from model_zoo.settings import DataSettings, Places

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What a source found: the description, and the images of its official parts."""

    dataset: Dataset
    training: Images
    test: Images


#: Looks where ``data`` and ``places`` say, tells what takes long, raises UserError for a mistake.
Source = Callable[[DataSettings, Places, Say], Found]
SOURCES: Registry[Source] = Registry("source of images", "catwalk.datasets")
F = TypeVar("F", bound=Source)


def register_source(name: str) -> Callable[[F], F]:
    """Register the decorated function as a source.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(find: F) -> F:
        SOURCES.add(name, find, find)
        return find

    return register
