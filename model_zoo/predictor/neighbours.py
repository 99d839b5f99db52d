"""A small sample of the training images with a version's embeddings: what is a picture like?

It is made when the version is registered and lies on its run, the same for every machine: so many
images of each class, at most :data:`MOST`, a few megabytes. Of each its embedding of length 1 in
float16, and a small picture. Searched whole: a thousand rows take a fraction of a millisecond.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.data.pixels import Pixels
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent
from model_zoo.predictor.served_classifier import ServedClassifier
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version

FILE = "review/neighbours.npz"  # among the artifacts of the version's run
MOST = 1000
MOST_BYTES = 4 * 2**20  # of embeddings
SIDE = 64  # of a small picture
QUALITY = 80


@dataclass(frozen=True)
class Neighbour:
    """A training image: its class, the cosine of its embedding with that asked for, a JPEG."""

    label: str
    likeness: float
    picture: bytes


@dataclass(frozen=True)
class Neighbours:
    """The sample.

    Attributes:
        embeddings: float16 (N, c), each of length 1.
        labels: class of each, by name.
        pictures: JPEG files.
    """

    embeddings: np.ndarray
    labels: tuple[str, ...]
    pictures: tuple[bytes, ...]

    def nearest(self, embedding: np.ndarray, count: int = 5) -> list[Neighbour]:
        """The training images that are most like one, the likest first.

        Args:
            embedding: float (c,).
        """
        if embedding.shape != self.embeddings.shape[1:]:
            return []  # of another version
        likeness = self.embeddings.astype(np.float32) @ unit(embedding[None])[0]
        return [
            Neighbour(self.labels[row], float(likeness[row]), self.pictures[row])
            for row in np.argsort(-likeness, kind="stable")[:count]
        ]


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings of length 1, float32 (N, c); one that is all zeros stays so."""
    values = np.asarray(embeddings, np.float32)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def write_sample(
    path: Path, classifier: ServedClassifier, images: Pixels, labels: np.ndarray, seed: int
) -> None:
    """Draw the sample, as many of each class as there are or its share allows, and write it.

    Args:
        labels: int (N,) of the training images.

    Raises:
        UserError: no room; the version gives no embeddings.
    """
    _, first = classifier.answers_of(images[:1])
    most = max(1, min(MOST, MOST_BYTES // (2 * first.shape[1])))
    rows = balanced(labels, most, seed)
    some = images[rows]
    _, embeddings = classifier.answers_of(some)
    pictures = [_small(image) for image in some]
    names = np.array([classifier.labels[number] for number in labels[rows]])
    with complete_or_absent(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            embeddings=unit(embeddings).astype(np.float16),
            labels=names,
            pictures=np.frombuffer(b"".join(pictures), np.uint8),
            lengths=np.array([len(one) for one in pictures], np.int64),
        )


def read_sample(path: Path) -> Neighbours:
    """What :func:`write_sample` wrote.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            ends = np.cumsum(stored["lengths"])
            content = stored["pictures"].tobytes()
            starts = ends - stored["lengths"]
            pictures = tuple(content[a:b] for a, b in zip(starts, ends, strict=True))
            return Neighbours(stored["embeddings"], tuple(stored["labels"].tolist()), pictures)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}): remove it, and it is fetched anew") from None


def neighbours_of(store: Store, version: Version, cache_dir: Path) -> Neighbours | None:
    """The sample of a registered version, fetched once; None: it has none.

    Raises:
        UserError: MLflow is away, or the file is damaged.
    """
    path = cache_dir / "neighbours" / f"{version.run_id}.npz"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
            fetched = fetch_run_file(store, version.run_id, FILE, Path(folder))
            if fetched is None:
                return None
            with complete_or_absent(path) as partial:
                shutil.copyfile(fetched, partial)
    return read_sample(path)


def balanced(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Rows, sorted, of at most ``most`` images: as many of each class, all of a rare one."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    starts = np.searchsorted(labels[order], labels[order])
    place = np.arange(len(order)) - starts  # of each image within its class
    return np.sort(order[np.argsort(place, kind="stable")[:most]])


def _small(image: np.ndarray) -> bytes:
    picture = Image.fromarray(np.asarray(image))
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()
