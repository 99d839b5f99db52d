"""What is remembered of every image that a project has ever seen, whether it is there today or not.

When it was first seen, its group, and its part: an image that comes back, or that another one
joins, is never moved. One Parquet file, replaced at once; it only grows, but for what is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from model_zoo.data.manifest import Manifest
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

FILE = "seen.parquet"


class Seen(NamedTuple):
    """An image: when it was first seen (seconds since 1970, UTC), its group and its part."""

    first: int
    group: str
    part: str


def read_seen(folder: Path) -> dict[str, Seen]:
    """Every image of the project by its digest; none where nothing was seen yet.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        columns = (table[name].to_pylist() for name in ("first_seen", "group", "part"))
        digests = [one.hex() for one in table["digest"].to_pylist()]
        return dict(zip(digests, map(Seen, *columns), strict=True))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}): take it from a backup, or remove "
            "it, and images are divided anew"
        ) from None


def write_seen(folder: Path, seen: Mapping[str, Seen]) -> None:
    """Replace the file.

    Raises:
        UserError: no room; the old file stays.
    """
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table(
        {
            "digest": pa.array([bytes.fromhex(one) for one in seen], pa.binary(32)),
            "first_seen": pa.array([one.first for one in seen.values()], pa.int64()),
            "group": pa.array([one.group for one in seen.values()], pa.string()),
            "part": pa.array([one.part for one in seen.values()]).dictionary_encode(),
        }
    )
    with complete_or_absent(folder / FILE) as partial:
        pyarrow.parquet.write_table(table, partial, compression="zstd")


def newly_seen(manifest: Manifest, seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """The images of a manifest that were not seen before, or are told of otherwise now."""
    rows = zip(
        manifest.digests,
        map(Seen, manifest.first_seen.tolist(), manifest.groups, manifest.parts),
        strict=True,
    )
    return {digest: one for digest, one in rows if seen.get(digest) != one}


def united(ours: Mapping[str, Seen], theirs: Mapping[str, Seen]) -> dict[str, Seen]:
    """Both; of an image that both know, what was seen first."""
    found = dict(ours)
    for digest, one in theirs.items():
        if digest not in found or one.first < found[digest].first:
            found[digest] = one
    return found
