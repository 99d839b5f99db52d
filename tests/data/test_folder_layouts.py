"""What folders and tables say of class and part; only names are looked at, no picture is opened."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model_zoo.data.image_folder.layouts import Arranged, arrange
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings


def made(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (folder / path).mkdir(exist_ok=True)
        else:
            (folder / path).write_bytes(b"")
    return folder


def arranged(images: Path | str, **settings: object) -> Arranged:
    return arrange(DataSettings(source="image-folder", images=str(images), **settings))


def by_path(found: Arranged) -> dict[str, tuple[str, str | None]]:
    return {one.file.path: (one.label, one.part) for one in found.items}


def test_a_folder_a_class(tmp_path: Path) -> None:
    found = arranged(made(tmp_path, "cat/1.PNG", "cat/2.jpeg", "dog/3.webp"))
    assert by_path(found) == {
        "cat/1.PNG": ("cat", None), "cat/2.jpeg": ("cat", None), "dog/3.webp": ("dog", None),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "Val"])
def test_folders_of_parts(tmp_path: Path, name: str) -> None:
    found = arranged(made(tmp_path, "train/cat/1.png", f"{name}/dog/2.png", "test/cat/3.png"))
    assert by_path(found) == {
        "train/cat/1.png": ("cat", "training"),
        f"{name}/dog/2.png": ("dog", "validation"),
        "test/cat/3.png": ("cat", "test"),
    }


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    found = arranged(made(tmp_path, "train/1.png", "car/2.png", "plane/3.png"))
    assert by_path(found)["train/1.png"] == ("train", None)


def test_the_folder_around_an_unpacked_archive_is_looked_through(tmp_path: Path) -> None:
    found = arranged(made(tmp_path, "pets/train/cat/1.png", "pets/train/dog/2.png"))
    assert by_path(found)["pets/train/cat/1.png"] == ("cat", "training")
    assert found.notes == ["the images lie in pets"]


def test_folders_in_folders_count_to_the_outermost_or_to_the_innermost(tmp_path: Path) -> None:
    made(tmp_path, "animals/birds/1.png", "animals/2.png", "plants/trees/oaks/3.png")
    assert [label for label, _ in by_path(arranged(tmp_path)).values()] == [
        "animals", "animals", "plants",
    ]  # fmt: skip
    assert "label_from" in arranged(tmp_path).notes[0]
    innermost = by_path(arranged(tmp_path, label_from="last-folder"))
    assert [label for label, _ in innermost.values()] == ["animals", "birds", "oaks"]


def test_what_is_no_picture_is_passed_over_with_a_sentence(tmp_path: Path) -> None:
    made(tmp_path, "cat/1.png", "dog/2.png", "cat/Thumbs.db", "cat/.DS_Store", "cat/notes.txt",
         "__MACOSX/cat/._1.png", ".git/3.png", "owl/", "readme.png", "other.csv")  # fmt: skip
    found = arranged(tmp_path)
    assert set(by_path(found)) == {"cat/1.png", "dog/2.png"}
    assert found.empty == ["owl"]
    notes = "\n".join(found.notes)
    for words in ("4 hidden or system files", "1 .txt", "class 'owl' has no image", "other.csv"):
        assert words in notes
    assert [(one.path, one.reason) for one in found.left_out] == [
        ("readme.png", "lies in no class folder")
    ]


def test_links_are_followed_but_not_in_circles_or_to_nothing(tmp_path: Path) -> None:
    made(tmp_path, "elsewhere/1.png", "images/cat/2.png")
    images = tmp_path / "images"
    os.symlink(tmp_path / "elsewhere", images / "dog")
    os.symlink("2.png", images / "cat" / "again.png")
    os.symlink("gone.png", images / "cat" / "lost.png")
    os.symlink(images, images / "cat" / "round")
    found = arranged(images)
    assert set(by_path(found)) == {"cat/2.png", "cat/again.png", "dog/1.png"}
    assert {one.path for one in found.left_out} == {"cat/lost.png", "cat/round"}


def test_names_that_systems_write_differently_are_one_class(tmp_path: Path) -> None:
    found = arranged(made(tmp_path, "cafe\u0301/1.png", "caf\u00e9/2.png", "tea/3.png"))
    assert {label for label, _ in by_path(found).values()} == {"caf\u00e9", "tea"}


ROWS = [("a/1.png", "cat", "train"), ("a/2.png", "dog", "test"), ("a/3.png", "", "train"),
        ("a/4.png", "cat", "train")]  # fmt: skip


def write_table(path: Path, column: str = "file_name") -> None:
    rows = [{column: file, "label": label, "split": split} for file, label, split in ROWS]
    if path.suffix == ".csv":
        path.write_text("\n".join(",".join(row) for row in [(column, "label", "split"), *ROWS]))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.parquet"])
def test_a_metadata_file_as_hugging_face_has_it(tmp_path: Path, name: str) -> None:
    made(tmp_path, "a/1.png", "a/2.png", "a/3.png", "a/5.png")
    write_table(tmp_path / name)
    found = arranged(tmp_path)
    assert by_path(found) == {"a/1.png": ("cat", "training"), "a/2.png": ("dog", "test")}
    assert [(one.path, one.broken) for one in found.left_out] == [
        ("a/3.png", False), ("a/4.png", True), ("a/5.png", False),
    ]  # fmt: skip
    assert "row 4 of the table names it" in found.left_out[1].reason


def test_a_metadata_file_in_each_part(tmp_path: Path) -> None:
    made(tmp_path, "train/1.png", "train/2.png", "test/1.png")
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n1.png,0\n2.png,1\n")
    (tmp_path / "test" / "metadata.csv").write_text("file_name,label\n1.png,1\n")
    assert by_path(arranged(tmp_path)) == {
        "train/1.png": ("0", "training"), "train/2.png": ("1", "training"),
        "test/1.png": ("1", "test"),
    }  # fmt: skip


def test_a_metadata_file_without_classes_leaves_them_to_the_folders(tmp_path: Path) -> None:
    made(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / "metadata.csv").write_text("file_name,caption\ncat/1.png,asleep\n")
    found = arranged(tmp_path)
    assert by_path(found)["cat/1.png"] == ("cat", None)
    assert "no column 'label'" in found.notes[0]


def test_a_table_anywhere_with_paths_from_its_own_folder_or_absolute(tmp_path: Path) -> None:
    made(tmp_path, "data/1.png", "beside/2.png")
    table = tmp_path / "data" / "labels.csv"
    table.write_text(f"path,species\n./1.png,oak\n{tmp_path}/beside/2.png,elm\n")
    found = arranged(table, label_column="species")
    assert [label for label, _ in by_path(found).values()] == ["oak", "elm"]


def test_a_location_as_fsspec_spells_it(tmp_path: Path) -> None:
    made(tmp_path, "cat/1.png", "dog/2.png")
    assert by_path(arranged(f"file://{tmp_path}")) == by_path(arranged(tmp_path))


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (("a.png", "b.png"), "expected images in one folder a class.*2 files lie in no class"),
        (("cat/notes.txt",), "Received no image with a class"),
        (("cat/1.png",), "at least two classes. Received one, 'cat'"),
        (("Cat/1.png", "cat/2.png"), "'Cat' and 'cat' differ only in upper and lower case"),
    ],
)
def test_folders_without_classes_are_refused(
    tmp_path: Path, paths: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        arranged(made(tmp_path, *paths))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("t.csv", "name,label\nx,y\n", "expected a column file_name or path .* It has name, label"),
        ("t.csv", "path,kind\nx,y\n", r"expected a column label for the class \(data.label_column"),
        ("t.csv", "path,label\n", "expected a column .* It has no row"),
        ("t.csv", "path,label,split\n1.png,a,holdout\n", "the split 'holdout' is none of train"),
        ("t.jsonl", "no json", "t.jsonl is not the table that its name says"),
        ("t.parquet", "no parquet", "t.parquet is not the table that its name says"),
    ],
)
def test_tables_that_say_too_little_are_refused(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    made(tmp_path, "1.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=sentence) as refused:
        arranged(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_locations_that_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="expected a folder of images or a table"):
        arranged(tmp_path / "gone")
    with pytest.raises(UserError, match=r"nfs://x cannot be read \(Protocol not known: nfs\)"):
        arranged("nfs://x")

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError("Forbidden")

    with pytest.raises(UserError, match="memory://x: expected a folder of images or a table"):
        arranged("memory://x")
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", forbid)
    with pytest.raises(UserError, match=r"memory://x cannot be read \(Forbidden\): correct data"):
        arranged("memory://x")

    def refuse(folder: Path) -> None:  # root may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        arranged(tmp_path)
