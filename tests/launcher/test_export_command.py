"""`catwalk export`: what lies in the folder is touched by a whole export only."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from colour_project import ColourProject
from first_run import FirstRun

from launcher.cli import export
from launcher.cli.main import main
from model_zoo.errors import UserError
from model_zoo.registry.served_files import check_file, is_left_out, read_facts


@pytest.fixture
def exported(first_run: FirstRun, tmp_path: Path) -> Path:
    """An earlier export in which a person has put a file of his own."""
    assert main(["export", "--to", str(tmp_path)]) == 0
    (folder,) = tmp_path.iterdir()
    (folder / "notes.txt").write_text("keep me")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_files_of_a_person_stay_and_an_earlier_export_is_completed(exported: Path) -> None:
    before = content(exported)
    assert main(["export", "--format", "keras", "--to", str(exported.parent)]) == 0
    after = content(exported)
    assert set(after) - set(before) == {"model.keras"}
    assert {name: after[name] for name in before} == before


def test_an_export_that_fails_changes_nothing(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def damaged(path: Path, facts: object) -> None:
        raise UserError(f"{path.name} is damaged")

    before = content(exported.parent)
    monkeypatch.setattr(export, "check_file", damaged)
    assert main(["export", "--format", "all", "--to", str(exported.parent)]) == 2
    assert capsys.readouterr().err == "catwalk: model.onnx is damaged\n"
    assert content(exported.parent) == before, "and nothing half done lies beside it"


@pytest.mark.parametrize("place", range(4))
def test_a_kill_at_any_point_leaves_an_export_that_loads(
    exported: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """With a new format beside those of the earlier export; the same command then goes on."""
    real, moved = Path.replace, []

    def killed(self: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) > place:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    again = ["export", "--format", "onnx", "--format", "keras", "--to", str(exported.parent)]
    assert main(again) == (130 if place < 3 else 0)
    facts = read_facts(exported)
    check_file(exported / "model.onnx", facts)
    assert (exported / "notes.txt").read_text() == "keep me"
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]
    monkeypatch.undo()
    assert main(again) == 0
    check_file(exported / "model.keras", read_facts(exported))


def test_what_a_killed_export_left_is_removed_and_nothing_else(exported: Path) -> None:
    folder = exported.parent
    for name, hours in (
        (f"{export.PARTIAL}old", 2),
        (f"{export.PARTIAL}now", 0),
        (".partial-a", 2),
    ):
        (folder / name).mkdir()
        os.utime(folder / name, (time.time() - hours * 3600,) * 2)
    assert main(["export", "--to", str(folder)]) == 0
    left = {path.name for path in folder.iterdir()} - {exported.name}
    assert left == {f"{export.PARTIAL}now", ".partial-a"}, "one may be under way, one is a person's"


def test_a_folder_that_cannot_be_written_is_one_sentence(
    first_run: FirstRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["export", "--to", str(tmp_path / "file")]) == 2
    assert "could not write" in capsys.readouterr().err


def test_a_format_that_the_project_left_out_is_made_when_asked_for(
    colours: ColourProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of this project a version has ONNX int8 and no LiteRT file."""
    asked = ["export", "--project", str(colours.project.file), "--to", str(tmp_path)]
    assert main([*asked, "--format", "litert-float32"]) == 0
    said = capsys.readouterr().out
    assert "version 1 has no litert-float32: made now" in said
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {"model.float32.tflite", "classifier.json"}
    facts = read_facts(folder)
    check_file(folder / "model.float32.tflite", facts)
    assert not is_left_out("litert-float32", facts)
    assert is_left_out("litert-int8", facts), "nobody asked for it"
