"""How a registered version is loaded and answers, in the page and on the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.environment import Environment


class Serving(Environment):
    """Flat variables of whoever predicts."""

    served_format: Literal["onnx", "onnx-int8"] = Field(
        "onnx",
        description="File that the predictor runs: onnx is exact, onnx-int8 about twice as fast.",
    )
    execution_providers: str = Field(
        "cpu",
        description="What the predictor computes on, in order of preference, separated by commas: "
        "cpu, cuda, openvino, openvino-bf16, coreml or any provider of ONNX Runtime. One that "
        "is not there is named and the next one used.",
    )
    predictor_threads: int = Field(
        0, ge=0, le=1024, description="Threads of one prediction; 0: one a physical core."
    )
    predictor_batch: int = Field(
        32, ge=1, le=1024, description="Images that are predicted together at the most."
    )
    predictor_queue: int = Field(
        256, ge=1, description="Images that may wait for a prediction; more are refused."
    )
    cached_versions: int = Field(
        3, ge=1, description="Versions whose files the predictor keeps on disk."
    )
    models_mb: float = Field(
        1000.0,
        gt=0,
        allow_inf_nan=False,
        description="Memory for the versions that one process of the page holds loaded, of all "
        "projects: ten ResNet50s. Each counts as its file; those that nobody has asked for "
        "longest are let go, and loaded again at the next question, which takes about a second.",
    )
    poll_seconds: float = Field(
        3.0,
        gt=0,
        allow_inf_nan=False,
        description="How often the server asks for the alias, and an open page the server: a move "
        "shows after at most both and the loading of the version.",
    )
    max_pixels: int = Field(
        25_000_000,
        gt=0,
        description="Largest image in pixels that is decoded whole; a JPEG, which can be decoded "
        "at an eighth, may have eight times as many.",
    )
    decode_seconds: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="Time for decoding one picture in the page; one that takes longer is refused.",
    )
    decode_mb: int = Field(
        512,
        ge=64,
        description="Memory in MiB for decoding one picture in the page; one that takes more is "
        "refused.",
    )
    request_pixels: int = Field(
        400_000_000,
        gt=0,
        description="Pixels of all pictures in one request to the page, those in a ZIP included: "
        "what an upload of the default size holds as photographs.",
    )
    request_seconds: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Time for decoding all pictures in one request to the page.",
    )
    unsure_below: float = Field(
        0.6, ge=0, le=1, description="An answer of less calibrated confidence is called unsure."
    )
    load_seconds: float = Field(
        120.0,
        gt=0,
        allow_inf_nan=False,
        description="A version that takes longer to load and to answer its own examples is not put "
        "into production.",
    )
