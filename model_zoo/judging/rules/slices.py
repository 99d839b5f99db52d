"""``slices``: no part of the images may fall, by the columns that the project names."""

from __future__ import annotations

import numpy as np

from model_zoo.judging.contest import Contest
from model_zoo.judging.falls import none_fell
from model_zoo.judging.rule import Finding, not_judged, register_rule

QUARTERS = ("lowest", "second", "third", "highest")


@register_rule("slices")
def slices(contest: Contest) -> Finding:
    """As ``no-class-falls``, over all parts of all columns together.

    A column of names gives a part a name; one of numbers is cut in quarters.
    """
    wanted = contest.settings.slices
    if not wanted:
        return not_judged("the setting judging.slices names no column")
    if contest.no_rival:
        return not_judged(contest.no_rival)
    pair = contest.pair(contest.rival)
    parts: dict[str, np.ndarray] = {}
    for column in wanted:
        for name, members in cut(contest.columns[column]).items():
            parts[f"{column}: {name}"] = members[pair.members]
    return none_fell(
        parts,
        pair.candidate,
        pair.other,
        what="slice",
        least=contest.settings.class_images,
        confidence=contest.settings.confidence,
    )


def cut(values: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of a column (N,) by name, each bool (N,); an empty name is of no part."""
    if values.dtype.kind in "US":
        return {str(name): values == name for name in np.unique(values) if name}
    edges = np.quantile(values, (0.25, 0.5, 0.75))
    quarter = np.searchsorted(edges, values, side="right")
    found = {f"{name} quarter": quarter == place for place, name in enumerate(QUARTERS)}
    return {name: members for name, members in found.items() if members.any()}
