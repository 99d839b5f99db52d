"""Two versions side by side: figures, what changed where, the images behind it, what it costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model_zoo.comparison.common_images import CommonImages, common_images
from model_zoo.comparison.cost import Cost, costs_of
from model_zoo.comparison.figures import Figure, own_figures, paired_figures
from model_zoo.comparison.parts import Part, parts_of
from model_zoo.comparison.recorded import Recorded, recorded_of_both
from model_zoo.images.statistics import STATISTICS, measured
from model_zoo.judging.rules.slices import cut
from model_zoo.registry.version_report import VersionReports
from model_zoo.settings import JudgingSettings

#: Which images: those on which only one is right, or both are wrong in two ways, or any of these.
KINDS = ("all", "first", "second", "neither")


@dataclass(frozen=True)
class Comparison:
    """The second version against the first, on the same images.

    Attributes:
        figures: the difference is the second's minus the first's.
        classes, slices, corruptions: the clearest change first.
        members: by "class: ..." and "slice: ...", integers, places of the common images of each.
        images: uint8 (m, h, w[, 3]), of the first version's test set as far as they are kept; None:
            not at all.
        timed: how the costs came about.
        notes: what has to be said before anybody reads a figure.
    """

    first: Recorded
    second: Recorded
    common: CommonImages
    figures: list[Figure]
    classes: list[Part]
    slices: list[Part]
    corruptions: list[Part]
    members: dict[str, np.ndarray]
    images: np.ndarray | None
    costs: tuple[Cost, Cost]
    timed: str
    notes: tuple[str, ...]

    def differing(self, kind: str = "all", part: str = "") -> np.ndarray:
        """Places among the common images on which the two say different things.

        The most confident mistake comes first.

        Args:
            kind: of :data:`KINDS`; ``first`` are those on which only the first version is right.
            part: a key of :attr:`members`; empty: all.
        """
        common = self.common
        right, right_too = common.first_right, common.second_right
        found = common.of_first != common.of_second
        if kind != "all":
            found &= {"first": right, "second": right_too, "neither": ~right & ~right_too}[kind]
        if part:
            found &= np.isin(np.arange(len(found)), self.members[part])
        places = np.flatnonzero(found)
        mistaken = np.stack([~right, ~right_too]) * np.stack(
            [self.confidence(0), self.confidence(1)]
        )
        return places[np.argsort(-mistaken.max(axis=0)[places], kind="stable")]

    def confidence(self, side: int) -> np.ndarray:
        """How sure the first (0) or second (1) version is of its answers, float (n,)."""
        of, rows = ((self.first, self.common.first), (self.second, self.common.second))[side]
        return np.asarray(of.probabilities[rows, of.predicted[rows]], np.float64)

    def image(self, place: int) -> np.ndarray | None:
        """One of the common images, if it is kept."""
        row = int(self.common.first[place])
        return self.images[row] if self.images is not None and row < len(self.images) else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: everything but the images themselves, of which the places are named."""
        return {
            "first": self.first.version,
            "second": self.second.version,
            "images": len(self.common),
            "notes": list(self.notes),
            "figures": [asdict(one) | {"second_is": one.second_is} for one in self.figures],
            "classes": [_row(one) for one in self.classes],
            "slices": [_row(one) for one in self.slices],
            "corruptions": [_row(one) for one in self.corruptions],
            "served": [asdict(one) for one in self.costs],
            "timed": self.timed,
            "only_first_right": self._listed("first"),
            "only_second_right": self._listed("second"),
        }

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        common, sure = self.common, (self.confidence(0), self.confidence(1))
        return [
            {
                "test_image": int(common.first[i]),
                "label": common.labels[common.truth[i]],
                "first_says": common.labels[common.of_first[i]],
                "first_confidence": round(float(sure[0][i]), 4),
                "second_says": common.labels[common.of_second[i]],
                "second_confidence": round(float(sure[1][i]), 4),
            }
            for i in self.differing(kind)
        ]


