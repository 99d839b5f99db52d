"""Accepted corrections are images of the next snapshot: in training alone, no twin of a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_zoo.data import snapshots, store
from model_zoo.data.additions import added_rows
from model_zoo.data.corrections import Corrections, Limits, corrections_of
from model_zoo.data.corrections.store import said_of
from model_zoo.data.corrections.taken import read_taken
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.image_folder import source
from model_zoo.data.manifest import Manifest
from model_zoo.data.source import Found
from model_zoo.errors import UserError
from model_zoo.images import png
from model_zoo.runs import forget
from model_zoo.runs.joining import as_it_joined, join, new_decisions
from model_zoo.settings import Places, Project, load_project

LIMITS = Limits(an_hour=100, waiting=100, bytes=10**8)
SHAPE = (16, 16, 3)


def photo(seed: int, side: int = 40) -> np.ndarray:
    """Coarse noise: no two look alike, and a smaller copy still looks the same."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Project, Places]:
    """A project of forty photographs in two class folders."""
    for number in range(40):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(png(photo(number)))
    (tmp_path / "shop.toml").write_text(
        '[data]\nsource = "image-folder"\nimages = "photos"\nimage_size = 16\n'
    )
    places = Places.load(home=tmp_path / "home").of("shop")
    return load_project(str(tmp_path / "shop.toml"), places=places), places


def accept(places: Places, content: bytes, label: str, **more: Any) -> str:
    """Somebody sends a picture, and a reviewer accepts it; the id."""
    corrections = corrections_of("shop", places)
    image = more.pop("seen", np.zeros(SHAPE, np.uint8))
    picture = None if more.pop("only_seen", False) else content
    said = said_of(
        image, label, "dog", 0.6, "1", image_shape=more.pop("image_shape", image.shape),
        preparation=more.pop("preparation", ()), picture=picture, **more,
    )  # fmt: skip
    sent = corrections.send(image, said, (label,), "192.0.2.1", LIMITS, picture)
    corrections.decide([sent.id], "accepted", "Ada")
    return sent.id


def looked(shop: tuple[Project, Places]) -> Found:
    return source.find(shop[0].data, shop[1], lambda words: None)


def ingested(
    shop: tuple[Project, Places], found: Found | None = None
) -> tuple[Manifest, list[str]]:
    """The next snapshot, and what was said on the way."""
    project, places = shop
    said: list[str] = []
    found = join(found or looked(shop), project, places, said.append)
    dataset = snapshots.keep(found, project.data, places, said.append)
    return snapshots.read(places.project_data, dataset.snapshot), said


def held(places: Places, id: str) -> str:
    return read_taken(corrections_of("shop", places))[id]["held"]


def test_what_was_accepted_is_trained_on_and_what_waits_is_not(
    shop: tuple[Project, Places],
) -> None:
    _, places = shop
    first, _ = ingested(shop)
    corrections = corrections_of("shop", places)
    for number in range(60):  # a flood that nobody has reviewed
        image = photo(1000 + number, 16)
        said = said_of(image, "cat", "dog", 0.5, "1", image_shape=SHAPE, preparation=source.CROPPED)
        corrections.send(image, said, ("cat", "dog"), f"192.0.2.{number}", LIMITS)
    assert ingested(shop)[0].name == first.name, "nothing is trained on without review"

    id = accept(places, png(photo(500)), "cat")
    assert new_decisions(corrections_of("shop", places)) == 1
    after, said = ingested(shop)
    assert new_decisions(corrections_of("shop", places)) == 0
    assert after.name != first.name and len(after) == len(first) + 1
    (row,) = added_rows(after)
    rows = after.rows_of("training")
    assert after.origins[rows[row]] == f"correction/{id}" and after.labels[rows[row]] == "cat"
    assert row == len(rows) - 1 and after.parts[rows[row]] == "training"
    assert said[0].startswith("1 images that people labelled join")
    kept = store.load(places.datasets_dir, after.name, "training")
    want = np.asarray(Image.fromarray(photo(500)).resize((16, 16), Image.Resampling.BICUBIC))
    assert np.abs(kept.images[len(kept) - 1].astype(int) - want).mean() < 12


def test_test_images_and_their_twins_are_not_learned(shop: tuple[Project, Places]) -> None:
    _, places = shop
    first, _ = ingested(shop)
    tested = [first.origins[row] for row in first.rows_of("test")]
    number = int(Path(tested[0]).stem)
    itself = accept(places, png(photo(number)), "cat")
    twin = accept(places, png(photo(number, side=64)), "dog")
    again, said = ingested(shop)
    assert again.name == first.name
    assert "it is an image of the test part" in held(places, itself)
    assert "looks all but the same as an image in the test part" in held(places, twin)
    assert any("is left out: it" in one for one in said)


