"""A snapshot as a table: a row an image, in Parquet; it is named by what it says.

The name is a digest of each image, its class and its part, and of the dataset's description. When
an image was first seen, and where it lies, are in the table and not in the name: the same images
are the same snapshot, wherever and whenever somebody looks at them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.pixels import chunks_of
from model_zoo.data.source import Found, ImageFiles
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

if TYPE_CHECKING:
    pass

#: Fields of a description that say how the images came here, not what they are.
CIRCUMSTANCES = ("origin", "licence", "snapshot")
COLUMNS = ("digest", "label", "part", "group", "first_seen", "origin", "size")
DATASET = b"catwalk.dataset"
MADE = b"catwalk.made"


@dataclass(frozen=True)
class Manifest:
    """The images of a snapshot; every column is in the order of the parts and of their images.

    Attributes:
        dataset: description, with the snapshot's name.
        digests: SHA-256 of each image's bytes, hexadecimal.
        labels: classes by name.
        first_seen: seconds since 1970, UTC.
        origins: where each image lies.
        sizes: bytes.
        made: when this was written, as ``first_seen``.
    """

    dataset: Dataset
    digests: Sequence[str]
    labels: Sequence[str]
    parts: Sequence[str]
    groups: Sequence[str]
    first_seen: np.ndarray
    origins: Sequence[str]
    sizes: np.ndarray
    made: int = 0

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def name(self) -> str:
        return self.dataset.snapshot

    def rows_of(self, part: str) -> np.ndarray:
        """Which rows are of a part, integers."""
        return np.flatnonzero(np.asarray(self.parts, dtype=object) == part)

    def write(self, path: Path) -> None:
        """One Parquet file, complete or absent.

        Raises:
            UserError: no room.
        """
        import pyarrow as pa
        import pyarrow.parquet

        table = pa.table(
            {
                "digest": pa.array([bytes.fromhex(one) for one in self.digests], pa.binary(32)),
                "label": pa.array(self.labels).dictionary_encode(),
                "part": pa.array(self.parts).dictionary_encode(),
                "group": list(self.groups),
                "first_seen": pa.array(self.first_seen, pa.timestamp("s", "UTC")),
                "origin": list(self.origins),
                "size": pa.array(self.sizes, pa.int64()),
            },
            metadata={
                DATASET: json.dumps(self.dataset.as_dict()).encode(),
                MADE: str(self.made).encode(),
            },
        )
        with complete_or_absent(path) as partial:
            pyarrow.parquet.write_table(table, partial, compression="zstd")


def read_manifest(path: Path) -> Manifest:
    """The file as it was written.

    Raises:
        UserError: it is no manifest, or its rows are not those that its name stands for.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        found = Manifest(
            Dataset.from_dict(json.loads(table.schema.metadata[DATASET])),
            [one.hex() for one in table["digest"].to_pylist()],
            table["label"].to_pylist(),
            table["part"].to_pylist(),
            table["group"].to_pylist(),
            table["first_seen"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy(),
            table["origin"].to_pylist(),
            table["size"].to_numpy(),
            int(table.schema.metadata[MADE]),
        )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is no snapshot ({reason}): take its file from a backup") from None
    name = name_of(found.dataset, found.digests, found.parts, found.labels)
    if name != found.name:
        raise UserError(
            f"{path} was changed: its images are those of {name}. Take its file from a backup"
        )
    return found


def made_at(path: Path) -> int:
    """When a manifest was written, in seconds since 1970; 0 where the file is none."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_schema(path).metadata[MADE])
    except (OSError, pa.ArrowException, KeyError, TypeError):
        return 0


def manifest_of(found: Found, first_seen: Mapping[str, int], now: int) -> Manifest:
    """What a source found, as a snapshot.

    Args:
        first_seen: of images that were seen before, by digest; others are seen ``now``.
    """
    digests: list[str] = []
    labels: list[str] = []
    parts: list[str] = []
    groups: list[str] = []
    origins: list[str] = []
    sizes: list[np.ndarray] = []
    names = found.dataset.labels
    for part, images in found.parts.items():
        files = found.files.get(part) or files_of(images, found.dataset, part)
        digests += files.digests.astype(str).tolist()
        labels += [names[number] for number in images.labels.tolist()]
        parts += [part] * len(images)
        groups += files.groups
        origins += files.paths
        sizes.append(files.sizes)
    dataset = replace(found.dataset, snapshot=name_of(found.dataset, digests, parts, labels))
    seen = np.array([first_seen.get(one, now) for one in digests], np.int64)
    return Manifest(
        dataset, digests, labels, parts, groups, seen, origins, np.concatenate(sizes), now
    )


def snapshot_of(found: Found) -> str:
    """The name of the snapshot that a source found."""
    return manifest_of(found, {}, 0).name


def files_of(images: Images, dataset: Dataset, part: str) -> ImageFiles:
    """Images that came in no files of their own: each is what its pixels are."""
    digests = np.array(
        [
            hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
            for some in chunks_of(images.images)
            for image in some
        ],
        "S64",
    )
    size = int(np.prod(images.images.shape[1:]))
    paths = tuple(f"{dataset.name}/{part}/{number}" for number in range(len(images)))
    return ImageFiles(
        digests, paths, np.full(len(images), size, np.int64), tuple(digests.astype(str).tolist())
    )


def name_of(
    dataset: Dataset, digests: Sequence[str], parts: Sequence[str], labels: Sequence[str]
) -> str:
    """SHA-256 (16 hex digits) over images, parts, classes and what the description says of them.

    Of the description too: a class that is renamed, or another preparation, makes another dataset
    of the same pixels.
    """
    about = {k: v for k, v in dataset.as_dict().items() if k not in CIRCUMSTANCES}
    lines = [f"{d} {p} {la}" for d, p, la in zip(digests, parts, labels, strict=True)]
    lines.append(json.dumps(about, sort_keys=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Change:
    """What changed from one snapshot to another.

    Attributes:
        added, removed: images by class.
        relabelled: images by their class before and after.
        moved: images in another part than before.
    """

    added: Counter[str]
    removed: Counter[str]
    relabelled: Counter[tuple[str, str]]
    moved: int

    @property
    def nothing(self) -> bool:
        return not (self.added or self.removed or self.relabelled or self.moved)


def change(before: Manifest, after: Manifest) -> Change:
    """Images that came and went, and those that are told otherwise now."""
    old, new = _by_digest(before), _by_digest(after)
    both = old.keys() & new.keys()
    return Change(
        Counter(new[one][0] for one in new.keys() - both),
        Counter(old[one][0] for one in old.keys() - both),
        Counter((old[one][0], new[one][0]) for one in both if old[one][0] != new[one][0]),
        sum(old[one][1] != new[one][1] for one in both),
    )


def _by_digest(one: Manifest) -> dict[str, tuple[str, str]]:
    return dict(zip(one.digests, zip(one.labels, one.parts, strict=True), strict=True))
