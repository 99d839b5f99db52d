"""A dataset is kept whole or not at all, by a name that follows from what it is."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.manifest import snapshot_of
from model_zoo.data.pixels import StoredPixels
from model_zoo.data.source import Found
from model_zoo.data.store import describe, keep, load
from model_zoo.errors import UserError

DATASET = Dataset("tiles", ("dark", "light"), (4, 5, 3), ("fit",), origin="made up", licence="CC0")


def found(dataset: Dataset = DATASET, value: int = 7) -> Found:
    def part(count: int) -> Images:
        images = np.full((count, *dataset.array_shape), value, np.uint8)
        return Images(images, np.arange(count, dtype=np.int32) % 2)

    return Found(dataset, part(6), part(4))


def test_what_is_kept_is_described_and_mapped(tmp_path: Path) -> None:
    kept = keep(found(), tmp_path)
    assert kept == replace(DATASET, snapshot=kept.snapshot)
    assert describe(tmp_path, kept.snapshot) == kept
    for name, expected in (("training", found().training), ("test", found().test)):
        part = load(tmp_path, kept.snapshot, name)
        assert isinstance(part.images, StoredPixels), "not read into memory"
        np.testing.assert_array_equal(part.images[:], expected.images)
        np.testing.assert_array_equal(part.labels, expected.labels)
        assert part.images.dtype == np.uint8 and part.labels.dtype == np.int32


def test_the_same_again_is_not_written_again(tmp_path: Path) -> None:
    folder = tmp_path / keep(found(), tmp_path).snapshot
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    keep(found(), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder], "nothing half-written beside it"


def test_its_name_follows_from_images_and_description_but_not_from_the_way_they_came() -> None:
    names = {
        snapshot_of(found(dataset, value))
        for dataset, value in (
            (DATASET, 7),
            (DATASET, 8),
            (replace(DATASET, labels=("black", "light")), 7),
            (replace(DATASET, preparation=("upright", "fit")), 7),
            (replace(DATASET, generated=True), 7),
        )
    }
    assert len(names) == 5
    assert snapshot_of(found(replace(DATASET, origin="a mirror"))) == snapshot_of(found())


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset abc is not in .*: run the step `ingest`"):
        load(tmp_path, "abc", "test")


KEEPER = """
import sys, time
from pathlib import Path
import numpy as np
import model_zoo.data.store as store
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.source import Found

write = np.save
def slowly(path, *arguments, **options):
    write(path, *arguments, **options)
    print("writing", flush=True)
    time.sleep(60)
np.save = slowly
part = Images(np.zeros((9, 4, 5), np.uint8), np.zeros(9, np.int32))
store.keep(Found(Dataset("tiles", ("a",), (4, 5, 1), ()), part, part), Path(sys.argv[1]))
"""


def test_killed_while_writing_it_is_absent_and_the_next_try_is_whole(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, tmp_path],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None and process.stdout.readline() == b"writing\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [path.name.startswith(".partial-") for path in tmp_path.iterdir()] == [True]
    part = Images(np.zeros((9, 4, 5), np.uint8), np.zeros(9, np.int32))
    dataset = keep(Found(Dataset("tiles", ("a",), (4, 5, 1), ()), part, part), tmp_path)
    assert len(load(tmp_path, dataset.snapshot, "training")) == 9


def test_a_description_survives_json(tmp_path: Path) -> None:
    assert Dataset.from_dict(DATASET.as_dict()) == DATASET
    assert replace(DATASET, image_shape=(4, 5, 1)).array_shape == (4, 5)
    assert DATASET.array_shape == (4, 5, 3)


@pytest.mark.parametrize("name", ["training.rows.npy", "training.labels.npy", "shards/00000.npy"])
@pytest.mark.parametrize("left", [0, 40, 0.9])
def test_a_dataset_that_was_cut_short_is_one_sentence(
    tmp_path: Path, name: str, left: float
) -> None:
    kept = keep(found(), tmp_path)
    path = tmp_path / kept.snapshot / name
    content = path.read_bytes()
    path.write_bytes(content[: int(left if left > 1 else left * len(content))])
    with pytest.raises(UserError, match=rf"dataset {kept.snapshot} is damaged .*: delete "):
        load(tmp_path, kept.snapshot, "training")
