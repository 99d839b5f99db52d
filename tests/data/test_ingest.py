"""The official files are checked before use, and only complete files reach the cache."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_zoo.data.dataset import SourceFile
from model_zoo.data.fashion_mnist.idx import read_idx, write_idx
from model_zoo.data.fashion_mnist.source import FASHION_MNIST, ingest
from model_zoo.data.split import stratified_split
from model_zoo.errors import UserError


def test_idx_round_trip(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(tmp_path / "a.gz", array)
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


def one_file_dataset(content: bytes):
    import hashlib

    file = SourceFile("f.gz", hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())
    return replace(FASHION_MNIST, files=(file,), mirrors=("http://a", "http://b"))


def test_a_corrupted_download_falls_to_the_next_mirror_and_never_reaches_the_cache(
    tmp_path: Path,
) -> None:
    asked = []

    def fetch(url: str, path: Path) -> None:
        asked.append(url)
        path.write_bytes(b"good" if url.startswith("http://b") else b"bad")

    found = ingest(None, tmp_path, dataset=one_file_dataset(b"good"), fetch=fetch)
    assert asked == ["http://a/f.gz", "http://b/f.gz"]
    assert found.source == "http://b"
    assert [path.name for path in found.folder.iterdir()] == ["f.gz"]


def test_no_mirror_reached_is_one_sentence_and_leaves_nothing_usable(tmp_path: Path) -> None:
    def fetch(url: str, path: Path) -> None:
        raise UserError(f"{url} is away")

    with pytest.raises(UserError, match="CATWALK_DATA_DIR"):
        ingest(None, tmp_path, dataset=one_file_dataset(b"x"), fetch=fetch)
    assert not (tmp_path / "fashion-mnist" / "f.gz").exists()


def test_a_wrong_file_in_the_data_folder_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b"mine")
    with pytest.raises(UserError, match="expected md5"):
        ingest(tmp_path, tmp_path / "cache", dataset=one_file_dataset(b"good"))
    assert (tmp_path / "f.gz").read_bytes() == b"mine"


def test_the_split_is_stratified_seeded_and_disjoint() -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), 100)
    training, validation = stratified_split(labels, 0.1, seed=1, limit=500)
    assert np.bincount(labels[validation]).tolist() == [10] * 10
    assert np.bincount(labels[training]).tolist() == [50] * 10
    assert not set(training) & set(validation)
    again, _ = stratified_split(labels, 0.1, seed=1, limit=500)
    np.testing.assert_array_equal(training, again)
