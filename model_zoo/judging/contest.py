"""What a rule looks at: a candidate and those it is measured by, on the same test images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from model_zoo.data.pixels import Pixels
from model_zoo.judging.corrupted import Corrupted, ask
from model_zoo.judging.looks import Look
from model_zoo.settings import JudgingSettings

#: uint8 (n, h, w) or (n, h, w, 3), as the candidate takes them -> predicted class, integers (n,).
Answer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ServedFile:
    """The file that is served: its size, and how long it takes for one image."""

    name: str
    bytes: int
    latency_ms: float


@dataclass(frozen=True)
class Side:
    """One version, as its served file answered the test images.

    Attributes:
        version: its number.
        labels: its classes, in the order of its own numbers.
        predicted: integers (N,), of its own numbers.
        probabilities: float (N, its classes), calibrated.
        generated: it learned from generated images.
        snapshot: digest of the dataset that it learned from.
        file: None where the file could not be measured.
        answer: the same file on other images; None where it cannot be run.
        note: a sentence, where its answers did not come about in the usual way.
    """

    version: str
    labels: tuple[str, ...]
    predicted: np.ndarray
    probabilities: np.ndarray
    generated: bool = False
    snapshot: str = ""
    file: ServedFile | None = None
    answer: Answer | None = None
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Candidate and another on the images of the classes that both have.

    Attributes:
        candidate, other: bool (n,), who is right.
        members: integers (n,), which of the test images these are.
        classes: the names that both have.
        truth, candidate_said, other_said: integers (n,), places in ``classes``; -1 for an answer
            that is none of them.
    """

    candidate: np.ndarray
    other: np.ndarray
    members: np.ndarray
    classes: tuple[str, ...]
    truth: np.ndarray
    candidate_said: np.ndarray
    other_said: np.ndarray


@dataclass(frozen=True)
class Contest:
    """A candidate on trial.

    Attributes:
        truth: integers (N,), true classes by the candidate's numbers.
        images: uint8 (N, h, w) or (N, h, w, 3), as the candidate takes them.
        production: None when nothing is.
        anchor: the best version that ever was in production, by evidence; None as above.
        unanswered: why production could not be asked at all, in words; empty: it was.
        columns: what the images can be cut into slices by, each a value an image (N,).
        new: bool (N,), images that production's snapshot does not have; None: nobody knows.
        look: which use of the test part this is.
    """

    settings: JudgingSettings
    truth: np.ndarray
    images: Pixels
    candidate: Side
    production: Side | None = None
    anchor: Side | None = None
    unanswered: str = ""
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    new: np.ndarray | None = None
    look: Look = field(default_factory=Look)

    @property
    def no_rival(self) -> str:
        """Why there is nothing to compare with, in words; empty: there is.

        A model of generated images and one of real ones are not compared: the images are those of
        one of the two.
        """
        if self.unanswered:
            return self.unanswered
        if self.production is None:
            return "nothing is in production yet"
        return not_comparable(self.candidate, self.production)

    @property
    def rival(self) -> Side:
        """Production, where :attr:`no_rival` is empty."""
        assert self.production is not None
        return self.production

    @property
    def nobody_can_tell(self) -> str:
        """Why it is not known whether the candidate is worse than a production that there is, in
        words; empty: it is, or nothing is in its way.

        A production of generated images gives way to a candidate of real ones.
        """
        if self.unanswered or self.production is None:
            return self.unanswered
        same_kind = self.candidate.generated == self.production.generated
        return self.no_rival if same_kind else ""

    @cached_property
    def corrupted(self) -> Corrupted | None:
        """The candidate's answers on corrupted images; None where its file cannot be run."""
        return self._corrupted(self.candidate)

    @cached_property
    def rival_corrupted(self) -> Corrupted | None:
        """The same of production."""
        return self._corrupted(self.rival)

    def _corrupted(self, side: Side) -> Corrupted | None:
        if side.answer is None:
            return None
        settings = self.settings
        return ask(side.answer, self.images, settings.corruptions, settings.corrupted_images)

    @property
    def same_images(self) -> bool:
        """Whether both learned from the same snapshot."""
        return self.rival.snapshot == self.candidate.snapshot

    def pair(self, other: Side) -> Pair:
        """Who is right about which image, on the classes that both have, by name."""
        ours, common = self.candidate.labels, set(other.labels)
        classes = tuple(label for label in ours if label in common)
        places = {label: place for place, label in enumerate(classes)}
        ours_to, theirs_to = (
            np.array([places.get(label, -1) for label in labels]) for labels in (ours, other.labels)
        )
        members = np.flatnonzero(ours_to[self.truth] >= 0)
        truth = ours_to[self.truth[members]]
        candidate = ours_to[self.candidate.predicted[members]]
        said = theirs_to[other.predicted[members]]
        return Pair(
            candidate=candidate == truth,
            other=said == truth,
            members=members,
            classes=classes,
            truth=truth,
            candidate_said=candidate,
            other_said=said,
        )

    @property
    def unlike(self) -> str:
        """In what the classes of the two are not the same, in words; empty: in nothing."""
        ours, theirs = set(self.candidate.labels), set(self.rival.labels)
        if ours == theirs:
            return ""
        parts = []
        if new := sorted(ours - theirs):
            parts.append(f"new: {some(new)}")
        if gone := sorted(theirs - ours):
            parts.append(f"gone: {some(gone)}")
        return f"compared on the {len(ours & theirs)} classes that both have ({'; '.join(parts)})"


def not_comparable(candidate: Side, other: Side) -> str:
    """Why two versions cannot be compared image by image, in words; empty: they can."""
    if candidate.generated and not other.generated:
        return f"version {other.version} learned from real images, this one from generated ones"
    if other.generated and not candidate.generated:
        return f"version {other.version} learned from generated images, this one from real ones"
    if not set(candidate.labels) & set(other.labels):
        return f"version {other.version} has no class in common with this one"
    return ""


def some(names: list[str], most: int = 5) -> str:
    """The first names, and how many there are beside them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
