"""Corrections of one project: sent, kept for good, decided on.

    sent/<id>.json             what somebody said; never changed
    decided/<id>.<time>.json   what a reviewer decided of it; the last one counts
    pictures/<digest>          a picture as it was sent, where its sender agreed
    seen/<digest>.png          what the model saw of it
    keys/<day>                 by which addresses are hashed on that day

A record is one file that is never written again, so that a kill loses nothing and several pages and
workers need no lock.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.data.corrections.limits import CorrectionRefused, Limits, check, hashed
from model_zoo.data.corrections.records import (
    DECIDED,
    DECISIONS,
    PICTURES,
    SEEN,
    SENT,
    STAMP,
    Correction,
    Decision,
    Kind,
    State,
    as_json,
    correction_from,
    decided_id,
    decision_from,
)
from model_zoo.data.corrections.shelf import Shelf
from model_zoo.errors import UserError
from model_zoo.images import png
from model_zoo.locks import locked
from model_zoo.settings import Places


class Corrections:
    """Safe for several processes; nothing is written before the first correction."""

    def __init__(self, shelf: Shelf, lock: Path) -> None:
        """
        Args:
            lock: a file of this machine; processes of one machine keep the limits to the letter,
                those of several may together exceed them by as many as they are.
        """
        self.shelf = shelf
        self._lock = lock
        self._read: dict[str, Correction] = {}
        self._decisions: dict[str, Decision] = {}

    def send(
        self,
        image: np.ndarray,
        said: Correction,
        labels: Sequence[str],
        origin: str,
        limits: Limits,
        picture: bytes | None = None,
    ) -> Correction:
        """Keep what somebody says of an image, beside whatever was said of it before.

        Args:
            image: what the model saw, uint8 (h, w) or (h, w, 3).
            said: made by :func:`said_of`.
            labels: the model's classes.
            origin: where it comes from, an address; it is hashed.
            picture: as it was sent, where the sender agreed; it was decoded before.

        Raises:
            CorrectionRefused: the label is none of ``labels``.
            TooManyCorrections: a limit is reached.
        """
        if said.label not in labels:
            raise CorrectionRefused(f"{said.label!r} is none of {', '.join(labels[:20])}")
        with locked(self._lock):
            now = datetime.now(UTC)
            sender = hashed(self.shelf, origin, now)
            check(self.shelf, sender, now, limits, len(picture or b""))
            kept = replace(said, id=_id(now, sender), received=now.isoformat(timespec="seconds"))
            self._keep(kept, image, picture)
        return kept

    def label(self, image: np.ndarray, said: Correction, who: str) -> Correction:
        """Keep what a reviewer says of an image that nobody has labelled: it is accepted at once.

        Args:
            image, said: as in :meth:`send`.
        """
        now = datetime.now(UTC)
        kept = replace(said, id=_id(now, "reviewer"), received=now.isoformat(timespec="seconds"))
        self._keep(kept, image, None)
        (decided,) = self.decide([kept.id], "accepted", who)
        return decided

    def _keep(self, said: Correction, image: np.ndarray, picture: bytes | None) -> None:
        """Pictures first: a record never names what is not there."""
        self.shelf.write(f"{SEEN}/{said.digest}.png", png(image))
        if picture is not None:
            self.shelf.write(f"{PICTURES}/{said.digest}", picture)
        own = ("id", "decision")  # the file's name, and a file of its own
        values = {name: value for name, value in vars(said).items() if name not in own}
        self.shelf.write(f"{SENT}/{said.id}.json", as_json(values))

    def decide(
        self, ids: Iterable[str], state: State, who: str = "", label: str = ""
    ) -> list[Correction]:
        """Note what a reviewer decided of some; an earlier decision stays on record.

        Args:
            ids: whole, or the last part of one.
            label: the class, where ``state`` is ``relabelled``.

        Raises:
            CorrectionRefused: no such correction or state, or no label; nothing is noted then.
        """
        if state not in DECISIONS:
            raise CorrectionRefused(f"{state!r}: decide one of {', '.join(DECISIONS)}")
        if (state == "relabelled") != bool(label):
            raise CorrectionRefused("a label goes with relabelled, and with nothing else")
        known = {one.id: one for one in self.all()}
        meant = [known[_meant(given, known)] for given in dict.fromkeys(ids)]
        found = []
        for one in meant:
            now = datetime.now(UTC)
            decision = Decision(
                state, label or one.label, who, now.isoformat(timespec="seconds")
            )  # fmt: skip
            name = f"{one.id}.{now.strftime(STAMP)}-{secrets.token_hex(2)}.json"
            self.shelf.write(f"{DECIDED}/{name}", as_json(vars(decision)))
            found.append(replace(one, decision=decision))
        return found

    def all(self) -> list[Correction]:
        """Every correction with its last decision, the oldest first."""
        sent = [name.removesuffix(".json") for name in self.shelf.names(SENT)]
        new = [f"{SENT}/{id}.json" for id in sent if id not in self._read]
        for path, content in self.shelf.read_all(new).items():
            id = path.removeprefix(f"{SENT}/").removesuffix(".json")
            self._read[id] = correction_from(id, content)
        last = {decided_id(name): name for name in self.shelf.names(DECIDED)}  # sorted by time
        unread = [f"{DECIDED}/{name}" for name in last.values() if name not in self._decisions]
        for path, content in self.shelf.read_all(unread).items():
            self._decisions[path.removeprefix(f"{DECIDED}/")] = decision_from(content)
        return [
            replace(self._read[id], decision=self._decisions.get(last.get(id, "")))
            for id in sent
            if id in self._read
        ]

    def waiting(self) -> list[Correction]:
        return [one for one in self.all() if one.state == "waiting"]

    def accepted(self) -> list[Correction]:
        """Those whose images are to be trained on."""
        return [one for one in self.all() if one.is_accepted]

    def picture(self, one: Correction) -> bytes | None:
        """The picture as it was sent; None: it was not, or it was removed.

        Raises:
            UserError: its bytes are not those that were sent.
        """
        content = self.shelf.read(f"{PICTURES}/{one.digest}") if one.has_picture else None
        if content is not None and hashlib.sha256(content).hexdigest() != one.digest:
            raise UserError(f"the picture of correction {one.id} was changed since it was sent")
        return content

    def seen(self, one: Correction) -> np.ndarray | None:
        """What the model saw, uint8 (h, w) or (h, w, 3); None: it was removed."""
        content = self.shelf.read(f"{SEEN}/{one.digest}.png")
        if content is None:
            return None
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image)

    def never_wanted(self, before: datetime) -> dict[str, int]:
        """Images whose pictures nobody needs: bytes of them, by digest.

        Of each every correction was rejected, the last time before ``before``, and none was ever
        accepted: so no snapshot holds it.
        """
        pictures, seen = self.shelf.names(PICTURES), self.shelf.names(SEEN)
        decided = self.shelf.names(DECIDED)
        contents = self.shelf.read_all([f"{DECIDED}/{name}" for name in decided])
        wanted = {
            decided_id(path.removeprefix(f"{DECIDED}/"))
            for path, content in contents.items()
            if decision_from(content).state != "rejected"
        }
        kept = {
            one.digest
            for one in self.all()
            if one.state != "rejected"
            or one.id in wanted
            or one.decision is None
            or datetime.fromisoformat(one.decision.when) >= before
        }
        found: dict[str, int] = {}
        for digest in {one.digest for one in self.all()} - kept:
            size = pictures.get(digest, 0) + seen.get(f"{digest}.png", 0)
            if size:
                found[digest] = size
        return found

    def forget(self, digest: str) -> int:
        """Remove the pictures of an image; what was said of it stays. How many files were there."""
        paths = [f"{PICTURES}/{digest}", f"{SEEN}/{digest}.png"]
        there = self.shelf.read_all(paths)
        for path in there:
            self.shelf.remove(path)
        return len(there)


def said_of(
    image: np.ndarray,
    label: str,
    predicted: str,
    confidence: float,
    version: str,
    *,
    image_shape: tuple[int, ...],
    preparation: tuple[str, ...],
    picture: bytes | None = None,
    kind: Kind = "sent",
    path: str = "",
    digest: str = "",
) -> Correction:
    """What is to be kept; the store gives it its id and its time.

    Args:
        image: what the model saw; ``image_shape`` and ``preparation`` are those of its version.
        picture: the file's bytes, where they are kept.
        path, digest: of the file, where it lies in the folder of unlabelled images.
    """
    content = np.ascontiguousarray(image).data if picture is None else picture
    return Correction(
        id="",
        kind=kind,
        label=label,
        predicted=predicted,
        confidence=round(confidence, 6),
        version=version,
        received="",
        digest=digest or hashlib.sha256(content).hexdigest(),
        has_picture=picture is not None,
        image_shape=tuple(image_shape),
        preparation=tuple(preparation),
        path=path,
    )


def corrections_of(project: str, places: Places) -> Corrections:
    """Where the corrections of a project lie: the same place for its page and its workers."""
    home = places.home
    storage = places.storage.rstrip("/")
    root = places.corrections or (f"{storage}/corrections" if storage else f"{home}/corrections")
    lock = home / "locks" / f"corrections-{project}.lock"
    return Corrections(Shelf(f"{root.rstrip('/')}/{project}"), lock)


def _id(now: datetime, sender: str) -> str:
    return f"{now.strftime(STAMP)}-{sender}-{secrets.token_hex(4)}"


def _meant(given: str, known: dict[str, Correction]) -> str:
    found = [one.id for one in known.values() if given in (one.id, one.short)]
    if len(found) != 1:
        what = f"may be {' or '.join(found[:3])}" if found else "is not there"
        raise CorrectionRefused(f"correction {given!r} {what}: `catwalk review` lists them")
    return found[0]
