"""The four official files: where they are looked for, their checksums, how they are fetched."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.download import download
from model_zoo.data.fashion_mnist.idx import read_idx
from model_zoo.data.source import Say
from model_zoo.errors import Unavailable, UserError
from model_zoo.files import complete_or_absent
from model_zoo.locks import locked

HOMEPAGE = "https://github.com/zalandoresearch/fashion-mnist"
Fetch = Callable[[str, Path], None]


@dataclass(frozen=True)
class OfficialFile:
    """One file with the checksums of its published content."""

    name: str
    md5: str
    sha256: str


# MD5 as the authors publish it; SHA-256 as recorded from files that carry those MD5 sums.
FILES = (
    OfficialFile(
        "train-images-idx3-ubyte.gz",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    OfficialFile(
        "train-labels-idx1-ubyte.gz",
        "25c81989df183df01b3e8a0aad5dffbe",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    OfficialFile(
        "t10k-images-idx3-ubyte.gz",
        "bef4ecab320f06d8554ea6380940ec79",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    OfficialFile(
        "t10k-labels-idx1-ubyte.gz",
        "bb300cfdad3c16e7a12a480ee83cd310",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)


def check_file(path: Path, file: OfficialFile) -> None:
    """Compare a file with the published checksums.

    Raises:
        UserError: absent, or another MD5 or SHA-256 than published.
    """
    if not path.is_file():
        if path.with_suffix("").is_file():
            raise UserError(
                f"{path.with_suffix('')} is unpacked: expected the official file {path.name}, "
                f"still compressed, as only that can be checked. Fetch it from {HOMEPAGE}"
            )
        raise UserError(f"{path} does not exist: put the four official files into {path.parent}")
    content = path.read_bytes()
    for kind, expected in (("md5", file.md5), ("sha256", file.sha256)):
        received = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        if received != expected:
            raise UserError(
                f"{path} is corrupted or truncated: expected {kind} {expected}, received "
                f"{received}. Delete it and run again, or fetch it from {HOMEPAGE}"
            )


def find_files(
    data_dir: Path | None,
    cache: Path,
    say: Say,
    *,
    files: tuple[OfficialFile, ...] = FILES,
    mirrors: tuple[str, ...] = MIRRORS,
    fetch: Fetch | None = None,
) -> tuple[Path, str]:
    """Find the official files: ``data_dir``, else ``cache``, else the mirrors; always checked.

    A file that is wrong in the cache is fetched anew; one that is wrong in ``data_dir`` is the
    user's and is reported, never replaced.

    Returns:
        The folder where they lie, and where they came from.

    Raises:
        UserError: a file fails its checksum; Unavailable: a mirror does not answer.
    """
    if data_dir is not None:
        for file in files:
            check_file(data_dir / file.name, file)
        return data_dir, "CATWALK_DATA_DIR"
    origin = "the cache"
    fetch = fetch or partial(download, say=say)
    with locked(cache.with_name(f"{cache.name}.lock")):  # two that resume one download spoil it
        for file in files:
            try:
                check_file(cache / file.name, file)
            except UserError:
                origin = _fetch_from_a_mirror(file, cache, mirrors, fetch, say)
    return cache, origin


def _fetch_from_a_mirror(
    file: OfficialFile, folder: Path, mirrors: tuple[str, ...], fetch: Fetch, say: Say
) -> str:
    failures: list[UserError] = []
    arriving = folder / f"{file.name}.part"  # kept when cut off: the next try resumes it
    folder.mkdir(parents=True, exist_ok=True)
    for mirror in mirrors:
        say(f"Fetching {file.name} from {mirror}")
        try:
            fetch(f"{mirror}/{file.name}", arriving)
            check_file(arriving, file)
        except UserError as error:
            failures.append(error)
            if arriving.exists() and "corrupted" in str(error):
                arriving.unlink()
            continue
        with complete_or_absent(folder / file.name) as partial:
            shutil.copyfile(arriving, partial)
        arriving.unlink()
        return mirror
    # Where one does not answer, it may the next time.
    away = any(isinstance(one, Unavailable) for one in failures)
    raise (Unavailable if away else UserError)(
        f"no mirror gave {file.name} ({'; '.join(map(str, failures))}). Go online, or set "
        "CATWALK_DATA_DIR to a folder with the four official files"
    )


def read_files(folder: Path) -> tuple[Images, Images]:
    """Read the four files: training images (60,000) and test images (10,000).

    Raises:
        UserError: a file that is not IDX, or is truncated.
    """
    train_x, train_y, test_x, test_y = (read_idx(folder / file.name) for file in FILES)
    return Images(train_x, train_y.astype(np.int32)), Images(test_x, test_y.astype(np.int32))
