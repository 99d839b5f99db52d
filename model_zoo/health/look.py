"""Look at the images of a dataset before anything is trained on them.

What can be told from the images alone is told of every part; labels and outliers only of training
images, and only where there are features of pretrained layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from model_zoo.data.split import stratified_limit
from model_zoo.health.findings import Finding, Health, Suspect, by_month
from model_zoo.health.kinds import KINDS
from model_zoo.health.label_suspects import label_suspects
from model_zoo.health.out_of_fold import LEAST_IMAGES, OutOfFold, out_of_fold
from model_zoo.health.parts import Part, Place
from model_zoo.health.pictures import looked_at, odd_sizes
from model_zoo.health.twins import duplicates, leaks
from model_zoo.images import data_url
from model_zoo.images.pixels import thumbnail
from model_zoo.progress import Say, part
from model_zoo.settings.health import HealthSettings

#: Numbers that the probabilities of all images may have: 200 MB.
MOST_PROBABILITIES = 50_000_000


def look_at(
    parts: Sequence[Part],
    labels: Sequence[str],
    snapshot: str,
    settings: HealthSettings,
    seed: int,
    why_no_features: str = "",
    say: Say = print,
) -> Health:
    """Everything that the settings ask for.

    Args:
        parts: the training part first.
        labels: names of the classes.
        why_no_features: where the training part has none.
    """
    training, others = parts[0], parts[1:]
    every = sum(len(one.images) for one in parts)
    found = _Found(parts, labels, settings)
    notes = []
    if settings.pictures != "off":
        with part(say, "looking at every picture", every) as work:
            _pictures(found, parts, every, work.advance)
    if settings.duplicates != "off":
        with part(say, "looking for duplicates"):
            twins = duplicates(parts)
            found.add("duplicates", _twins(found, twins), every, twins)
    if settings.leaks != "off":
        with part(say, "looking for leaks between parts"):
            held_out = sum(len(one.images) for one in others)
            twins = leaks(training, others)
            found.add("leaks", _twins(found, twins), held_out, twins)
    if settings.labels != "off" or settings.outliers != "off":
        if training.features is None:
            notes.append(f"Labels and outliers were not looked for: {why_no_features}.")
        else:
            with part(say, "looking for wrong labels and outliers"):
                notes += _by_features(found, training, training.features, seed)
    order = list(KINDS)
    findings = sorted(found.findings, key=lambda one: order.index(one.kind))
    return Health(snapshot, _counts(parts, labels), _months(parts, labels), findings, notes)


class _Found:
    """Findings as they are made."""

    def __init__(
        self, parts: Sequence[Part], labels: Sequence[str], settings: HealthSettings
    ) -> None:
        self.parts = {one.name: one for one in parts}
        self.labels, self.settings = labels, settings
        self.findings: list[Finding] = []

    def suspect(self, place: Place, note: str, suggested: str = "") -> Suspect:
        part, row = place
        return Suspect(part, row, self.label(place), self.origin(place), note, suggested)

    def label(self, place: Place) -> str:
        return self.labels[int(self.parts[place[0]].images.labels[place[1]])]

    def origin(self, place: Place) -> str:
        origins = self.parts[place[0]].origins
        return origins[place[1]] if len(origins) else ""

    def name(self, place: Place) -> str:
        """Of an image, for a note about another."""
        return self.origin(place) or f"{place[0]} image {place[1]:,}"

    def picture(self, place: Place, twin: Place | None) -> np.ndarray:
        """What people look at: the image, with its twin beside it where it has one."""
        both = [self.parts[part].images.images[row] for part, row in filter(None, (place, twin))]
        return np.concatenate([thumbnail(one) for one in both], axis=1)

    def add(
        self,
        kind: str,
        suspects: list[Suspect],
        of: int,
        twins: Mapping[Place, Place] = MappingProxyType({}),
    ) -> None:
        """Judge what was found of a kind, and take pictures of the first."""
        words, settings = KINDS[kind], self.settings
        rule = getattr(settings, words.rule)
        share, allowed = len(suspects) / max(1, of), getattr(settings, f"{words.rule}_share")
        outcome = rule if share > allowed else "ok"
        sentence = f"{len(suspects):,} of {of:,} {words.what}"
        if outcome != "ok":
            sentence += (
                f" ({_percent(share)}, and health.{words.rule}_share is {_percent(allowed)}): look "
                f"at them, {words.advice}, or set health.{words.rule} to "
                f"{'warn or off' if outcome == 'stop' else 'off'}"
            )
        pictures = [
            data_url(self.picture((one.part, one.row), twins.get((one.part, one.row))))
            for one in suspects[: settings.shown]
        ]
        self.findings.append(
            Finding(
                kind, words.title, words.explained, len(suspects), of, outcome, sentence,
                suspects, pictures,
            )
        )  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _pictures(
    found: _Found, parts: Sequence[Part], every: int, advance: Callable[[int], object]
) -> None:
    kinds: dict[str, list[Suspect]] = {
        name: [] for name in ("blank", "dark", "light", "blurred", "size")
    }
    for one in parts:
        if not len(one.images):
            continue
        seen = looked_at(one.images.images, advance)
        for kind in ("blank", "dark", "light", "blurred"):
            for row in np.flatnonzero(getattr(seen, kind)):
                kinds[kind].append(found.suspect((one.name, int(row)), kind))
        for row in np.flatnonzero(odd_sizes(one.sizes)):
            note = f"{int(one.sizes[row]):,} bytes"
            kinds["size"].append(found.suspect((one.name, int(row)), note))
    for kind, suspects in kinds.items():
        found.add(kind, suspects, every)


def _twins(found: _Found, twins: Mapping[Place, Place]) -> list[Suspect]:
    """Those first whose twin has another label."""
    suspects = []
    for place, twin in twins.items():
        other = "" if found.label(place) == found.label(twin) else found.label(twin)
        labelled = f", labelled {other}" if other else ""
        suspects.append(found.suspect(place, f"like {found.name(twin)}{labelled}", other))
    return sorted(suspects, key=lambda one: not one.suggested)


def _by_features(found: _Found, training: Part, features: np.ndarray, seed: int) -> list[str]:
    """Labels and outliers; returns what was left out."""
    settings, given = found.settings, training.images.labels.astype(np.int64)
    counts = np.bincount(given, minlength=len(found.labels))
    known = np.flatnonzero(counts >= LEAST_IMAGES)
    notes = []
    if small := np.flatnonzero((counts > 0) & (counts < LEAST_IMAGES)).tolist():
        names = ", ".join(found.labels[one] for one in small[:5]) + (
            ", …" if len(small) > 5 else ""
        )
        notes.append(
            f"Labels and outliers were not looked for in {len(small):,} classes with fewer than "
            f"{LEAST_IMAGES} training images: {names}."
        )
    if len(known) < 2:
        return notes
    numbers = np.full(len(counts), -1)
    numbers[known] = np.arange(len(known))
    rows = np.flatnonzero(numbers[given] >= 0)
    most = MOST_PROBABILITIES // len(known)
    if len(rows) > most:
        rows = rows[np.sort(stratified_limit(given[rows], most, seed))]
        notes.append(f"Labels and outliers were looked for in {most:,} of the training images.")
    labels = numbers[given[rows]]
    said = out_of_fold(features, rows, labels, len(known), seed)
    if settings.labels != "off":
        suspects = label_suspects(said.probabilities, labels, settings.label_chance)
        listed = []
        for row, other, chance in zip(
            suspects.rows, suspects.suggested, suspects.chance, strict=True
        ):
            name = found.labels[int(known[other])]
            place = training.name, int(rows[row])
            listed.append(found.suspect(place, f"features say {name}, {chance:.0%} sure", name))
        found.add("labels", listed, len(rows))
    if settings.outliers != "off":
        found.add("outliers", _outliers(found, training, rows, said), len(rows))
    return notes


def _outliers(found: _Found, training: Part, rows: np.ndarray, said: OutOfFold) -> list[Suspect]:
    distances = said.distances
    middle = np.median(distances)
    deviation = 1.4826 * np.median(np.abs(distances - middle)) + 1e-9
    far = (distances - middle) / deviation
    worst = np.argsort(-far, kind="stable")
    return [
        found.suspect(
            (training.name, int(rows[one])), f"{far[one]:.0f} deviations farther than most"
        )
        for one in worst[: int((far > found.settings.outlier_distance).sum())]
    ]


def _counts(parts: Sequence[Part], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    counted = {
        one.name: np.bincount(one.images.labels, minlength=len(labels)).tolist() for one in parts
    }
    return {
        label: {name: counts[number] for name, counts in counted.items()}
        for number, label in enumerate(labels)
    }


def _months(parts: Sequence[Part], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    names: list[str] = []
    months: list[str] = []
    for one in parts:
        if len(one.first_seen):
            names += [labels[number] for number in one.images.labels.tolist()]
            months += (
                one.first_seen.astype("datetime64[s]").astype("datetime64[M]").astype(str).tolist()
            )
    return by_month(names, months)
