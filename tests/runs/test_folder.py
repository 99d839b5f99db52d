"""A run has a folder, a name for people, and an identity that nobody else has."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cli.run import unnamed
from model_zoo.errors import UserError
from model_zoo.locks import locked
from model_zoo.runs.folder import list_runs, open_run, run_folder
from model_zoo.runs.runner import keep_values, run_step, share_step
from model_zoo.settings import Places, Project, load_project


@pytest.fixture
def here(places: Places, tmp_path: Path) -> Places:
    return places.model_copy(update={"home": tmp_path})


def test_names_that_look_alike_are_different_runs(project: Project, here: Places) -> None:
    runs = [open_run(project, here, name) for name in ("a:b", "a+b", "a b", "a_b", "ä_b")]
    assert len({run.folder for run in runs}) == len({run.identity for run in runs}) == 5
    assert list_runs(here, project.name) == sorted(["a:b", "a+b", "a b", "a_b", "ä_b"])


def test_a_run_that_is_opened_again_is_the_same(project: Project, here: Places) -> None:
    assert open_run(project, here, "monday") == open_run(project, here, "monday")


def test_two_homes_have_two_runs_of_one_name(
    project: Project, here: Places, tmp_path: Path
) -> None:
    other = here.model_copy(update={"home": tmp_path / "other"})
    first, second = open_run(project, here, "monday"), open_run(project, other, "monday")
    assert first.folder.name == second.folder.name, "any machine finds it again"
    assert first.identity != second.identity


def test_runs_that_nobody_named_and_that_begin_in_one_second_are_two(
    project: Project, here: Places
) -> None:
    names = []
    for _ in range(5):
        names.append(unnamed(here, project))
        open_run(project, here, names[-1])
    assert len(set(names)) == 5


def test_a_run_continued_from_another_folder_has_its_data_where_it_was(
    here: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is the same place from wherever the command is given, or it is refused."""
    given = {"data.source": "image-folder", "data.images": "pictures"}
    for folder in ("here", "there"):
        (tmp_path / folder / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    first = open_run(load_project(given=given, places=here), here, "monday")
    assert first.project.data.images == str(tmp_path / "here" / "pictures")
    keep_values(first)
    monkeypatch.chdir(tmp_path / "there")
    again = open_run(load_project(given=given, places=here), here, "monday")
    with pytest.raises(UserError, match=r"data.images = .*/here/pictures, not .*/there/pictures"):
        keep_values(again)
    whole = given | {"data.images": "../here/pictures"}
    keep_values(open_run(load_project(given=whole, places=here), here, "monday"))


def test_two_projects_have_two_runs_of_one_name(project: Project, here: Places) -> None:
    shop = project.model_copy(update={"name": "shop"})
    assert open_run(project, here, "x").folder != open_run(shop, here, "x").folder
    assert list_runs(here, "shop") == ["x"]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "x" * 101, "a\nb", "a\0b"])
def test_a_name_that_no_run_may_have(project: Project, here: Places, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of a run"):
        open_run(project, here, name)
    assert not list(here.home.iterdir())


@pytest.mark.parametrize("name", ["a/../../b", "scheduled__2026-01-01T00:00:00+00:00", "x" * 100])
def test_every_other_name_stays_inside_the_folder_of_runs(
    project: Project, here: Places, name: str
) -> None:
    assert open_run(project, here, name).folder.parent == here.runs_dir


@pytest.mark.fault(
    "two processes work in one run", saw="the second ends with one sentence", lost="nothing"
)
def test_only_one_process_works_in_a_run(project: Project, here: Places) -> None:
    folder = run_folder(here, project.name, "busy")
    taken = locked(here.home / "locks" / f"{folder.name}.lock")
    with taken, pytest.raises(UserError, match="another process works in run 'busy' of fashion-m"):
        run_step("ingest", project, here, "busy")
    assert run_step("ingest", project, here, "busy")["dataset"]


@pytest.mark.parametrize("step", ["tuning", "search_share.0-of-2", "search_share.3-of-2"])
def test_an_unknown_step_names_the_known_ones(project: Project, here: Places, step: str) -> None:
    with pytest.raises(UserError, match=r"unknown step .*: choose one of ingest, .*search_share"):
        run_step(step, project, here, "x")
    assert share_step(2, 3) == "search_share.2-of-3"
