"""Images that are there more than once: inside a part, and across parts, where they leak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_zoo.data.near_duplicates import near_pairs, prints_of
from model_zoo.data.pixel_store import looks_of
from model_zoo.data.pixels import chunks_of
from model_zoo.health.parts import Part, Place

#: Images up to which those that look alike are looked for across parts: of more only equal ones.
MOST_COMPARED = 300_000


def duplicates(parts: Sequence[Part]) -> dict[Place, Place]:
    """Images that an earlier one of their part is equal to, or in one group with by its source's
    word; each with that one."""
    found: dict[Place, Place] = {}
    for part in parts:
        for names in (looks_of(part.images.images), np.asarray(part.groups)):
            if not len(names):
                continue
            _, first, of = np.unique(names, return_index=True, return_inverse=True)
            for row in np.flatnonzero(first[of] != np.arange(len(of))):
                found.setdefault((part.name, int(row)), (part.name, int(first[of[row]])))
    return found


def leaks(training: Part, others: Sequence[Part]) -> dict[Place, Place]:
    """Images that are not trained on and look all but the same as one that is; each with it."""
    others = [part for part in others if len(part.images)]
    known = {look: row for row, look in enumerate(looks_of(training.images.images).tolist())}
    found: dict[Place, Place] = {}
    for part in others:
        for row, look in enumerate(looks_of(part.images.images).tolist()):
            if look in known:
                found[part.name, row] = (training.name, known[look])
    images = [training.images.images, *(part.images.images for part in others)]
    if sum(map(len, images)) > MOST_COMPARED or not others:
        return found
    prints = np.concatenate([prints_of(some) for one in images for some in chunks_of(one)])
    places = [(part.name, row) for part in others for row in range(len(part.images))]
    trained = len(training.images)
    for new, other in near_pairs(prints, np.arange(trained, len(prints))):
        if other < trained:
            found.setdefault(places[new - trained], (training.name, other))
    return found
