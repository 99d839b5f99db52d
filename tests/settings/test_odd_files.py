"""Project files that TOML allows and people seldom write, and values that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.settings import load_project
from model_zoo.settings.layers import line_of


def test_a_value_is_found_in_any_spelling_of_its_table(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        'search = { trials = 3 }\nmodel . "dropout" = 0.1\n# epochs = 9\n[ training ]\n'
        "augmentation = { flip = true }\n\n[[judging]]\nfloor = 1\n"
    )
    lines = {
        "search.trials": 1,
        "model.dropout": 2,
        "model": 2,
        "training.epochs": 4,
        "training.augmentation.flip": 5,
        "judging.floor": 8,
    }
    assert {name: line_of(path, name) for name in lines} == lines


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("\ntraining = 3\n", "line 2: setting training: input should be a valid dictionary"),
        ("[[training]]\nepochs = 3\n", "line 1: setting training: input should be a valid dic"),
        ("[data]\n[data]\n", "is not TOML: Cannot declare ('data',) twice (at line 2"),
        ('schedule = "0 0 31 2 *"\n', "line 1: schedule '0 0 31 2 *' is none"),
        ('file = "elsewhere"\n', "line 1: unknown setting file"),
        ("profile = 3\n", "line 1: unknown profile '3'"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    write: Callable[..., Path], content: str, sentence: str
) -> None:
    file = write(content)
    with pytest.raises(UserError) as raised:
        load_project()
    assert str(raised.value).startswith(str(file)) and sentence in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_not_text_is_no_project(write: Callable[..., Path]) -> None:
    write("").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"shop\.toml is not TOML: it is not UTF-8 text"):
        load_project()


def test_a_profile_names_no_profile_and_a_recipe_names_nothing(write: Callable[..., Path]) -> None:
    write('profile = "mine"\n')
    mine = write('\nprofile = "quick"\n', "profiles/mine")
    with pytest.raises(UserError) as raised:
        load_project()
    assert str(raised.value) == f"{mine}, line 2: a profile cannot name a profile"
    mine.write_text('recipe = "slow"\n')
    slow = write('profile = "quick"\n', "recipes/slow")
    with pytest.raises(UserError) as raised:
        load_project()
    assert str(raised.value) == f"{slow}, line 1: a recipe cannot name a profile"


def test_a_name_that_is_a_group_or_goes_beyond_a_value_is_one_sentence(
    write: Callable[..., Path],
) -> None:
    write("")
    assert load_project(given={"training": 3, "training.epochs": 4}).training.epochs == 4
    for name in ("training", "training.epochs.x", "training.", ""):
        with pytest.raises(UserError, match=r"^command line: "):
            load_project(given={"training.epochs": 3, name: 3})


def test_a_linked_project_file_keeps_its_name_and_its_neighbours(
    write: Callable[..., Path], folder: Path, tmp_path: Path
) -> None:
    """As a Kubernetes ConfigMap mounts files: by way of a hidden folder."""
    hidden = folder / "..data"
    hidden.mkdir()
    (hidden / "1.toml").write_text('profile = "mine"\n')
    (folder / "shop.toml").symlink_to(hidden / "1.toml")
    write("[training]\nepochs = 7\n", "profiles/mine")
    for project in (load_project("shop"), load_project(str(folder / "shop.toml"))):
        assert (project.name, project.training.epochs) == ("shop", 7)
        assert project.file == folder / "shop.toml"
