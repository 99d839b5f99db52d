"""How a classifier is trained: optimiser, schedule, regularisation, augmentation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group


class Augmentation(Group):
    """``[training.augmentation]``: random changes of the training images."""

    flip: bool = Field(
        True, description="Mirror half of the images; not where left and right mean something."
    )
    shift: float = Field(0.0, ge=0, lt=1, description="Random shift, at most this part of a side.")
    rotation: float = Field(
        0.0, ge=0, le=0.5, description="Random rotation, at most this part of a full turn."
    )
    zoom: float = Field(0.0, ge=0, lt=1, description="Random zoom, at most this part of the size.")
    erase: float = Field(
        0.0, ge=0, le=1, description="Part of the images that lose a random rectangle."
    )
    fill: Literal["black", "mirror"] = Field(
        "black",
        description="What comes into view where an image is moved: black, as where pictures stand "
        "on a ground, or the image itself mirrored, as in photographs.",
    )
    light: float = Field(
        0.0, ge=0, lt=1, description="Random brightness and contrast, at most this part of them."
    )
    saturation: float = Field(
        0.0, ge=0, lt=1, description="Random saturation, at most this part; grey has none."
    )
    hue: float = Field(
        0.0, ge=0, le=0.5, description="Random hue, at most this part of the colour circle."
    )

    @property
    def changes_images(self) -> bool:
        """Whether anything random is done to an image."""
        return any(value for name, value in self if name != "fill")


class TrainingSettings(Group):
    """``[training]``: decides a run."""

    start: Literal["pretrained", "production"] = Field(
        "pretrained",
        description="production: go on from the weights of the version in production, with its "
        "head, at 0.3 of its rate and without a search, where it has the same backbone and size; "
        "else, and with pretrained, start from model.weights.",
    )
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
        None, gt=0, le=10, description="Peak rate, fixed; unset: searched, or the base rate."
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
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="balanced: an image of a rare class counts for more in the loss, so that all "
        "classes count the same; for unbalanced images where each class matters.",
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
    feature_views: int = Field(
        2,
        ge=0,
        le=100,
        description="Augmented views of each image that a frozen trunk computes once and every "
        "epoch reads; 0: the frozen layers see each image anew in each epoch.",
    )
    early_stopping_patience: int = Field(
        3,
        ge=0,
        description="Epochs without gain on the validation images, by judging.metric, before "
        "stopping; 0: off.",
    )
    keep: Literal["best", "last"] = Field(
        "best",
        description="Epoch whose weights a training ends with: best, by judging.metric on the "
        "validation images; or last, after all epochs, for a rate that falls to zero.",
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
    seed: int = Field(20, ge=0, description="Seeds initial weights, order and augmentation.")
    augmentation: Augmentation = Field(
        default_factory=Augmentation, description="Random changes of the training images."
    )

    @property
    def distinct_views(self) -> int:
        """Views of each image that a frozen trunk computes: not two that are the same."""
        most = self.feature_views if self.augmentation.changes_images else 1
        return min(most, self.feature_views)

    @property
    def peak_rate(self) -> float:
        """The learning rate of a training without a search."""
        return self.learning_rate or self.base_rate
