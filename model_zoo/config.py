"""Every setting and profile of Catwalk, typed, with each default explained.

This is the only file that reads the environment (prefix ``CATWALK_``). Order of precedence:
explicit arguments, environment variables, the profile, the recipe, the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model_zoo.errors import UserError
from model_zoo.recipes import PROFILES, RECIPES

CHECKOUT = Path(__file__).resolve().parent.parent

OPTIONAL_FORMATS = ("onnx-int8", "litert-float32", "litert-float16", "litert-int8")


class Settings(BaseSettings):
    """What a run needs to know. Field descriptions are the documentation of each default."""

    model_config = SettingsConfigDict(env_prefix="CATWALK_", extra="forbid")

    # Where things live
    home: Path = Field(Path(".catwalk"), description="Everything that Catwalk writes lies here.")
    data_dir: Path | None = Field(None, description="Folder with the four official .gz files.")
    plugins_dir: Path = Field(
        CHECKOUT / "plugins",
        description="Backbone plugins are found here; those of this checkout, wherever we run.",
    )
    tracking_uri: str = Field("", description="MLflow server; empty: SQLite under home.")

    # What is trained
    profile: str = Field("quick", description=f"What is trained: {', '.join(PROFILES)}.")
    backbone: str = Field("resnet50", description="Name of a registered backbone.")
    weights: str = Field(
        "imagenet",
        description="imagenet, none, or a weights file (.weights.h5, .keras, ..._notop.h5).",
    )
    image_size: int = Field(224, ge=28, le=1024, description="Side in pixels fed to the backbone.")
    allow_sample: bool = Field(
        False, description="Use the generated sample if no data can be had (the demo sets this)."
    )
    seed: int = Field(20, description="Seeds the split, initial weights and augmentation.")
    validation_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the training set: 6,000 of 60,000 images."
    )
    train_limit: int = Field(0, ge=0, description="Train on this many images only; 0: all.")

    # Search
    search_trials: int = Field(10, ge=0, le=1000, description="Trials; 0 skips the search.")
    search_algorithm: Literal["random", "bayesian", "hyperband"] = Field(
        "bayesian", description="Bayesian needs the fewest trials in a space of four values."
    )
    search_epochs: int = Field(2, ge=1, description="Epochs that a trial trains at the most.")
    search_limit: int = Field(4000, ge=100, description="Training images that a trial sees.")
    search_patience: int = Field(
        2, ge=0, description="Epochs without gain after which a trial is stopped; 0: never."
    )
    search_weight_decay: bool = Field(
        False, description="Search the weight decay too, from 0.00001 to 0.01."
    )
    search_unfrozen_blocks: bool = Field(
        False, description="Search the number of unfrozen blocks too; not with weights none."
    )

    # Training
    recipe: str = Field("scratch", description=f"How it is trained: {', '.join(RECIPES)}.")
    epochs: int = Field(10, ge=1, le=1000, description="Epochs at the most.")
    batch_size: int = Field(128, ge=1, le=65536, description="Images a step.")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="sgd has Nesterov momentum 0.9."
    )
    base_rate: float = Field(
        1e-3,
        gt=0,
        le=10,
        description="Peak rate without a search; a search looks from a third to three times it.",
    )
    learning_rate: float | None = Field(
        None, gt=0, le=10, description="Peak rate, fixed; empty: searched, or the base rate."
    )
    lr_schedule: Literal["cosine", "exponential"] = Field(
        "cosine", description="Cosine decay to zero; exponential is the notebook's."
    )
    warmup_share: float = Field(
        0.05, ge=0, le=0.5, description="Part of all steps in which the rate rises (cosine only)."
    )
    weight_decay: float = Field(
        0.0, ge=0, le=1, description="Decoupled weight decay of the kernels, times the rate."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Part of each label that is spread over all classes."
    )
    averaged_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Part of all steps that the running average of the weights looks back; "
        "0: no averaging.",
    )
    head_epochs: int = Field(
        0, ge=0, description="Epochs at first in which a pretrained trunk is left alone."
    )
    trunk_rate: float = Field(
        1.0, gt=0, le=1, description="Rate of the trunk's last block as a part of the head's."
    )
    block_rate: float = Field(
        1.0, gt=0, le=1, description="Rate of each block as a part of that of the block after it."
    )
    dense_1: int = Field(256, ge=8, le=8192, description="Width of the first dense layer.")
    dense_2: int = Field(128, ge=8, le=8192, description="Width of the second dense layer.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout before the logits.")
    flip: bool = Field(True, description="Mirror half of the images: garments have no side.")
    shift: float = Field(0.0, ge=0, lt=1, description="Random shift, at most this part of a side.")
    rotation: float = Field(
        0.0, ge=0, le=0.5, description="Random rotation, at most this part of a full turn."
    )
    zoom: float = Field(0.0, ge=0, lt=1, description="Random zoom, at most this part of the size.")
    erase: float = Field(
        0.0, ge=0, le=1, description="Part of the images that lose a random rectangle."
    )
    unfrozen_blocks: int = Field(
        1, ge=0, description="Last blocks that are fine-tuned; all are with weights none."
    )
    backend: Literal["tensorflow", "jax"] = Field(
        "tensorflow",
        description="Framework that search and training compute with; jax needs the extra `jax`. "
        "Files are exported by TensorFlow always.",
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto",
        description="What is computed in; weights, softmax and loss are float32 always. auto: "
        "bfloat16 where the hardware has it and a short trial shows it to be faster.",
    )
    feature_views: int = Field(
        2, ge=1, le=100, description="Augmented views of each image that a frozen trunk computes."
    )
    feature_cache_gb: float = Field(
        30.0,
        ge=0,
        description="Disk for the features of a frozen trunk; what does not fit is computed anew "
        "in each epoch.",
    )
    early_stopping_patience: int = Field(
        3, ge=0, description="Epochs without gain in validation accuracy before stopping; 0: off."
    )

    # Search on several machines: how soon it ends, not what it finds
    tuner_workers: int = Field(
        1,
        ge=1,
        le=64,
        description="How many trials are run side by side: by the task `tune` and, from 2 on, by "
        "tasks of their own beside it. Leave it at 1 for `airflow dags test`, which runs one task "
        "at a time.",
    )

    # Where it runs (docs/deploy.md); the defaults are one machine
    heavy_queue: str = Field(
        "", description="Airflow queue of search and training; empty: that of every other task."
    )
    heavy_pool: str = Field(
        "", description="Airflow pool of search and training, a slot a GPU; empty: no pool."
    )
    search_worker_queue: str = Field(
        "", description="Airflow queue of a search's further workers; empty: that of the search."
    )
    heavy_gpus: int = Field(
        0, ge=0, le=64, description="GPUs that search and training ask for; 0: they take the CPU."
    )
    storage: str = Field(
        "",
        description="Folder that every worker reaches, as fsspec spells it (s3://bucket/catwalk, "
        "gs://..., file:///mnt/...): runs and the dataset lie there too. Empty: only in the home.",
    )

    # Promotion
    promotion: Literal["automatic", "approval", "manual"] = Field(
        "automatic",
        description="automatic: the gate decides; approval: a person in Airflow after the gate; "
        "manual: the version stays candidate until somebody promotes it.",
    )
    gate_floor: float = Field(
        0.835, ge=0, le=1, description="Least test accuracy: what people score untrained."
    )
    gate_margin: float = Field(
        0.0, ge=0, le=1, description="How much accuracy a candidate may lose to production."
    )
    schedule: str = Field("@weekly", description="Airflow schedule of the workflow.")

    # Export
    export_formats: str = Field(
        "onnx-int8,litert-float32,litert-float16,litert-int8",
        description="What a version gets beside ONNX and Keras, which it always has; separated by "
        "commas, or empty.",
    )
    calibration_images: int = Field(
        100, ge=1, le=10_000, description="Training images that calibrate int8: more gain little."
    )
    int8_accuracy_loss: float = Field(
        0.01, ge=0, le=1, description="Test accuracy that a LiteRT int8 file may lose at the most."
    )
    onnx_int8_accuracy_loss: float = Field(
        0.002, ge=0, le=1, description="The same for the int8 ONNX file, as that may be served."
    )

    # Serving
    host: str = Field("127.0.0.1", description="Address that every server binds to.")
    page_port: int = Field(8050, ge=1, le=65535, description="Port of the page.")
    mlflow_port: int = Field(5000, ge=1, le=65535, description="Port of the MLflow server.")
    airflow_port: int = Field(8080, ge=1, le=65535, description="Port of Airflow's API server.")
    page_workers: int = Field(1, ge=1, le=64, description="Worker processes of the page.")
    poll_seconds: float = Field(
        3.0,
        gt=0,
        description="How often the server asks for the alias, and an open page the server: a move "
        "shows after at most both and the loading of the version.",
    )
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
    max_upload_mb: float = Field(10.0, gt=0, description="Largest upload in MiB.")
    max_pixels: int = Field(25_000_000, gt=0, description="Largest image in pixels, undecoded.")
    max_images: int = Field(
        500, ge=1, description="Most images in one upload or request, those in a ZIP included."
    )
    unsure_below: float = Field(
        0.6, ge=0, le=1, description="Below this calibrated confidence the page says: unsure."
    )
    api_token: str = Field(
        "",
        repr=False,
        description="What the API asks for as `Authorization: Bearer ...`. Empty: nothing on "
        "127.0.0.1, elsewhere a token that is made and kept in the home folder.",
    )
    feedback: bool = Field(
        True, description="Offer to correct a prediction; what is sent is stored in the home."
    )
    feedback_limit: int = Field(
        5000, ge=0, description="Corrections kept at most (about 1 KB each); then none is taken."
    )
    mlflow_link: str = Field(
        "", description="Where people reach MLflow's pages, if not at the tracking URI."
    )
    airflow_link: str = Field(
        "", description="Where people reach Airflow's pages; empty: this host, airflow_port."
    )

    experiment: str = Field("fashion-mnist", description="MLflow experiment.")
    model_name: str = Field("fashion-mnist-classifier", description="Registered model.")

    @field_validator("weights")
    @classmethod
    def _found_from_anywhere(cls, weights: str) -> str:
        """A file's absolute path: the steps run in other processes, maybe in another folder."""
        known = weights in ("imagenet", "none")
        return weights if known else str(Path(weights).expanduser().resolve())

    @field_validator("export_formats")
    @classmethod
    def _known_formats(cls, value: str) -> str:
        for name in filter(None, (part.strip() for part in value.split(","))):
            if name not in OPTIONAL_FORMATS:
                raise ValueError(f"choose from {', '.join(OPTIONAL_FORMATS)}")
        return value

    @property
    def deciding(self) -> dict[str, Any]:
        """What decides the trained model: a run that is continued must keep all of it."""
        fields = list(type(self).model_fields)
        first, last = fields.index("profile"), fields.index("early_stopping_patience")
        return {name: getattr(self, name) for name in fields[first : last + 1]}

    @property
    def formats(self) -> tuple[str, ...]:
        """``export_formats`` as a tuple."""
        return tuple(name.strip() for name in self.export_formats.split(",") if name.strip())

    @property
    def home_dir(self) -> Path:
        return self.home.expanduser().resolve()

    @property
    def cache_dir(self) -> Path:
        return self.home_dir / "cache"

    def run_dir(self, run_id: str) -> Path:
        """The one folder of a run's files; its name is the run's id."""
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in run_id)
        return self.home_dir / "runs" / safe

    @property
    def mlflow_uri(self) -> str:
        return self.tracking_uri or f"sqlite:///{self.home_dir / 'mlflow.db'}"

    @property
    def artifact_dir(self) -> Path:
        return self.home_dir / "mlflow-artifacts"


def load_settings(**overrides: Any) -> Settings:
    """Settings from arguments, environment, profile, defaults, in that order.

    Raises:
        UserError: an unknown profile or setting, or a value out of range; one sentence.
    """
    given = {k: v for k, v in overrides.items() if v is not None}
    profile = given.get("profile") or os.environ.get("CATWALK_PROFILE") or "quick"
    if profile not in PROFILES:
        raise UserError(f"unknown profile {profile!r}: choose one of {', '.join(PROFILES)}")
    recipe = given.get("recipe") or os.environ.get("CATWALK_RECIPE") or PROFILES[profile]["recipe"]
    if recipe not in RECIPES:
        raise UserError(f"unknown recipe {recipe!r}: choose one of {', '.join(RECIPES)}")
    defaults = RECIPES[recipe] | PROFILES[profile] | {"profile": profile, "recipe": recipe}
    values = {k: v for k, v in defaults.items() if f"CATWALK_{k.upper()}" not in os.environ}
    try:
        return Settings(**(values | given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"setting {name}: {first['msg'].lower()}. Received: {first['input']!r}"
        ) from None
