"""How much the test images prove about single classes, in words."""

from __future__ import annotations

import numpy as np

from model_zoo.evaluation.intervals import wilson_bounds

#: Test images of a class above which nothing needs to be said: 30 of 30 prove 89 %.
ENOUGH = 30
#: Classes that are named.
MOST_NAMED = 3


def in_words(names: tuple[str, ...], counts: np.ndarray) -> str:
    """How many test images the classes have, and what the fewest prove.

    Args:
        counts: integers (classes,), test images of each class.
    """
    least, most = int(counts.min()), int(counts.max())
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    said = (
        f"Test images a class: {each}, half of the classes have {np.median(counts):,.0f} or less."
    )
    few = np.flatnonzero(counts < ENOUGH)
    if not len(few):
        return said
    ordered = few[np.argsort(counts[few], kind="stable")]
    named = ", ".join(names[place] for place in ordered[:MOST_NAMED])
    more = f" and {len(few) - MOST_NAMED:,} more" if len(few) > MOST_NAMED else ""
    return (
        f"{said} That proves little about {named}{more}, with fewer than {ENOUGH}: {_fewest(least)}"
    )


def _fewest(least: int) -> str:
    if least == 0:
        return "of a class without test images nothing is known."
    low = float(wilson_bounds(np.array([least]), np.array([least]))[0][0])
    images = "the one image" if least == 1 else f"all {least} images"
    return (
        f"where {images} of a class {'is' if least == 1 else 'are'} recognised, the true share may "
        f"still be as low as {low:.0%} (95 % interval)."
    )
