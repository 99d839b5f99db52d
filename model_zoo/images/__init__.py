"""From a picture that somebody took to the raw pixels that a classifier was trained on."""

from model_zoo.images.decode import Decoded, NotAnImage, decode
from model_zoo.images.files import data_url, png
from model_zoo.images.preparation import (
    Prepared,
    StepDone,
    decode_for,
    image_of,
    prepare,
    read_image,
)
from model_zoo.images.steps import STEPS, Picture, least_side, register_step

__all__ = [
    "STEPS",
    "Decoded",
    "NotAnImage",
    "Picture",
    "Prepared",
    "StepDone",
    "data_url",
    "decode",
    "decode_for",
    "image_of",
    "least_side",
    "png",
    "prepare",
    "read_image",
    "register_step",
]
