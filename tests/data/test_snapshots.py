"""A snapshot says which images there were; it never changes, and an old one can be had again."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from model_zoo.data import forgotten, snapshots, store
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.manifest import change, manifest_of, read_manifest, snapshot_of
from model_zoo.data.pixel_store import DIGEST, PixelStore, store_folder
from model_zoo.data.seen import Seen, newly_seen, read_seen, united, write_seen
from model_zoo.data.source import Found, ImageFiles
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings, Places

DATASET = Dataset("tiles", ("dark", "light"), (4, 5, 1), ("fit",))
DATA = DataSettings(source="tiles")


def quiet(words: str) -> None: ...


def found(numbers: range, relabelled: int = -1) -> Found:
    """Every fourth image tests; an image's pixels are its number, its class whether that is odd."""

    def part(mine: list[int]) -> Images:
        images = np.array([np.full((4, 5), n % 251, np.uint8) for n in mine])
        return Images(images, np.array([(n + (n == relabelled)) % 2 for n in mine], np.int32))

    test = [n for n in numbers if n % 4 in (0, 1) and n % 8 < 4]
    return Found(DATASET, part([n for n in numbers if n not in test]), part(test))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.load(home=tmp_path).of("tiles")


def test_a_run_leaves_a_table_of_its_images_named_by_what_it_says(places: Places) -> None:
    dataset = snapshots.keep(found(range(16)), DATA, places, quiet)
    path = places.home / "data" / "tiles" / "snapshots" / f"{dataset.snapshot}.parquet"
    table = pq.read_table(path)
    assert table.column_names == [
        "digest", "label", "part", "group", "first_seen", "origin", "size",
    ]  # fmt: skip
    assert Counter(table["part"].to_pylist()) == {"training": 12, "test": 4}
    kept = read_manifest(path)
    assert kept.name == dataset.snapshot and kept.dataset.labels == ("dark", "light")
    assert abs(kept.first_seen[0] - time.time()) < 60 and set(kept.sizes) == {20}


def test_the_same_images_are_the_same_snapshot_whenever_they_are_seen(places: Places) -> None:
    first = snapshots.keep(found(range(16)), DATA, places, quiet)
    path = snapshots.path_of(places.project_data, first.snapshot)
    before = path.read_bytes()
    again = snapshots.keep(found(range(16)), DATA, places, quiet)
    assert again.snapshot == first.snapshot and path.read_bytes() == before
    assert snapshots.keep(found(range(17)), DATA, places, quiet).snapshot != first.snapshot


def test_what_changed_between_two_is_told_by_class() -> None:
    old, new = (manifest_of(one, {}, 0) for one in (found(range(16)), found(range(2, 24), 3)))
    told = change(old, new)
    assert told.added == {"dark": 4, "light": 4} and told.removed == {"dark": 1, "light": 1}
    assert told.relabelled == {("light", "dark"): 1} and not told.moved
    assert change(old, old).nothing


def test_an_image_keeps_the_day_on_which_it_was_first_seen(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.keep(found(range(16)), DATA, places, quiet)
    day = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: day)
    more = snapshots.keep(found(range(18)), DATA, places, quiet)
    seen = snapshots.read(places.project_data, more.snapshot).first_seen
    assert sorted(Counter(seen).values()) == [2, 16] and seen.max() == int(day)


