"""The official files are checked before use, and only complete files reach the cache."""

import gzip
import hashlib
import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo.data.fashion_mnist.idx import read_idx
from model_zoo.data.fashion_mnist.official_files import FILES, OfficialFile, find_files
from model_zoo.data.source import SOURCES
from model_zoo.errors import Unavailable, UserError
from model_zoo.settings import DataSettings, Places


def nothing_said(text: str) -> None:
    pass


def offline(url: str, path: Path) -> None:
    raise Unavailable(f"{url} is away")


@pytest.mark.parametrize("shape", [(6,), (2, 3, 4)])
def test_what_idx_says_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *shape)
    (tmp_path / "a.gz").write_bytes(gzip.compress(header + array.tobytes()))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), array)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no gzip", "not a complete gzip file"),
        (gzip.compress(b"PNG is not IDX"), "is not an IDX file"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x05abc"), "does not hold what its header states"),
        (gzip.compress(b"\0\0\x08\x03\0\0"), "truncated inside its header"),
        (gzip.compress(b"x" * 1000)[:20], "not a complete gzip file"),
    ],
    # Names of their own: gzip writes the time of day, and workers have to collect the same tests.
    ids=["no gzip", "another kind", "too short", "half a header", "cut off"],
)
def test_what_is_not_idx_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "bad.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_idx(path)


def one_file(content: bytes) -> dict[str, Any]:
    """As arguments of `find_files`: a single file of this content, two mirrors."""
    sums = (hashlib.new(kind, content).hexdigest() for kind in ("md5", "sha256"))
    return {"files": (OfficialFile("f.gz", *sums),), "mirrors": ("http://a", "http://b")}


@pytest.mark.fault("a mirror sends a damaged file", saw="the next mirror is asked", lost="nothing")
def test_a_corrupted_download_falls_to_the_next_mirror_and_never_reaches_the_cache(
    tmp_path: Path,
) -> None:
    asked, said = [], []

    def fetch(url: str, path: Path) -> None:
        asked.append(url)
        path.write_bytes(b"good" if url.startswith("http://b") else b"bad")

    cache = tmp_path / "fashion-mnist"
    folder, origin = find_files(None, cache, said.append, **one_file(b"good"), fetch=fetch)
    assert asked == ["http://a/f.gz", "http://b/f.gz"]
    assert said == ["Fetching f.gz from http://a", "Fetching f.gz from http://b"]
    assert origin == "http://b" and folder == cache
    assert [path.name for path in folder.iterdir()] == ["f.gz"]
    again = find_files(None, cache, nothing_said, **one_file(b"good"), fetch=offline)
    assert again == (cache, "the cache")


def test_a_file_that_is_wrong_in_the_cache_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b"damaged")

    def fetch(url: str, path: Path) -> None:
        path.write_bytes(b"good")

    find_files(None, tmp_path, nothing_said, **one_file(b"good"), fetch=fetch)
    assert (tmp_path / "f.gz").read_bytes() == b"good"


def test_no_mirror_reached_is_one_sentence_and_leaves_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CATWALK_DATA_DIR"):
        find_files(None, tmp_path / "cache", nothing_said, **one_file(b"x"), fetch=offline)
    assert not (tmp_path / "cache" / "f.gz").exists()


def test_a_wrong_file_in_the_data_folder_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b"mine")
    with pytest.raises(UserError, match="expected md5"):
        find_files(tmp_path, tmp_path / "cache", nothing_said, **one_file(b"good"))
    assert (tmp_path / "f.gz").read_bytes() == b"mine"


def test_files_that_were_unpacked_are_told_from_files_that_are_missing(tmp_path: Path) -> None:
    find = SOURCES.get("fashion-mnist")
    # Generating is allowed, but a folder that somebody names is never passed over.
    places = Places.load(home=tmp_path / "home", data_dir=tmp_path, allow_generated=True)
    with pytest.raises(UserError, match="does not exist: put the four official files into"):
        find(DataSettings(), places, nothing_said)
    (tmp_path / FILES[0].name.removesuffix(".gz")).write_bytes(b"unpacked")
    with pytest.raises(UserError, match=r"ubyte is unpacked: expected the official file train-"):
        find(DataSettings(), places, nothing_said)


def test_where_nothing_can_be_had_the_sample_is_generated_and_said_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_network = partial(find_files, fetch=offline)
    monkeypatch.setattr("model_zoo.data.fashion_mnist.source.find_files", without_network)
    find, said = SOURCES.get("fashion-mnist"), []
    places = Places.load(home=tmp_path, allow_generated=True)
    places = places.model_copy(update={"data_dir": None})
    found = find(DataSettings(), places, said.append)
    assert "GENERATED SAMPLE instead of real data" in said[-1]
    assert found.dataset.generated and "not real garments" in found.dataset.origin
    for part, size in ((found.training, 6000), (found.test, 1000)):
        assert part.images.shape == (size, *found.dataset.array_shape)
        assert part.images.dtype == np.uint8 and part.labels.dtype == np.int32
        assert set(np.bincount(part.labels)) == {size // len(found.dataset.labels)}
    again = find(DataSettings(), places, said.append)
    np.testing.assert_array_equal(again.training.images, found.training.images)
    with pytest.raises(Unavailable, match="no mirror gave"):
        find(DataSettings(), places.model_copy(update={"allow_generated": False}), said.append)


def test_the_official_files_give_what_their_authors_describe(
    official_files: Path, tmp_path: Path
) -> None:
    places = Places.load(home=tmp_path, data_dir=official_files)
    found = SOURCES.get("fashion-mnist")(DataSettings(), places, nothing_said)
    assert not found.dataset.generated and found.dataset.licence == "MIT"
    assert found.dataset.origin == "official files from CATWALK_DATA_DIR, checksums agree"
    assert len(found.training) == 60_000 and len(found.test) == 10_000
    assert np.bincount(found.test.labels).tolist() == [1000] * len(found.dataset.labels)
    assert found.test.labels.dtype == np.int32
