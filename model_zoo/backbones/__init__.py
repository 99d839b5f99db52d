"""Backbones by name, from this package, installed packages or plugins."""

from model_zoo.backbones.contract import Backbone, set_trainable
from model_zoo.backbones.published import PackageFile
from model_zoo.backbones.registration import get_backbone, list_backbones, register_backbone
from model_zoo.backbones.weights import build_trunk, check_weights, weights_origin
from model_zoo.plugin_registry import discover

__all__ = [
    "Backbone",
    "PackageFile",
    "build_trunk",
    "check_weights",
    "discover",
    "get_backbone",
    "list_backbones",
    "register_backbone",
    "set_trainable",
    "weights_origin",
]
