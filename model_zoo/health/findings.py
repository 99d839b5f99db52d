"""What was found in the images: how many of each kind, whether that matters, and which ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

#: How a rule may end, the worst last.
OUTCOMES = ("ok", "warn", "stop")


@dataclass(frozen=True)
class Suspect:
    """One image of a finding.

    Attributes:
        part, row: where it is; the row counts in the part.
        label: as given.
        origin: where it lies, as the source says; empty: unknown.
        note: what is wrong with it, in words.
        suggested: another label; empty: none.
    """

    part: str
    row: int
    label: str
    origin: str
    note: str
    suggested: str = ""


@dataclass(frozen=True)
class Finding:
    """One kind of trouble.

    Attributes:
        kind: a word, of which the rule is another: see :data:`model_zoo.health.kinds.KINDS`.
        explained: how it is found, in a sentence.
        found, of: images of this kind, and images looked at.
        outcome: of :data:`OUTCOMES`.
        sentence: what was found, how many, and, where it matters, what to do.
        suspects: all of them, the worst first.
        pictures: ``data:`` URLs of the first of them.
    """

    kind: str
    title: str
    explained: str
    found: int
    of: int
    outcome: str
    sentence: str
    suspects: Sequence[Suspect] = ()
    pictures: Sequence[str] = ()


@dataclass(frozen=True)
class Health:
    """Everything that was looked at.

    Attributes:
        snapshot: of the images.
        classes: images by class and part.
        months: images by month of their arrival and class; empty: unknown.
        notes: what was not looked for, and why.
    """

    snapshot: str
    classes: Mapping[str, Mapping[str, int]]
    months: Mapping[str, Mapping[str, int]]
    findings: Sequence[Finding]
    notes: Sequence[str] = field(default_factory=tuple)

    def of(self, outcome: str) -> list[Finding]:
        """The findings with this outcome."""
        return [one for one in self.findings if one.outcome == outcome]

    @property
    def summary(self) -> str:
        """One sentence: what was found, the worst first."""
        worst = sorted(
            (one for one in self.findings if one.found),
            key=lambda one: (-OUTCOMES.index(one.outcome), -one.found),
        )
        words = [f"{one.found:,} {one.title.lower()}" for one in worst]
        return ", ".join(words) or "nothing found"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: of each finding those images alone that have a picture."""
        found = asdict(self)
        for one in found["findings"]:
            one["suspects"] = one["suspects"][: len(one["pictures"])]
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Every image of every finding, for a table."""
        return [
            {"finding": finding.kind} | asdict(one)
            for finding in self.findings
            for one in finding.suspects
        ]


def by_month(labels: Sequence[str], months: Sequence[str]) -> dict[str, dict[str, int]]:
    """Images by month and class; both (N,)."""
    counted = Counter(zip(months, labels, strict=True))
    found: dict[str, dict[str, int]] = {}
    for (month, label), count in sorted(counted.items()):
        found.setdefault(month, {})[label] = count
    return found
