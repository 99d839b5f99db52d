"""Build a trunk with the weights that were asked for, or say clearly why that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.backbones.contract import Backbone
from model_zoo.backbones.published import PackageFile, cached_by_keras, sha256_of
from model_zoo.backbones.registration import get_backbone, list_backbones
from model_zoo.backbones.weight_files import load_into
from model_zoo.errors import UserError
from model_zoo.settings import NO_WEIGHTS, PUBLISHED

if TYPE_CHECKING:
    import keras


def build_trunk(backbone: Backbone, image_size: int, weights: str) -> keras.Model:
    """Float32 RGB (N, s, s, 3), 0..255 -> feature map (N, h, w, c).

    Args:
        weights: "imagenet" (a package's file, or Keras Applications' loader and cache), "none",
            or the path of a weights file: ``.weights.h5`` or ``.keras`` of this trunk or of a
            classifier around it, Keras Applications' ``_notop.h5``, or PyTorch's ``.pth``.

    Raises:
        UserError: size too small, weights neither here nor reachable, or a file that does not
            fit.
    """
    if image_size < backbone.smallest_size:
        raise UserError(
            f"{backbone.name} needs images of at least {backbone.smallest_size} pixels. "
            f"Received: image_size {image_size}"
        )
    check_weights(backbone, weights)
    shape = (image_size, image_size, 3)
    if weights == PUBLISHED and not isinstance(backbone.weights_file, PackageFile):
        return _loaded_by_keras(backbone, shape)
    trunk = backbone.build(shape, None)
    if weights != NO_WEIGHTS:
        path = _published_file(backbone) if weights == PUBLISHED else Path(weights).expanduser()
        load_into(trunk, path, backbone.torch_names)
    return trunk


def check_weights(backbone: Backbone, weights: str) -> None:
    """What can be said of weights on any machine, also on one that does not train.

    Raises:
        UserError: published ones that the backbone does not have, or a file that does not exist.
    """
    if weights == PUBLISHED and backbone.weights_source == NO_WEIGHTS:
        raise UserError(
            f"{backbone.name} has no published weights: set weights to none to train it from "
            "scratch, or give a weights file"
        )
    if weights not in (PUBLISHED, NO_WEIGHTS) and not Path(weights).expanduser().is_file():
        raise UserError(
            f"weights {weights!r}: expected {PUBLISHED}, {NO_WEIGHTS} or the path of a file that "
            "exists"
        )


def _loaded_by_keras(backbone: Backbone, shape: tuple[int, int, int]) -> keras.Model:
    try:
        return backbone.build(shape, PUBLISHED)
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        raise UserError(
            f"the ImageNet weights of {backbone.name} ({backbone.weights_file}) are not in the "
            "Keras cache and cannot be downloaded. Go online once, give a weights file, or set "
            f"weights to none{_or_another(backbone)}"
        ) from error


def _or_another(backbone: Backbone) -> str:
    """The backbones whose published weights are on this machine, as the end of a sentence."""
    here = [name for name in list_backbones() if name != backbone.name and at_hand(name)]
    return f"; or take a backbone whose ImageNet weights are here: {', '.join(here)}" * bool(here)


def at_hand(name: str) -> bool:
    """Whether the published weights of a backbone are on this machine."""
    file = get_backbone(name).weights_file
    if isinstance(file, PackageFile):
        return file.installed is not None
    return bool(file) and cached_by_keras(file) is not None


def weights_origin(backbone: Backbone, weights: str) -> dict[str, str]:
    """Where a trunk's weights came from, as tags of its run; call it once the trunk is built.

    Returns:
        ``weights_source``, and unless trained from scratch ``weights_file`` and its
        ``weights_sha256``; of published weights ``weights_licence`` too.
    """
    if weights == NO_WEIGHTS:
        return {"weights_source": "none: trained from scratch"}
    if weights == PUBLISHED:
        file = _published_file(backbone)
        origin = {
            "weights_source": backbone.weights_source,
            "weights_licence": backbone.weights_licence,
        }
    else:
        file = Path(weights).expanduser().resolve()
        origin = {"weights_source": "file"}
    return origin | {"weights_file": str(file), "weights_sha256": sha256_of(file)}


def _published_file(backbone: Backbone) -> Path:
    if isinstance(backbone.weights_file, PackageFile):
        return backbone.weights_file.find()
    file = cached_by_keras(backbone.weights_file)
    if file is None:
        raise UserError(
            f"{backbone.name} loaded its weights, but Keras keeps no {backbone.weights_file}: "
            f"correct weights_file in {backbone.defined_in}"
        )
    return file