def test_a_near_duplicate_that_arrives_later_joins_it_in_training(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    for number in range(8):
        accept(shop[1], png(photo(700 + number)), "cat")
    ingested(shop)
    for number in range(8):
        (tmp_path / "photos" / "cat" / f"late-{number}.png").write_bytes(
            png(photo(700 + number, side=64))
        )
    after, _ = ingested(shop)
    late = [row for row, one in enumerate(after.origins) if "late-" in one]
    assert len(late) == 8 and {after.parts[row] for row in late} == {"training"}


def test_each_that_cannot_join_waits_with_a_sentence(shop: tuple[Project, Places]) -> None:
    _, places = shop
    gone = accept(places, png(photo(501)), "owl")
    one = accept(places, png(photo(502)), "cat")
    other = accept(places, png(photo(502)), "dog")
    unlike = accept(places, b"", "cat", only_seen=True, seen=photo(503, 28))
    known = accept(places, png(photo(2)), "dog")
    manifest, said = ingested(shop)
    assert not len(added_rows(manifest))
    assert "its class 'owl' is gone: it waits" in held(places, gone)
    assert held(places, one) == held(places, other)
    assert "accepted as cat and as dog: reject all but one" in held(places, one)
    assert "its picture was not sent along" in held(places, unlike)
    assert "the source has it as cat: correct it there" in held(places, known) or (
        "what is measured" in held(places, known)
    )
    assert said[3] == "2 more corrections are left out: `catwalk review` says why"
    corrections_of("shop", places).decide([other], "rejected")
    assert len(added_rows(ingested(shop)[0])) == 1, "one of two answers is left"


def test_a_source_without_files_takes_them_too(shop: tuple[Project, Places]) -> None:
    """As Fashion-MNIST: arrays in memory, images known by their pixels."""
    _, places = shop
    random = np.random.default_rng(0)
    dataset = Dataset("arrays", ("cat", "dog"), (12, 12, 1), ())
    training, test = (
        Images(random.integers(0, 256, (count, 12, 12), np.uint8), np.arange(count) % 2)
        for count in (30, 10)
    )
    found = Found(dataset, training, test)
    first, _ = ingested(shop, found)
    fresh = random.integers(0, 256, (12, 12), np.uint8)
    tested = np.asarray(test.images[3])
    only = {"only_seen": True, "image_shape": (12, 12, 1)}
    wrong = accept(places, b"", "dog", seen=tested, **only)
    accept(places, b"", "dog", seen=fresh, **only)
    after, _ = ingested(shop, found)
    assert len(after) == len(first) + 1 and len(added_rows(after)) == 1
    assert "image of the test part" in held(places, wrong)
    kept = store.load(places.datasets_dir, after.name, "training")
    np.testing.assert_array_equal(kept.images[30], fresh)
    assert kept.labels[30] == 1


def test_an_old_snapshot_is_made_again_with_what_had_joined_then(
    shop: tuple[Project, Places],
) -> None:
    project, places = shop
    accept(places, png(photo(600)), "cat")
    old, _ = ingested(shop)
    accept(places, png(photo(601)), "dog")
    new, _ = ingested(shop)
    assert len(added_rows(new)) == 2
    again = as_it_joined(looked(shop), old, project, places)
    manifest = snapshots.manifest_of(again, {}, 0)
    assert manifest.name == old.name


def test_a_changed_picture_is_not_used(shop: tuple[Project, Places]) -> None:
    _, places = shop
    id = accept(places, png(photo(501)), "cat")
    corrections: Corrections = corrections_of("shop", places)
    (one,) = corrections.all()
    corrections.shelf.write(f"pictures/{one.digest}", png(photo(9)))
    assert not len(added_rows(ingested(shop)[0]))
    assert "was changed since it was sent" in held(places, id)


def test_what_is_forgotten_leaves_the_corrections_too(shop: tuple[Project, Places]) -> None:
    project, places = shop
    id = accept(places, png(photo(600)), "cat")
    ingested(shop)
    corrections = corrections_of("shop", places)
    (one,) = corrections.all()
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forget, "_versions", lambda *given: iter(()))  # none was registered
        told = list(forget.forget(one.digest, "asked to", project, places))
    assert "2 pictures of it that people sent are removed" in told
    assert not any("not ours" in sentence for sentence in told)
    assert corrections.picture(one) is None and corrections.seen(one) is None
    assert not len(added_rows(ingested(shop)[0]))
    assert held(places, id) == "its image was to be forgotten"


def test_an_unlabelled_folder_beside_the_classes_is_no_class(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    project, places = shop
    before = looked(shop).dataset.labels
    (tmp_path / "photos" / "unlabelled").mkdir()
    (tmp_path / "photos" / "unlabelled" / "a.png").write_bytes(png(photo(800)))
    with pytest.raises(UserError, match="'unlabelled' is the name of a folder of images without"):
        looked(shop)
    data = project.data.model_copy(update={"unlabelled": f"{tmp_path}/photos/unlabelled/"})
    found = looked((replace_data(project, data), places))
    assert found.dataset.labels == before


def replace_data(project: Project, data: Any) -> Project:
    return project.model_copy(update={"data": data})