@pytest.mark.fault(
    "the clock goes back", saw="it is told; no image becomes older than it is", lost="nothing"
)
def test_a_clock_that_goes_back_makes_nothing_older_and_is_told(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.keep(found(range(16)), DATA, places, quiet)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    said: list[str] = []
    more = snapshots.keep(found(range(18)), DATA, places, said.append)
    seen = snapshots.read(places.project_data, more.snapshot).first_seen
    assert seen.min() > 1000 and "clock is" in said[0]


def test_a_clock_that_was_ahead_for_a_day_makes_nothing_too_old_for_the_window(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = time.time()
    monkeypatch.setattr(time, "time", lambda: today)
    snapshots.keep(found(range(16)), DATA, places, quiet)
    monkeypatch.setattr(time, "time", lambda: today + 400 * 86_400)
    snapshots.keep(found(range(18)), DATA, places, quiet)
    monkeypatch.setattr(time, "time", lambda: today + 86_400)
    windowed, said = DATA.model_copy(update={"window": "30d"}), list[str]()
    dataset = snapshots.keep(found(range(20)), windowed, places, said.append)
    seen = snapshots.read(places.project_data, dataset.snapshot).first_seen
    assert len(seen) == 20 and "clock is" in said[0], "none is newer than what came before it"
    assert sorted(Counter(seen).values()) == [4, 16] and seen.max() - seen.min() == 400 * 86_400


def test_a_window_of_days_trains_on_what_is_recent_and_tests_on_everything(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.keep(found(range(16)), DATA, places, quiet)
    later = time.time() + 10 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    windowed = DATA.model_copy(update={"window": "5d"})
    said: list[str] = []
    dataset = snapshots.keep(found(range(24)), windowed, places, said.append)
    kept = snapshots.read(places.project_data, dataset.snapshot)
    assert Counter(kept.parts) == {"training": 6, "test": 6}
    assert said == ["6 of 18 training images are within data.window = 5d"]
    last = snapshots.keep(found(range(24)), DATA.model_copy(update={"window": "9"}), places, quiet)
    assert Counter(snapshots.read(places.project_data, last.snapshot).parts)["training"] == 9


def test_a_window_without_a_class_is_a_sentence(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.keep(found(range(16)), DATA, places, quiet)
    later = time.time() + 10 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    windowed = DATA.model_copy(update={"window": "5d"})
    with pytest.raises(UserError, match=r"data.window = '5d' leaves class 'dark' without"):
        snapshots.keep(found(range(16)), windowed, places, quiet)


def test_a_window_that_is_none_is_refused_with_the_setting() -> None:
    with pytest.raises(ValueError, match="window"):
        DataSettings(window="six months")


def from_files(places: Places, count: int) -> Found:
    """Images that lie in the pixel store, as those of a folder do."""
    pixels = PixelStore(store_folder(places.cache_dir, DATASET.image_shape, DATASET.preparation))
    names = np.array([f"{n + 1:064x}" for n in range(count)], DIGEST)
    new = [n for n, row in enumerate(pixels.rows_of(names)) if row < 0]
    if new:
        pixels.add([f"{n + 1:064x}" for n in new], [np.full((4, 5), n, np.uint8) for n in new])
    rows = pixels.rows_of(names)
    parts, files = {}, {}
    for part, mine in (("training", np.arange(4, count)), ("test", np.arange(4))):
        parts[part] = Images(pixels.pixels(rows[mine]), (mine % 2).astype(np.int32))
        paths = tuple(f"{n}.png" for n in mine)
        groups = tuple(names[mine].astype(str).tolist())
        files[part] = ImageFiles(names[mine], paths, np.ones(len(mine), np.int64), groups)
    return Found(DATASET, parts["training"], parts["test"], files=files)


def test_an_old_snapshot_is_had_again_from_what_was_decoded(places: Places) -> None:
    old = snapshots.keep(from_files(places, 12), DATA, places, quiet)
    snapshots.keep(from_files(places, 20), DATA, places, quiet)
    before = store.load(places.datasets_dir, old.snapshot, "training").images[:]
    for folder in places.datasets_dir.iterdir():
        folder.rename(places.home / folder.name)  # a cache may be emptied

    def look() -> Found:
        raise AssertionError("no file has to be read again")

    again = snapshots.restored(old.snapshot[:6], places, look)
    assert again == old
    after = store.load(places.datasets_dir, old.snapshot, "training").images[:]
    np.testing.assert_array_equal(after, before)


def test_a_snapshot_whose_images_are_gone_is_a_sentence_with_their_number(places: Places) -> None:
    old = snapshots.keep(from_files(places, 12), DATA, places, quiet)
    places.cache_dir.rename(places.home / "elsewhere")
    with pytest.raises(UserError, match=r"4 of its 12 images are neither"):
        snapshots.restored(old.snapshot, places, lambda manifest: from_files(places, 8))
    with pytest.raises(UserError, match=rf"no snapshot 'abcd'.* {old.snapshot}"):
        snapshots.restored("abcd", places, lambda manifest: from_files(places, 8))


def test_a_manifest_that_was_changed_is_refused(places: Places) -> None:
    dataset = snapshots.keep(found(range(16)), DATA, places, quiet)
    path = snapshots.path_of(places.project_data, dataset.snapshot)
    kept = read_manifest(path)
    replace(kept, labels=["dark"] * len(kept)).write(path)
    with pytest.raises(UserError, match="was changed"):
        read_manifest(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="is no snapshot"):
        read_manifest(path)


def test_a_forgotten_image_leaves_every_store(places: Places) -> None:
    dataset = snapshots.keep(from_files(places, 12), DATA, places, quiet)
    digest = f"{8:064x}"
    forgotten.note(places.project_data, digest, "its owner asked")
    assert forgotten.blacken(places.cache_dir, places.datasets_dir, digest) == 1
    training = store.load(places.datasets_dir, dataset.snapshot, "training").images[:]
    assert not (training == 7).any() and (training == 8).any(), "the datasets' links too"
    pixels = PixelStore(store_folder(places.cache_dir, DATASET.image_shape, DATASET.preparation))
    assert pixels.rows_of(np.array([digest], DIGEST)) == -1
    assert digest not in read_seen(places.project_data)
    assert forgotten.forgotten(places.project_data)[digest]["why"] == "its owner asked"
    with pytest.raises(UserError, match="holds an image that was forgotten"):
        snapshots.restored(dataset.snapshot, places, lambda manifest: from_files(places, 12))


def test_of_what_two_machines_saw_the_earlier_counts(tmp_path: Path) -> None:
    ours = {"aa" * 32: Seen(5, "a", "test"), "bb" * 32: Seen(9, "b", "training")}
    theirs = {"aa" * 32: Seen(7, "x", "training"), "cc" * 32: Seen(8, "c", "test")}
    both = united(ours, theirs)
    assert both == ours | {"cc" * 32: theirs["cc" * 32]}
    write_seen(tmp_path, both)
    assert read_seen(tmp_path) == both
    assert not newly_seen(manifest_of(found(range(0)), {}, 0), both)


def test_seventy_thousand_small_images_are_named_in_a_second() -> None:
    """Fashion-MNIST's number: what has no files is named by its pixels."""
    images = np.random.default_rng(0).integers(0, 256, (70_000, 28, 28), np.uint8)
    labels = np.zeros(70_000, np.int32)
    dataset = replace(DATASET, image_shape=(28, 28, 1))
    started = time.process_time()
    snapshot_of(
        Found(
            dataset,
            Images(images[10_000:], labels[10_000:]),
            Images(images[:10_000], labels[:10_000]),
        )
    )
    assert time.process_time() - started < 2
