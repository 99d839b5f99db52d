"""The images of a part, with what their source knows of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from model_zoo.data.dataset import Images

#: An image: the name of its part, and its row there.
Place: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Part:
    """Training, validation or test images.

    Attributes:
        features: what pretrained layers make of these images, (N, ...), perhaps mapped; None:
            nobody has computed it.
        origins: where each image lies; none: nobody knows, as of the rest.
        groups: names; those of one group are near duplicates, or one by the source's word.
        sizes: bytes of each file, integers.
        first_seen: seconds since 1970, integers.
    """

    name: str
    images: Images
    features: np.ndarray | None = None
    origins: Sequence[str] = ()
    groups: Sequence[str] = ()
    sizes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    first_seen: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