def compare_versions(
    reports: VersionReports, first: str, second: str, judging: JudgingSettings
) -> Comparison:
    """Compare two versions by number, from what their runs recorded.

    Args:
        judging: the project's, for the groups of classes, and for how many images judge a part.

    Raises:
        UserError: a version is unknown, its answers are not recorded, or MLflow is away.
    """
    a, b, notes = recorded_of_both(reports, first, second)
    common = common_images(a, b)
    images = reports.test_images(a.report)
    classes, slices = _classes(common), _slices(a, common, images, judging)
    right, right_too, least = common.first_right, common.second_right, judging.class_images
    costs = costs_of(a, b)
    return Comparison(
        first=a,
        second=b,
        common=common,
        figures=paired_figures(a, b, common) if len(common) else own_figures(a, b),
        classes=parts_of(classes, right, right_too, least),
        slices=parts_of(slices, right, right_too, least),
        corruptions=_corruptions(a, b, common, least),
        members={f"class: {name}": one for name, one in classes.items()}
        | {f"slice: {name}": one for name, one in slices.items()},
        images=images,
        costs=costs[:2],
        timed=costs[2],
        notes=(*common.notes, *notes),
    )


def _classes(common: CommonImages) -> dict[str, np.ndarray]:
    """Those that have images, and the places of these."""
    order = np.argsort(common.truth, kind="stable")
    numbers, starts = np.unique(common.truth[order], return_index=True)
    return {
        common.labels[number]: places
        # Of no images at all there is one empty part, and no number.
        for number, places in zip(numbers, np.split(order, starts[1:]), strict=False)
    }


def _slices(
    a: Recorded, common: CommonImages, images: np.ndarray | None, judging: JudgingSettings
) -> dict[str, np.ndarray]:
    """Groups of classes that the project names, and quarters by the dataset's statistics."""
    found = {}
    for group, names in judging.classes_of_groups.items():
        numbers = [common.labels.index(one) for one in names if one in common.labels]
        found[group] = np.flatnonzero(np.isin(common.truth, numbers))
    if images is None or not len(common):
        return found
    kept = np.flatnonzero(common.first < len(images))  # of many images not all are
    for name in a.report.tables["evaluation"].get("statistics", {}):
        if name not in STATISTICS or not len(kept):  # of a plugin that is not installed here
            continue
        values = measured(images[common.first[kept]], name)
        quarters = cut(values)
        for quarter, here in quarters.items() if len(quarters) > 1 else ():
            found[f"{name}, {quarter}"] = kept[here]
    return found


def _corruptions(a: Recorded, b: Recorded, common: CommonImages, least: int) -> list[Part]:
    """On corrupted copies of images that both were tried on."""
    if a.corrupted is None or b.corrupted is None or not len(common):
        return []
    ours = {int(row): place for place, row in enumerate(a.corrupted.members)}
    theirs = {int(row): place for place, row in enumerate(b.corrupted.members)}
    both = [
        place
        for place, (row, there) in enumerate(zip(common.first, common.second, strict=True))
        if int(row) in ours and int(there) in theirs
    ]
    if not both:
        return []
    names = [one for one in a.corrupted.predicted if one in b.corrupted.predicted]
    numbers = np.array([common.labels.index(one) for one in b.labels])
    here = [ours[int(row)] for row in common.first[both]]
    there = [theirs[int(row)] for row in common.second[both]]
    truth, count = common.truth[both], len(both)
    right = [a.corrupted.predicted[name][here] == truth for name in names]
    right_too = [numbers[b.corrupted.predicted[name][there]] == truth for name in names]
    return parts_of(
        {name: np.arange(count) + place * count for place, name in enumerate(names)},
        np.concatenate(right),
        np.concatenate(right_too),
        min(least, count),
    )


def _row(part: Part) -> dict[str, Any]:
    return asdict(part) | {"difference": part.difference, "second_is": part.second_is}
