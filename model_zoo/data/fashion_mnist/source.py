"""The source: the official files, or where it is allowed the generated sample."""

from __future__ import annotations

from dataclasses import replace

from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.data.fashion_mnist.official_files import find_files, read_files
from model_zoo.data.fashion_mnist.sample import draw_sample
from model_zoo.data.source import Found, Say, register_source
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings, Places


@register_source(DATASET.name)
def find(data: DataSettings, places: Places, say: Say) -> Found:
    """Images of garments in ten classes, 60,000 to train and 10,000 to test.

    Raises:
        UserError: a file fails its checksum, or none can be had and nothing may be generated.
    """
    cache = places.cache_dir / DATASET.name
    try:
        folder, origin = find_files(places.data_dir, cache, say)
    except UserError as error:
        if not places.allow_generated or places.data_dir is not None:
            raise
        say(f"No network and no data at hand: GENERATED SAMPLE instead of real data. ({error})")
        return generated_sample()
    origin = f"official files from {origin}, checksums agree"
    return Found(replace(DATASET, origin=origin), *read_files(folder))


def generated_sample() -> Found:
    """The stand-in that is drawn where no real images can be had."""
    origin = "silhouettes drawn by Catwalk, not real garments"
    return Found(replace(DATASET, generated=True, origin=origin, licence=""), *draw_sample())
