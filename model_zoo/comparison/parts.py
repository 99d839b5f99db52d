"""Classes, slices and corruptions: which of them changed, with evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from model_zoo.judging.paired import CONFIDENCE, disagreements, holm, interval


@dataclass(frozen=True)
class Part:
    """One part of the images that both answered.

    Attributes:
        first, second: shares that are right.
        only_first, only_second: images on which only one of the two is.
        low, high: 95 % interval (Tango's) of second minus first, of this part alone.
        p_value: exact two-sided McNemar, corrected by Holm's procedure for all parts of its kind;
            None: too few images to judge.
    """

    name: str
    images: int
    first: float
    second: float
    only_first: int
    only_second: int
    low: float
    high: float
    p_value: float | None = None

    @property
    def difference(self) -> float:
        return self.second - self.first

    @property
    def second_is(self) -> str:
        """``better`` or ``worse`` where there is evidence, else empty."""
        if self.p_value is None or self.p_value >= 1 - CONFIDENCE:
            return ""
        return "better" if self.only_second > self.only_first else "worse"


def parts_of(
    members: Mapping[str, np.ndarray], first: np.ndarray, second: np.ndarray, least: int
) -> list[Part]:
    """The clearest change first.

    Args:
        members: by name, integers, the places of the images of each part; empty ones are left out.
        first, second: bool (n,), who is right.
        least: images with which a part is judged.
    """
    from scipy.stats import binomtest

    found, p_values = [], []
    for name, here in members.items():
        if not len(here):
            continue
        found.append(_part(name, first[here], second[here]))
        won, lost = found[-1].only_second, found[-1].only_first
        p_values.append(float(binomtest(won, won + lost).pvalue) if won + lost else 1.0)
    judged = [place for place, one in enumerate(found) if one.images >= least]
    for place, corrected in zip(judged, holm([p_values[one] for one in judged]), strict=True):
        found[place] = replace(found[place], p_value=corrected)
    order = sorted(range(len(found)), key=lambda one: (found[one].p_value is None, p_values[one]))
    return [found[one] for one in order]


def _part(name: str, first: np.ndarray, second: np.ndarray) -> Part:
    won, lost = disagreements(second, first)
    low, high = interval(won, lost, len(first))
    shares = float(first.mean()), float(second.mean())
    return Part(name, len(first), *shares, lost, won, low, high)
