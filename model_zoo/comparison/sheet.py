"""The images on which only one of two versions is right, as one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_zoo.comparison.comparison import Comparison
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

COLUMNS, MOST = 6, 12  # of each kind


def write_sheet(found: Comparison, path: Path) -> None:
    """Two blocks, the most confident mistakes first.

    Raises:
        UserError: the images are not kept, or the folder cannot be written.
    """
    from matplotlib.figure import Figure

    if found.images is None:
        raise UserError(f"the test images of version {found.first.version} are not kept in MLflow")
    kinds = (("first", found.first.version), ("second", found.second.version))
    rows = MOST // COLUMNS
    figure = Figure(figsize=(COLUMNS * 1.7, 2 * rows * 2.1 + 0.8), layout="constrained")
    blocks = np.ravel(np.asarray(figure.subfigures(2, 1)))
    for block, (kind, version) in zip(blocks, kinds, strict=True):
        places = found.differing(kind)
        block.suptitle(f"Only version {version} is right: {len(places):,} images")
        axes = block.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axis in axes:
            axis.axis("off")
        shown = [(place, found.image(place)) for place in places]
        some = [(place, image) for place, image in shown if image is not None][:MOST]
        for axis, (place, image) in zip(axes, some, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
            axis.set_title(_words(found, int(place), kind), fontsize=8)
    with complete_or_absent(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _words(found: Comparison, place: int, kind: str) -> str:
    common, wrong = found.common, 1 if kind == "first" else 0
    said = common.labels[(common.of_first, common.of_second)[wrong][place]]
    other = (found.first, found.second)[wrong].version
    sure = found.confidence(wrong)[place]
    return f"{common.labels[common.truth[place]]}\n{other}: {said} {sure:.0%}"
