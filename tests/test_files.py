"""What is written is complete or absent; what a kill left is removed, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.files import LEFT_SECONDS, fill_folder, remove_leftovers


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
