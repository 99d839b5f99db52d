"""From a picture that somebody took to the raw pixels that a classifier was trained on."""

from model_zoo.images.decode import Decoded, NotAnImage, decode
from model_zoo.images.files import data_url, png
from model_zoo.images.preparation import STEPS, Preparation, Prepared, Step, prepare, read_image

__all__ = [
    "STEPS",
    "Decoded",
    "NotAnImage",
    "Preparation",
    "Prepared",
    "Step",
    "data_url",
    "decode",
    "png",
    "prepare",
    "read_image",
]
