"""However images come and go, none changes its part, and nor does what looks like it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.data import snapshots
from model_zoo.data.image_folder.division import Divided, divide
from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.groups import BETWEEN
from model_zoo.data.image_folder.layouts import Arranged, Item, arrange
from model_zoo.data.image_folder.listing import File
from model_zoo.data.image_folder.source import find
from model_zoo.data.manifest import Manifest, change
from model_zoo.data.near_duplicates import MOST_COLOUR, MOST_SIGNS, near_pairs, prints_of
from model_zoo.data.pixel_store import PixelStore, store_folder
from model_zoo.data.seen import Seen
from model_zoo.settings import DataSettings, Places

DATA = DataSettings(source="image-folder")
LABELS = ("cat", "dog", "owl")
NEAR = 2  # images are places on a line; what lies this near looks all but the same


@dataclass
class Line:
    """A folder whose images are places on a line, so that anybody can say which are alike."""

    places: dict[str, int] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    day: int = 0

    def add(self, place: int, label: str, group: str = "") -> str:
        digest = f"{len(self.places):064x}"
        self.places[digest], self.classes[digest], self.groups[digest] = place, label, group
        return digest

    def near(self, digests: Sequence[str]) -> Iterator[tuple[str, str]]:
        for one in digests:
            for other in digests:
                new = other not in self.seen
                if one in self.seen or one == other or (new and other < one):
                    continue
                if abs(self.places[one] - self.places[other]) <= NEAR:
                    yield one, other

    def run(self, present: list[str] | None = None) -> Divided:
        """A run on these images, all by default; it is remembered."""
        arranged, known = Arranged("root", "class folders"), {}
        for digest in present or list(self.places):
            path = f"{digest}.png"
            arranged.items.append(
                Item(File(path, 1, "then"), self.classes[digest], None, self.groups[digest])
            )
            known[path] = Known(path, 1, "then", digest, "", 8, 8, "PNG", False, False)
        found = divide(arranged, known, DATA, self.seen, self.near)
        for digest, (_, part) in found.images.items():
            old = self.seen.get(digest)
            first = old.first if old else self.day
            self.seen[digest] = Seen(first, found.groups[digest], part)
        self.day += 1
        return found


@pytest.mark.parametrize("seed", range(2))
def test_fifty_arrivals_move_no_image_and_no_twin_and_nothing_learned_is_tested(seed: int) -> None:
    chance, line = random.Random(seed), Line()
    first_part: dict[str, str] = {}
    learned: set[str] = set()
    for _ in range(50):
        for _ in range(chance.randrange(1, 25)):
            line.add(chance.randrange(900), chance.choice(LABELS))
        present = [one for one in line.places if chance.random() < 0.9]  # some are away for a time
        found = line.run(present)
        for digest, (_, part) in found.images.items():
            assert first_part.setdefault(digest, part) == part
        tested = {one for one, (_, part) in found.images.items() if part == "test"}
        assert not tested & learned, "a version is judged on what no version was trained on"
        learned |= {one for one, (_, part) in found.images.items() if part == "training"}
        for one in tested:
            for other in learned:
                assert abs(line.places[one] - line.places[other]) > NEAR, "nor on its near-twin"


def grown_until_apart() -> tuple[Line, int, int]:
    """A line on which two images in different parts are almost near, with room between them."""
    line = Line()
    for place in range(0, 400, 4):
        line.add(place, LABELS[place // 4 % 3])
    found = line.run()
    parts = [found.images[one][1] for one in sorted(line.places)]
    at = next(i for i in range(len(parts) - 1) if {parts[i], parts[i + 1]} == {"training", "test"})
    return line, 4 * at, 4 * at + 4


def test_what_looks_like_images_of_two_parts_is_in_neither_and_they_stay() -> None:
    line, left, right = grown_until_apart()
    before = {one: where.part for one, where in line.seen.items()}
    between = line.add((left + right) // 2, "cat")
    found = line.run()
    assert between not in found.images
    assert [one.reason for one in found.left_out] == [BETWEEN]
    assert {one: where.part for one, where in line.seen.items()} == before


def test_a_new_twin_goes_where_the_older_is() -> None:
    line, left, _ = grown_until_apart()
    twin = line.add(left - 1, "cat")
    found = line.run()
    old = f"{left // 4:064x}"
    assert found.images[twin][1] == found.images[old][1] and found.groups[twin] == old


def test_a_group_that_the_source_names_lies_in_one_part() -> None:
    line = Line()
    for number in range(300):
        line.add(100 * number, LABELS[number % 3], f"patient {number // 5}")
    parts = {}
    for digest, (_, part) in line.run().images.items():
        assert parts.setdefault(line.groups[digest], part) == part
    assert set(parts.values()) == {"training", "validation", "test"}


def test_a_group_named_later_takes_the_part_of_its_oldest_and_leaves_out_what_was_elsewhere() -> (
    None
):
    line, left, right = grown_until_apart()
    for place in (left, right):
        line.groups[f"{place // 4:064x}"] = "one patient"
    found = line.run()
    (out,) = found.left_out
    assert "its group 'one patient' is in the" in out.reason and out.path[:-4] not in found.images


def scene(seed: int, side: int = 64) -> np.ndarray:
    """A smooth picture in colour; each seed another one."""
    drawn = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    scaled = Image.fromarray(drawn).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(scaled)


def test_prints_tell_twins_from_other_pictures() -> None:
    originals = [scene(number) for number in range(60)]
    small = [
        np.asarray(Image.fromarray(one).resize((52, 52)).resize((64, 64))) for one in originals
    ]
    lighter = [np.minimum(one.astype(int) + 4, 255).astype(np.uint8) for one in originals]
    blank = [np.full((64, 64, 3), value, np.uint8) for value in (250, 251)]
    prints = prints_of(np.stack([*originals, *small, *lighter, *blank]))
    pairs = {frozenset(pair) for pair in near_pairs(prints, np.arange(len(prints)))}
    twins = {frozenset((n, n + 60 * k)) for n in range(60) for k in (1, 2)}
    assert len(twins & pairs) >= 0.95 * len(twins)
    assert all(one % 60 == other % 60 for one, other in map(sorted, pairs)), "no false pair"
    assert not any(max(pair) >= 180 for pair in pairs), "blank pictures are no twins"
    assert not list(near_pairs(prints[180:], np.arange(2))), "nor where there is nothing else"
    grey = prints_of(np.stack(originals)[..., 0])
    assert grey.shape == prints[:60].shape


def test_every_near_pair_is_found_though_most_images_are_never_compared() -> None:
    numbers = np.random.default_rng(0)
    first = numbers.integers(0, 256, (100, 200), np.uint8)
    twins = first[numbers.integers(0, 100, 200)]
    for twin in twins:  # up to eight signs of 64 change, and colours by up to nine
        for sign in numbers.integers(0, 64, numbers.integers(0, 9)):
            twin[sign // 8] ^= 1 << (sign % 8)
        twin[8:] = (twin[8:].astype(int) + numbers.integers(-9, 10, 192)).clip(0, 255)
    prints = numbers.permutation(np.concatenate([first, twins]))
    signs = np.unpackbits(prints[:, :8], axis=1).astype(int)
    colours = prints[:, 8:].astype(int)

    def alike(one: int, other: int) -> bool:
        near = np.abs(colours[one] - colours[other]).mean() <= MOST_COLOUR
        return bool(near and (signs[one] != signs[other]).sum() <= MOST_SIGNS)

    pairs = [(a, b) for a in range(300) for b in range(a + 1, 300) if alike(a, b)]
    assert len(pairs) > 50 and list(near_pairs(prints, np.arange(300))) == pairs
    new = np.arange(280, 300)
    of_new = {frozenset(pair) for pair in pairs if max(pair) >= 280}
    assert {frozenset(pair) for pair in near_pairs(prints, new)} == of_new


def test_a_folder_that_grows_is_read_in_snapshots_that_never_move_an_image(tmp_path: Path) -> None:
    """All of it together, on real files."""
    folder, places = tmp_path / "photos", Places.load(home=tmp_path / "home").of("shop")
    data = DataSettings(source="image-folder", images=str(folder), image_size=32)

    def arrive(numbers: range) -> None:
        for number in numbers:
            path = folder / LABELS[number % 3] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(scene(number)).save(path)

    arrive(range(45))
    first = snapshots.keep(find(data, places, lambda words: None), data, places, print)
    before = snapshots.read(places.project_data, first.snapshot)
    arrive(range(45, 60))
    twin = Image.fromarray(scene(7)).resize((90, 90))
    twin.save(folder / LABELS[1] / "7 again.jpg", quality=80)
    second = snapshots.keep(find(data, places, lambda words: None), data, places, print)
    after = snapshots.read(places.project_data, second.snapshot)
    old, new = (dict(zip(m.origins, m.parts, strict=True)) for m in (before, after))
    assert len(new) == 61 and old.items() <= new.items()
    assert new["dog/7 again.jpg"] == new["dog/7.png"]
    groups = dict(zip(after.origins, after.groups, strict=True))
    assert groups["dog/7 again.jpg"] == groups["dog/7.png"]


def test_a_class_folder_that_is_renamed_relabels_its_images_and_moves_none(
    tmp_path: Path,
) -> None:
    folder, places = tmp_path / "photos", Places.load(home=tmp_path / "home").of("shop")
    data = DataSettings(source="image-folder", images=str(folder), image_size=32)
    for number in range(30):
        path = folder / LABELS[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene(number)).save(path)

    def run() -> Manifest:
        kept = snapshots.keep(find(data, places, lambda words: None), data, places, print)
        return snapshots.read(places.project_data, kept.snapshot)

    before = run()
    (folder / "dog").rename(folder / "hound")
    Image.fromarray(scene(31)).save(folder / "cat" / "2.png")  # another picture under its name
    after = run()
    told = change(before, after)
    assert told.relabelled == {("dog", "hound"): 15} and not told.moved
    assert told.added == {"cat": 1} and told.removed == {"cat": 1}
    assert after.dataset.labels == ("cat", "hound")
    shape, steps = before.dataset.image_shape, before.dataset.preparation
    assert len(PixelStore(store_folder(places.cache_dir, shape, steps))) == 31, "none twice"


def test_a_table_names_groups_and_is_believed_before_folders(tmp_path: Path) -> None:
    lines = ["file_name,label,group"]
    for number in range(6):
        label, folder = LABELS[number % 2], LABELS[number % 2 if number else 1]
        path = tmp_path / folder / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        lines.append(f"{folder}/{number}.png,{label},patient {number // 3}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    found = arrange(DATA.model_copy(update={"images": str(tmp_path)}))
    assert [item.group for item in found.items] == ["patient 0"] * 3 + ["patient 1"] * 3
    assert found.notes == [
        "1 files lie in the folder of another class than metadata.csv says, and the table counts: "
        "dog/0.png"
    ]
