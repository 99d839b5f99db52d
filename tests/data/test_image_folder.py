"""A folder of pictures of every kind becomes a dataset; what was read once is not read again."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_zoo.data import store
from model_zoo.data.image_folder import decoding, reading
from model_zoo.data.image_folder.decoding import CRASHED, Wanted, decode_files
from model_zoo.data.image_folder.listing import File, list_files
from model_zoo.data.image_folder.source import find, look
from model_zoo.data.manifest import snapshot_of
from model_zoo.data.pixel_store import look_of
from model_zoo.data.source import Found
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings, Places

SIDE = 16
CLASSES = {"cherry": (200, 30, 30), "leaf": (30, 160, 40)}
OF_EACH = 12


def picture(colour: tuple[int, int, int], number: int, mode: str = "RGB") -> Image.Image:
    """A disc of a colour; each number another one."""
    y, x = np.mgrid[0:40, 0:50]
    pixels = np.full((40, 50, 3), 230 - number, np.uint8)
    pixels[np.hypot(y - 20, x - 25) < 15] = colour
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of twelve pictures, one of each odd kind among them, and a broken one."""
    root = tmp_path_factory.mktemp("shop") / "photos"
    for label, colour in CLASSES.items():
        (root / label).mkdir(parents=True)
        for number in range(OF_EACH):
            picture(colour, number).save(root / label / f"{number}.png")
    odd = root / "cherry"
    red = CLASSES["cherry"]
    picture(red, 20, "CMYK").save(odd / "cmyk.JPG")
    picture(red, 21, "P").save(odd / "palette.gif")
    grey16 = np.asarray(picture(red, 22, "L"), np.uint16) * 257
    Image.fromarray(grey16).save(odd / "sixteen-bits.png")
    clear = picture(red, 23, "RGBA")
    clear.putalpha(Image.fromarray((np.asarray(clear)[..., 0] == red[0]).astype(np.uint8) * 255))
    clear.save(odd / "clear.webp", lossless=True)
    frames = [picture(red, 24), picture((0, 0, 250), 25)]
    frames[0].save(odd / "moving.gif", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(red, 26).save(odd / "turned.jpg", exif=exif, quality=95)
    file = io.BytesIO()
    picture(red, 27).save(file, "PNG")
    (root / "leaf" / "broken.png").write_bytes(file.getvalue()[:90])
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places.load(home=tmp_path_factory.mktemp("home"))


def settings(folder: Path | str, **more: Any) -> DataSettings:
    given = {"images": str(folder), "image_size": SIDE, "broken_share": 0.1} | more
    given |= {"near_duplicates": False}  # each number is another picture here, if by one grey level
    return DataSettings(source="image-folder", **given)


@pytest.fixture(scope="module")
def found(folder: Path, home: Places) -> Found:
    return find(settings(folder), home, lambda words: None)


def test_it_is_a_dataset_of_three_parts_in_colour(found: Found) -> None:
    assert found.dataset.name == "photos" and found.dataset.labels == ("cherry", "leaf")
    assert found.dataset.preparation == ("upright", "flatten", "resize", "centre-crop")
    assert set(found.parts) == {"training", "validation", "test"}
    assert sum(map(len, found.parts.values())) == 2 * OF_EACH + 6
    for part in found.parts.values():
        assert part.images.shape == (len(part), SIDE, SIDE, 3) and part.labels.dtype == np.int32
        middle = part.images[:][:, SIDE // 2, SIDE // 2].astype(int)
        coloured = np.ptp(middle, axis=1) > 40  # the one of sixteen bits is grey
        assert ((middle[:, 0] > middle[:, 1]) == (part.labels == 0))[coloured].all()


def test_the_broken_file_is_named_with_its_reason(found: Found) -> None:
    (left,) = found.left_out
    assert left.broken and left.path == "leaf/broken.png" and "not an image" in left.reason


def test_every_kind_of_file_is_read_as_the_page_reads_it(folder: Path, home: Places) -> None:
    looked = look(settings(folder), home, lambda words: None)
    formats = {path: one.format for path, one in looked.known.items()}
    assert formats["cherry/cmyk.JPG"] == "JPEG" and formats["cherry/moving.gif"] == "GIF"
    assert looked.known["cherry/clear.webp"].transparent
    assert looked.known["cherry/sixteen-bits.png"].grey
    assert looked.known["cherry/turned.jpg"].width == 50, "as stored"
    assert not looked.known["cherry/moving.gif"].grey


def test_a_kept_snapshot_has_the_same_images_and_no_copy_of_them(
    found: Found, home: Places
) -> None:
    dataset = store.keep(found, home.datasets_dir)
    for name, part in found.parts.items():
        kept = store.load(home.datasets_dir, dataset.snapshot, name)
        np.testing.assert_array_equal(kept.images[:], part.images[:])
        np.testing.assert_array_equal(kept.labels, part.labels)
    shards = (home.datasets_dir / dataset.snapshot / "shards").glob("*.npy")
    assert all(shard.stat().st_nlink > 1 for shard in shards)


def test_an_unchanged_folder_is_listed_and_no_file_of_it_opened(
    folder: Path, home: Places, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(files: list[File], *rest: object) -> Iterator[Any]:
        assert not files
        return iter(())

    monkeypatch.setattr(reading, "decode_files", refuse)
    said: list[str] = []
    again = find(settings(folder), home, said.append)
    assert snapshot_of(again) == snapshot_of(found)
    assert not any("new or changed" in words for words in said)


def test_a_new_and_a_changed_file_are_all_that_is_read(
    folder: Path, home: Places, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def note(files: list[File], *rest: object) -> Iterator[Any]:
        read.extend(file.path for file in files)
        yield from decoding.packed_part(files, *rest).one_by_one()  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "decode_files", note)
    picture(CLASSES["leaf"], 40).save(folder / "leaf" / "new.png")
    changed = folder / "leaf" / "3.png"
    before, times = changed.read_bytes(), changed.stat()
    picture(CLASSES["leaf"], 41).save(changed)
    more = find(settings(folder), home, lambda words: None)
    assert sorted(read) == ["leaf/3.png", "leaf/new.png"]
    assert snapshot_of(more) != snapshot_of(found)
    (folder / "leaf" / "new.png").unlink()
    changed.write_bytes(before)
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert snapshot_of(find(settings(folder), home, lambda words: None)) == snapshot_of(found)


@pytest.mark.parametrize(
    ("left", "reason"),
    [(-1, "it cannot be read: No such file or directory"), (90, "this is not an image that can")],
)
def test_what_vanishes_or_is_cut_short_in_mid_run_is_named_and_read_when_it_is_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, reason: str
) -> None:
    copied = tmp_path / "photos"
    shutil.copytree(folder, copied)
    away, home = copied / "leaf" / "7.png", Places.load(home=tmp_path / "home")
    content = away.read_bytes()

    def meanwhile(files: list[File], wanted: Wanted) -> Iterator[Any]:
        away.unlink()
        if left > 0:
            away.write_bytes(content[:left])
        return decoding.packed_part(files, wanted).one_by_one()

    monkeypatch.setattr(reading, "decode_files", meanwhile)
    looked = find(settings(copied), home, lambda words: None)
    gone = next(one for one in looked.left_out if one.path == "leaf/7.png")
    assert gone.broken and gone.reason.startswith(reason)
    away.write_bytes(content)
    monkeypatch.setattr(
        reading,
        "decode_files",
        lambda files, wanted: decoding.packed_part(files, wanted).one_by_one(),
    )
    again = find(settings(copied), home, lambda words: None)
    assert [one.path for one in again.left_out] == ["leaf/broken.png"]


def test_a_folder_that_vanishes_while_its_parent_is_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"")
    walk = os.scandir

    def vanishing(path: Path) -> Any:
        entries = list(walk(path))
        if (tmp_path / "dog").exists():
            (tmp_path / "dog").rename(tmp_path.with_name(f"{tmp_path.name} away"))
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)
    listing = list_files(str(tmp_path))
    assert [file.path for file in listing.images] == ["cat/1.png"] and listing.dangling == ["dog"]


