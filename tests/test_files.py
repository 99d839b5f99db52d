"""What is written is complete or absent; what a kill left is removed, and nothing else."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from model_zoo.errors import UserError
from model_zoo.files import (
    LEFT_SECONDS,
    complete_or_absent,
    fill_folder,
    keep_secret,
    put_whole,
    remove_leftovers,
    write_json,
)


@pytest.fixture
def to_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent to the disk and what gets its name, in that order; partials by their suffix."""
    calls: list[str] = []
    sync, replace, link = os.fsync, os.replace, os.link

    def name(path: object) -> str:
        return re.sub(r"\.partial-[^./]*", "PARTIAL", Path(str(path)).name)

    def fsync(handle: int) -> None:
        calls.append(f"disk {name(os.readlink(f'/proc/self/fd/{handle}'))}")
        sync(handle)

    def named(how: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def call(before: Path, after: Path) -> None:
            calls.append(f"name {name(after)}")
            how(before, after)

        return call

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", named(replace))
    monkeypatch.setattr(os, "link", named(link))
    return calls


@pytest.mark.fault(
    "the power is lost while a file is replaced (order of writes, not a pulled plug)",
    saw="the old file, or the new one, whole",
    lost="nothing",
)
def test_a_file_is_on_the_disk_before_it_gets_its_name_and_the_name_after(
    tmp_path: Path, to_disk: list[str]
) -> None:
    write_json(tmp_path / "new" / "facts.json", {"epoch": 3})
    assert to_disk == [f"disk {tmp_path.name}", "disk PARTIAL.json", "name facts.json", "disk new"]
    to_disk.clear()
    write_json(tmp_path / "progress.json", {}, lasting=False)
    assert to_disk == ["name progress.json"], "of this moment alone: it costs no write of the disk"


@pytest.mark.fault(
    "the power is lost while a folder is filled (order of writes, not a pulled plug)",
    saw="the folder is absent or whole",
    lost="nothing",
)
def test_a_folder_is_on_the_disk_with_all_that_is_in_it_before_it_gets_its_name(
    tmp_path: Path, to_disk: list[str]
) -> None:
    def fill(partial: Path) -> None:
        (partial / "shards").mkdir()
        (partial / "shards" / "0.npy").write_bytes(b"0")
        (partial / "labels.npy").write_bytes(b"1")

    fill_folder(tmp_path / "dataset", fill)
    named = to_disk.index("name dataset")
    assert set(to_disk[:named]) == {
        f"disk {one}" for one in ("0.npy", "shards", "labels.npy", "PARTIAL")
    }
    assert to_disk[named + 1 :] == [f"disk {tmp_path.name}"]


def test_secrets_and_what_lies_in_a_shared_folder_are_on_the_disk_too(
    tmp_path: Path, to_disk: list[str]
) -> None:
    assert keep_secret(tmp_path / "key", lambda: "first") == "first"
    assert to_disk == ["disk PARTIAL", "name key", f"disk {tmp_path.name}"]
    assert keep_secret(tmp_path / "key", lambda: "second") == "first"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    to_disk.clear()
    put_whole(fsspec.filesystem("file"), f"{tmp_path}/manifest.json", b"{}")
    assert to_disk == ["disk PARTIAL.json", "name manifest.json", f"disk {tmp_path.name}"]
    memory = fsspec.filesystem("memory")
    put_whole(memory, "/tested/manifest.json", b"{}")
    assert memory.ls("/tested", detail=False) == ["/tested/manifest.json"]


def test_a_disk_that_cannot_keep_what_was_written_is_told_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "facts.json", {"epoch": 3})

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(UserError, match=r"could not write .*facts.json: Input/output error"):
        write_json(tmp_path / "facts.json", {"epoch": 4})
    assert [path.name for path in tmp_path.iterdir()] == ["facts.json"]
    assert '"epoch": 3' in (tmp_path / "facts.json").read_text()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EINVAL, "")))
    with complete_or_absent(tmp_path / "facts.json") as partial:  # a file system without fsync
        partial.write_text("{}")


def test_what_killed_writers_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, inside = tmp_path / ".partial-old", tmp_path / "sub"
    for folder in (old, inside / ".partial-deeper", tmp_path / ".partial-now"):
        folder.mkdir(parents=True)
    (old / "half.npy").write_bytes(b"half")
    file, kept = tmp_path / ".partial-x.json", tmp_path / "model.keras"
    for path in (file, kept):
        path.write_text("")
    (tmp_path / ".partial-link").symlink_to(inside)
    before = time.time() - LEFT_SECONDS - 60
    for path in (old, file, kept, inside / ".partial-deeper"):
        os.utime(path, (before, before))
    os.utime(tmp_path / ".partial-link", (before, before), follow_symlinks=False)
    remove_leftovers(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"sub", ".partial-now", "model.keras"}
    assert (inside / ".partial-deeper").exists(), "what a link names is not followed"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"could not write .*/file/folder: "):
        fill_folder(tmp_path / "file" / "folder", lambda partial: None)
