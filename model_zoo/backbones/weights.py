"""Build a trunk with the weights that were asked for, or say clearly why that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.backbones.contract import Backbone
from model_zoo.errors import UserError

if TYPE_CHECKING:
    import keras


def build_trunk(backbone: Backbone, image_size: int, weights: str) -> keras.Model:
    """Float32 RGB (N, s, s, 3), 0..255 -> feature map (N, h, w, c).

    Args:
        weights: "imagenet" (Keras Applications' loader and cache, checksummed), "none", or the
            path of a weights file for this trunk.

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
    if weights == "none":
        return backbone.build(shape, None)
    if weights == "imagenet":
        try:
            return backbone.build(shape, "imagenet")
        except Exception as error:
            if "URL fetch failure" not in str(error):
                raise
            raise UserError(
                f"the ImageNet weights of {backbone.name} are not in the Keras cache and cannot "
                "be downloaded. Go online once, give a weights file, or set weights to none"
            ) from error
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UserError(
            f"weights {weights!r}: expected imagenet, none or the path of a file that exists"
        )
    trunk = backbone.build(shape, None)
    try:
        trunk.load_weights(path)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} does not fit {backbone.name} ({reason})") from error
    return trunk
