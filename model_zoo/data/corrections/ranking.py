"""Which unlabelled images to label first, as the last look found, where the page reads it."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from model_zoo.data.corrections.limits import CorrectionRefused
from model_zoo.data.corrections.records import Correction
from model_zoo.data.corrections.store import Corrections, said_of

FILE = "next.json"


@dataclass(frozen=True)
class Unlabelled:
    """One image: where it lies in its folder, how much its label would tell (0..1), production's
    opinion, and as a PNG what the model sees."""

    path: str
    digest: str
    score: float
    predicted: str
    confidence: float
    image_shape: tuple[int, ...]
    preparation: tuple[str, ...]
    png: str

    @property
    def image(self) -> np.ndarray:
        """What the model sees, uint8 (h, w) or (h, w, 3)."""
        with Image.open(io.BytesIO(base64.b64decode(self.png))) as opened:
            return np.asarray(opened)


@dataclass(frozen=True)
class Ranking:
    """``count`` images lay there when ``version`` looked; ``first`` are those to label first."""

    version: str
    count: int
    first: tuple[Unlabelled, ...]


def keep_ranking(corrections: Corrections, ranking: Ranking) -> None:
    """Replace the last one."""
    corrections.shelf.write(FILE, json.dumps(asdict(ranking)).encode())


def ranking_of(corrections: Corrections) -> Ranking | None:
    """The last one, without what has a label by now; None: nobody has looked."""
    content = corrections.shelf.read(FILE)
    if content is None:
        return None
    values = json.loads(content)
    done = {one.digest for one in corrections.all()}
    first = (_unlabelled(one) for one in values["first"])
    return Ranking(
        values["version"], values["count"], tuple(one for one in first if one.digest not in done)
    )


def _unlabelled(values: dict[str, Any]) -> Unlabelled:
    lists = {name: tuple(values[name]) for name in ("image_shape", "preparation")}
    return Unlabelled(**values | lists)


def label_unlabelled(corrections: Corrections, digest: str, label: str, who: str) -> Correction:
    """Give an image of the ranking its class: it joins the next snapshot.

    Raises:
        CorrectionRefused: it is not in the ranking, or has a label by now.
    """
    ranking = ranking_of(corrections)
    meant = [one for one in (ranking.first if ranking else ()) if one.digest == digest]
    if not meant:
        raise CorrectionRefused("this image has a label by now, or another look was taken")
    (one,) = meant
    said = said_of(
        one.image,
        label,
        one.predicted,
        one.confidence,
        ranking.version if ranking else "",
        image_shape=one.image_shape,
        preparation=one.preparation,
        kind="labelled",
        path=one.path,
        digest=one.digest,
    )
    return corrections.label(one.image, said, who)
