"""The contract of a source: something that finds images, registered by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

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
class ImageFiles:
    """Where the images of a part came from, in their order.

    Attributes:
        digests: SHA-256 of each file's bytes, hexadecimal, ``S64`` (N,).
        paths: of the files, as the source spells them.
        sizes: bytes of each file, int64 (N,).
        groups: what each image belongs to, by name: images of one group lie in one part.
    """

    digests: np.ndarray
    paths: tuple[str, ...]
    sizes: np.ndarray
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a source found: the description, and the images of its official parts.

    Attributes:
        validation: None where the source has no such part: some of the training images are held
            out then.
        files: what each part's images were read from, by the part's name; a part without is
            identified by the bytes of its pixels.
        listing: every file that was looked at, by path, with a mark that changes when it does;
            empty where the source has no files that come and go.
        left_out: files that belong to no part.
        notes: what people should know about the images, a sentence each.
    """

    dataset: Dataset
    training: Images
    test: Images
    validation: Images | None = None
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    files: Mapping[str, ImageFiles] = field(default_factory=dict)
    listing: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Images]:
        """Images by the name of their part."""
        found = {"training": self.training, "test": self.test}
        return found if self.validation is None else found | {"validation": self.validation}


#: Looks where ``data`` and ``places`` say, tells what takes long, raises UserError for a mistake.
Source = Callable[[DataSettings, Places, Say], Found]
SOURCES: Registry[Source] = Registry("source of images", "catwalk.datasets")
#: What lies at a source, by path, with a mark that changes when a file does; opens no file.
Listing = Callable[[DataSettings], Mapping[str, str]]
LISTINGS: Registry[Listing] = Registry("listing of a source", "catwalk.listings")
F = TypeVar("F", bound=Source)
L = TypeVar("L", bound=Listing)


def register_source(name: str) -> Callable[[F], F]:
    """Register the decorated function as a source.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(find: F) -> F:
        SOURCES.add(name, find, find)
        return find

    return register


def register_listing(name: str) -> Callable[[L], L]:
    """Register how the source of that name is looked at in seconds, for those that can be.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(listing: L) -> L:
        LISTINGS.add(name, listing, listing)
        return listing

    return register
