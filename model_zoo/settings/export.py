"""Which files a version gets beside ONNX and Keras."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from model_zoo.settings.group import Group

OPTIONAL_FORMATS = ("onnx-int8", "litert-float32", "litert-float16", "litert-int8")
NO_FORMATS = "none"
#: With up to so many classes a file gives a heatmap of each, with more of the most likely ones: a
#: thousand would be 200 times the work and the memory, and nobody looks at them.
EVERY_CLASS, TOP_CLASSES = 10, 5


class ExportSettings(Group):
    """``[export]``: does not decide the trained model."""

    formats: Annotated[tuple[str, ...], NoDecode] = Field(
        OPTIONAL_FORMATS,
        description="What a version gets beside ONNX and Keras, which it always has: of "
        f"{', '.join(OPTIONAL_FORMATS)}. In the environment separated by commas, or none.",
    )
    calibration_images: int = Field(
        100, ge=1, le=10_000, description="Training images that calibrate int8: more gain little."
    )
    litert_int8_accuracy_loss: float = Field(
        0.01, ge=0, le=1, description="Test accuracy that a LiteRT int8 file may lose at the most."
    )
    onnx_int8_accuracy_loss: float = Field(
        0.002, ge=0, le=1, description="The same for the int8 ONNX file, as that may be served."
    )

    @field_validator("formats", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        return () if names == (NO_FORMATS,) else names

    @field_validator("formats")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in OPTIONAL_FORMATS:
                raise ValueError(f"{name!r} is none of {', '.join(OPTIONAL_FORMATS)}")
        return names
