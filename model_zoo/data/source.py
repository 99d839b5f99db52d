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
class LeftOut:
    """A file that belongs to no part, and why in one sentence.

    ``broken``: it could not be read, as opposed to one that a rule leaves out.
    """

    path: str
    reason: str
    broken: bool = False


@dataclass(frozen=True)
class Found:
    """What a source found: the description, and the images of its official parts.

    Attributes:
        validation: None where the source has no such part: some of the training images are held
            out then.
        content: digest of all images, labels and parts, where the source knows it without reading
            every pixel; empty: it is computed.
        left_out: files that belong to no part.
        notes: what people should know about the images, a sentence each.
    """

    dataset: Dataset
    training: Images
    test: Images
    validation: Images | None = None
    content: str = ""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Images]:
        """Images by the name of their part."""
        found = {"training": self.training, "test": self.test}
        return found if self.validation is None else found | {"validation": self.validation}


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
