"""Build a trunk with the weights that were asked for, or say clearly why that cannot be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.backbones.contract import Backbone
from model_zoo.backbones.weight_files import load_into
from model_zoo.errors import UserError
from model_zoo.settings import NO_WEIGHTS, PUBLISHED

if TYPE_CHECKING:
    import keras


def build_trunk(backbone: Backbone, image_size: int, weights: str) -> keras.Model:
    """Float32 RGB (N, s, s, 3), 0..255 -> feature map (N, h, w, c).

    Args:
        weights: "imagenet" (Keras Applications' loader and cache), "none", or the path of a
            weights file: ``.weights.h5`` or ``.keras`` of this trunk or of a classifier around
            it, or Keras Applications' ``_notop.h5``.

    Raises:
        UserError: size too small, weights neither cached nor reachable, or a file that does not
            fit.
    """
    if image_size < backbone.smallest_size:
        raise UserError(
            f"{backbone.name} needs images of at least {backbone.smallest_size} pixels. "
            f"Received: image_size {image_size}"
        )
    shape = (image_size, image_size, 3)
    if weights == NO_WEIGHTS:
        return backbone.build(shape, None)
    if weights == PUBLISHED:
        return _with_published(backbone, shape)
    path = _file(weights)
    trunk = backbone.build(shape, None)
    load_into(trunk, path)
    return trunk


def _with_published(backbone: Backbone, shape: tuple[int, int, int]) -> keras.Model:
    if backbone.weights_source == NO_WEIGHTS:
        raise UserError(
            f"{backbone.name} has no published weights: set weights to none to train it from "
            "scratch, or give a weights file"
        )
    try:
        return backbone.build(shape, PUBLISHED)
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        raise UserError(
            f"the ImageNet weights of {backbone.name} ({backbone.weights_file}) are not in the "
            "Keras cache and cannot be downloaded. Go online once, give a weights file, or set "
            "weights to none"
        ) from error


def _file(weights: str) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UserError(
            f"weights {weights!r}: expected imagenet, none or the path of a file that exists"
        )
    return path


def weights_origin(backbone: Backbone, weights: str) -> dict[str, str]:
    """Where a trunk's weights came from, as tags of its run; call it once the trunk is built.

    Returns:
        ``weights_source``, and unless trained from scratch ``weights_file`` and its
        ``weights_sha256``.
    """
    if weights == NO_WEIGHTS:
        return {"weights_source": "none: trained from scratch"}
    if weights == PUBLISHED:
        source, file = backbone.weights_source, _cached(backbone)
        if file is None:
            return {"weights_source": source}
    else:
        source, file = "file", _file(weights).resolve()
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"weights_source": source, "weights_file": str(file), "weights_sha256": digest}


def _cached(backbone: Backbone) -> Path | None:
    """The file that Keras keeps, if the backbone says what it is called."""
    import keras

    if not backbone.weights_file:
        return None
    try:
        # Answers from the cache; the empty address is looked at only where that has no such file.
        return Path(keras.utils.get_file(backbone.weights_file, "", cache_subdir="models"))
    except ValueError:
        raise UserError(
            f"{backbone.name} loaded its weights, but Keras keeps no {backbone.weights_file}: "
            f"correct weights_file in {backbone.defined_in}"
        ) from None