@pytest.mark.fault(
    "ingest is killed while images are read",
    saw="the next try reads the rest",
    lost="images read since the last shard: they are read again",
)
def test_a_kill_loses_what_was_not_in_a_shard_yet_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, read = Places.load(home=tmp_path), []
    killed = True

    def dies(files: list[File], wanted: Wanted) -> Iterator[Any]:
        for number, file in enumerate(files):
            if killed and number == 11:
                raise KeyboardInterrupt
            read.append(file.path)
            yield from decoding.packed_part([file], wanted).one_by_one()

    monkeypatch.setattr(reading, "decode_files", dies)
    monkeypatch.setattr(reading, "SHARD_BYTES", 4 * SIDE * SIDE * 3)
    with pytest.raises(KeyboardInterrupt):
        find(settings(folder), home, lambda words: None)
    killed, before = False, list(read)
    read.clear()
    whole = find(settings(folder), home, lambda words: None)
    assert len(before) == 11 and not set(read) & set(before[:8]), "two shards of four were whole"
    assert len(whole.training) + len(whole.test) + len(whole.validation or ()) == 2 * OF_EACH + 6


@pytest.mark.fault(
    "the disk is full while images are read",
    saw="one sentence; the same command goes on",
    lost="nothing",
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Places.load(home=tmp_path)

    def here(files: list[File], wanted: Wanted) -> Iterator[Any]:
        yield from decoding.packed_part(files, wanted).one_by_one()

    monkeypatch.setattr(reading, "decode_files", here)
    with monkeypatch.context() as full:

        def no_room(*arguments: object, **more: object) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(np.lib.format, "write_array_header_1_0", no_room)
        with pytest.raises(UserError, match="No space left on device") as refused:
            find(settings(folder), home, lambda words: None)
        assert "\n" not in str(refused.value)
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert len(find(settings(folder), home, lambda words: None).test)


def test_more_broken_files_than_allowed_are_refused_by_name(folder: Path, home: Places) -> None:
    with pytest.raises(UserError, match=r"1 of 31 files are broken.*leaf/broken.png: this is not"):
        find(settings(folder, broken_share=0.01), home, lambda words: None)


def test_an_image_that_looks_like_a_held_out_one_is_not_trained_on(
    folder: Path, home: Places, found: Found, tmp_path: Path
) -> None:
    """The same pixels in another file: only decoding shows it."""
    digests = {look_of(image) for image in found.test.images}
    looked = look(settings(folder), home, lambda words: None)
    images = looked.divided.images
    held_out = next(
        path for path, one in looked.known.items()
        if images.get(one.digest, ("", ""))[1] == "test" and path.endswith(".png")
    )  # fmt: skip
    label = held_out.split("/")[0]
    for level in range(1, 8):  # files that differ; some of their hashes mean training
        Image.open(folder / held_out).save(
            folder / label / f"twin{level}.png", compress_level=level
        )
    again = find(settings(folder), home, lambda words: None)
    for level in range(1, 8):
        (folder / label / f"twin{level}.png").unlink()
    assert digests.isdisjoint(map(look_of, again.training.images))
    assert any("pixel by pixel" in one.reason for one in again.left_out)


def test_grey_and_whole_pictures_where_the_settings_say_so(folder: Path, home: Places) -> None:
    grey = find(settings(folder, colour=False, framing="whole"), home, lambda words: None)
    assert grey.dataset.image_shape == (SIDE, SIDE, 1)
    assert grey.training.images.shape[1:] == (SIDE, SIDE)
    assert grey.dataset.preparation == ("upright", "flatten", "whole-on-white")
    corners = grey.training.images[:][:, 0, SIDE // 2]
    assert (corners == 255).all(), "white above a wide picture"


class Fatal(Wanted):
    """Takes every process down that is asked for it, as a decoder does that overwrites memory."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (139,)


def test_a_file_that_takes_its_process_down_is_broken_and_ours_goes_on(folder: Path) -> None:
    wanted = Wanted(str(folder), (SIDE, SIDE, 3), ("upright",), 10**6)
    (found,) = decode_files([File("leaf/1.png", 1, "then")], Fatal(**vars(wanted)))
    assert (found.known.path, found.known.problem) == ("leaf/1.png", CRASHED)
    assert found.pixels is None


def test_no_location_is_a_sentence(home: Places) -> None:
    with pytest.raises(UserError, match=r"set data\.images to a folder, a table or a URL"):
        find(DataSettings(source="image-folder"), home, print)
