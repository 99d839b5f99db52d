"""Which images, and how they are divided."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_zoo.settings.group import Group


class DataSettings(Group):
    """``[data]``: decides a run."""

    source: str = Field("fashion-mnist", description="Name of a registered source of images.")
    validation_share: float = Field(
        0.1, gt=0, lt=0.5, description="Part of each class's training images held out to validate."
    )
    train_limit: int = Field(0, ge=0, description="Train on this many images only; 0: all.")
    seed: int = Field(
        20,
        ge=0,
        description="Seeds the split. An image that was in a run keeps its part, whatever this is.",
    )
    least_class_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="A class with less than this part of its fair share of the images is refused; "
        "0: however unbalanced, a class needs one image.",
    )

    snapshot: str = Field(
        "",
        description="Train on this snapshot of the images (`catwalk data` lists them); empty: on "
        "what the source holds now.",
    )
    window: str = Field(
        "",
        pattern=r"^([1-9][0-9]*d?)?$",
        description="Train on what is recent: 180d, images first seen in the last 180 days, or "
        "5000, as many as were seen last; the test part stays whole. Empty: on all.",
    )
    images: str = Field(
        "",
        description="For source image-folder: a folder, a table (.csv, .jsonl, .parquet) of paths "
        "and labels, or either as fsspec spells it (s3://bucket/folder). A path is taken from the "
        "project's file.",
    )
    unlabelled: str = Field(
        "",
        description="Folder or URL of images that nobody has labelled yet, as data.images is "
        "spelt: `catwalk review next` says which to label first. Where it lies in data.images it "
        "is no class. Empty: there are none.",
    )
    image_size: int = Field(
        128, ge=8, le=1024, description="Side in pixels to which a source brings photographs."
    )
    colour: bool = Field(True, description="Whether photographs keep their colour.")
    framing: Literal["crop", "whole"] = Field(
        "crop",
        description="crop: the middle square of a photograph; whole: all of it, on white.",
    )
    label_from: Literal["first-folder", "last-folder"] = Field(
        "first-folder",
        description="Where folders lie in folders, the class is the outermost, or the innermost.",
    )
    label_column: str = Field("label", description="Column of a table that names the class.")
    test_share: float = Field(
        0.2,
        gt=0,
        lt=0.9,
        description="Part of the images that are for testing, where the source does not say.",
    )
    least_images: int = Field(
        3, ge=3, description="A class with fewer images is left out, and named."
    )
    near_duplicates: bool = Field(
        True,
        description="Whether pictures that look all but the same lie in one part; false where "
        "different pictures of yours look alike.",
    )
    broken_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Part of the files that may be broken: they are left out, and listed.",
    )
    max_pixels: int = Field(
        100_000_000, gt=0, description="Largest photograph in pixels; a larger one is broken."
    )
