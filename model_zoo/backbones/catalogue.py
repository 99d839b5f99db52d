"""What `catwalk backbones` shows of each backbone; counts come from the built model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from model_zoo.backbones.contract import Backbone, set_trainable
from model_zoo.backbones.registration import BACKBONES
from model_zoo.backbones.weights import build_trunk
from model_zoo.files import read_json, write_json
from model_zoo.settings import NO_WEIGHTS


@dataclass(frozen=True)
class Counts:
    """Parameters in all and in the last block (without batch normalisation: what fine-tuning
    one block trains), and multiply-adds of one image of the native size."""

    parameters: int
    last_block_parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Card:
    """One line of the catalogue."""

    name: str
    source: str
    defined_in: str
    summary: str
    native_size: int
    smallest_size: int
    weights_source: str
    weights_licence: str
    weights_file: str
    blocks: tuple[str, ...]
    counts: Counts

    def as_dict(self) -> dict[str, Any]:
        flat = asdict(self)
        return {**{k: v for k, v in flat.items() if k != "counts"}, **flat["counts"]}


def card(backbone: Backbone, cache: Path, say: Callable[[str], None]) -> Card:
    """The card of a backbone, counted anew if its file or Keras has changed since.

    Args:
        cache: JSON file that keeps the counts.
        say: is told before a model is built, which takes seconds.

    Raises:
        UserError: the backbone cannot be built.
    """
    return Card(
        name=backbone.name,
        source=BACKBONES.origin(backbone.name),
        defined_in=str(backbone.defined_in),
        summary=backbone.summary,
        native_size=backbone.native_size,
        smallest_size=backbone.smallest_size,
        weights_source=backbone.weights_source,
        weights_licence=backbone.weights_licence,
        weights_file=str(backbone.weights_file),
        blocks=backbone.block_names,
        counts=_counts(backbone, cache, say),
    )


def _counts(backbone: Backbone, cache: Path, say: Callable[[str], None]) -> Counts:
    parts = [backbone.defined_in.read_bytes(), version("keras").encode()]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    known: dict[str, Any] = read_json(cache) if cache.exists() else {}
    kept = known.get(backbone.name)
    if kept is None or kept["digest"] != digest:
        say(f"counting {backbone.name}")
        kept = known[backbone.name] = {"digest": digest, "counts": asdict(count(backbone))}
        write_json(cache, known)
    return Counts(**kept["counts"])


def count(backbone: Backbone) -> Counts:
    """Build the backbone at its native size and count."""
    import keras

    from model_zoo.backbones.multiply_adds import multiply_adds

    trunk = build_trunk(backbone, backbone.native_size, NO_WEIGHTS)
    set_trainable(trunk, backbone, 1)
    counts = Counts(
        parameters=trunk.count_params(),
        last_block_parameters=_elements(trunk.trainable_weights),
        multiply_adds=multiply_adds(trunk),
    )
    keras.utils.clear_session()
    return counts


def _elements(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
