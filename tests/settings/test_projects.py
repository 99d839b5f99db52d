"""A project's values come from six layers, and a mistake is told with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.settings import NO_WEIGHTS, Places, list_projects, load_project
from model_zoo.settings.layers import line_of, origin_of
from model_zoo.settings.projects import layers_of


def test_everything_follows_from_the_name(write: Callable[..., Path]) -> None:
    write("", "my-shop")
    project = load_project("my-shop")
    assert project.dag_id == "my_shop_retrain"
    assert project.experiment == "my-shop"
    assert project.registered_model == "my-shop-classifier"


def test_the_shipped_project_keeps_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project()
    assert project.dag_id == "fashion_mnist_retrain"
    assert project.registered_model == "fashion-mnist-classifier"
    assert project.schedule == "@weekly" and project.judging.floor == 0.835


def test_the_strongest_layer_decides(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six layers, each of which sets one value less than the one below it."""
    names = ("dropout", "dense_1", "dense_2", "image_size", "unfrozen_blocks")

    def table(value: int, count: int) -> str:
        rows = [
            f"{name} = {0.01 * value if name == 'dropout' else value}" for name in names[:count]
        ]
        return "[model]\n" + "\n".join(rows) + "\n"

    write(table(40, 5), "recipes/slow")
    write('recipe = "slow"\n' + table(32, 4), "profiles/mine")
    write('profile = "mine"\n' + table(24, 3))
    monkeypatch.setenv("CATWALK_MODEL__DROPOUT", "0.16")
    monkeypatch.setenv("CATWALK_MODEL__DENSE_1", "16")
    project = load_project(given={"model.dropout": 0.08})
    assert [project.value(f"model.{name}") for name in names] == [0.08, 16, 24, 32, 40]
    assert project.model.backbone == "resnet50", "the default"
    assert (project.profile, project.recipe) == ("mine", "slow")


def test_a_profile_may_be_chosen_anywhere_and_keeps_the_file_above_it(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("[training]\nepochs = 7\n")
    assert load_project().profile == "quick", "the default"
    monkeypatch.setenv("CATWALK_PROFILE", "standard")
    project = load_project()
    assert (project.model.image_size, project.training.epochs) == (224, 7)
    assert load_project(given={"profile": "notebook"}).training.batch_size == 16
    assert load_project(given={"recipe": "scratch"}).training.optimizer == "sgd"


def test_weights_are_found_from_where_they_are_written(
    write: Callable[..., Path], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[model]\nweights = "weights/mine.weights.h5"\n')
    assert load_project().model.weights == str(folder / "weights" / "mine.weights.h5")
    monkeypatch.chdir(tmp_path)
    given = load_project(given={"model.weights": "other.h5"})
    assert given.model.weights == str(tmp_path / "other.h5")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_project(given={"model.weights": "~/x.h5"}).model.weights == str(tmp_path / "x.h5")
    assert load_project(given={"model.weights": NO_WEIGHTS}).model.from_scratch


def test_what_decides_a_run_is_four_groups_and_the_figure_that_it_is_judged_by(
    write: Callable[..., Path],
) -> None:
    write('[judging]\nmetric = "macro_f1"\n')
    deciding = load_project().deciding()
    assert deciding.pop("judging.metric") == "macro_f1", "the best epoch is best in it"
    groups = {name.split(".")[0] for name in deciding}
    assert groups == {"data", "model", "search", "training"}


def test_formats_are_a_list_or_words_with_commas(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[export]\nformats = ["onnx-int8"]\n')
    assert load_project().export.formats == ("onnx-int8",)
    monkeypatch.setenv("CATWALK_EXPORT__FORMATS", "litert-int8, onnx-int8")
    assert load_project().export.formats == ("litert-int8", "onnx-int8")
    monkeypatch.setenv("CATWALK_EXPORT__FORMATS", "none")
    assert load_project().export.formats == ()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("profile = \n", "is not TOML: Invalid value (at line 1, column 11)"),
        (
            "[training]\nepoch = 3\n",
            "line 2: unknown setting training.epoch: did you mean training.epochs?",
        ),
        ("[trainig]\nepochs = 3\n", "line 1: unknown setting trainig: did you mean training?"),
        ("epochs = 3\n", "line 1: unknown setting epochs"),
        (
            "[training]\nepochs = 3\n\n[training.augmentation]\nflipp = true\n",
            "line 5: unknown setting training.augmentation.flipp: did you mean "
            "training.augmentation.flip?",
        ),
        (
            "[training]\nepochs = 0\n",
            "line 2: setting training.epochs: input should be greater than or equal to 1. "
            "Received: 0",
        ),
        ("training.epochs = 0\n", "line 1: setting training.epochs: input should be"),
        ('[export]\nformats = ["gif"]\n', "line 2: setting export.formats: 'gif' is none of onnx-"),
        (
            'profile = "fast"\n',
            "line 1: unknown profile 'fast': choose one of notebook, photographs,",
        ),
        ('\nrecipe = "fast"\n', "line 2: unknown recipe 'fast': choose one of finetune,"),
        ('schedule = "weekly"\n', "line 1: schedule 'weekly' is none: expected one of @once,"),
        ('schedule = "@fortnightly"\n', "line 1: schedule '@fortnightly' is none"),
        ('name = "other"\n', "line 1: unknown setting name"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_file_and_line(
    write: Callable[..., Path], content: str, sentence: str
) -> None:
    file = write(content)
    with pytest.raises(UserError) as raised:
        load_project()
    text = str(raised.value)
    assert text.startswith(str(file)) and sentence in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("schedule", ["never", "@daily", "0 3 * * 1", "*/20 * * * *"])
def test_what_airflow_takes_is_a_schedule(write: Callable[..., Path], schedule: str) -> None:
    write(f'schedule = "{schedule}"\n')
    expected = None if schedule == "never" else schedule
    assert load_project().airflow_schedule == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"training.epoch": 3}, "command line: unknown setting training.epoch: did you mean"),
        ({"training.learning_rate": -1}, "learning_rate: input should be greater than 0. Received"),
        ({"profile": "fast"}, "command line: unknown profile 'fast'"),
    ],
)
def test_a_mistake_on_the_command_line_says_so(
    write: Callable[..., Path], given: dict, sentence: str
) -> None:
    write("")
    with pytest.raises(UserError) as raised:
        load_project(given=given)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "CATWALK_TRAINING__EPOCH",
            "1",
            "CATWALK_TRAINING__EPOCH is not a setting of a project: did you mean "
            "CATWALK_TRAINING__EPOCHS?",
        ),
        ("CATWALK_TRAINING__EPOCHS", "x", "CATWALK_TRAINING__EPOCHS: setting training.epochs: inp"),
        ("CATWALK_PROFILE", "fast", "CATWALK_PROFILE: unknown profile 'fast'"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    sentence: str,
) -> None:
    write("")
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as raised:
        load_project()
    assert sentence in str(raised.value)


@pytest.mark.parametrize("name", ["men's", "Shop", "-shop", "shop.v2", "größe", "x" * 64])
def test_a_name_that_mlflow_or_airflow_cannot_carry_is_refused(
    write: Callable[..., Path], name: str
) -> None:
    file = write("", name)
    with pytest.raises(UserError, match="cannot be a project's name"):
        load_project(str(file))


def test_two_projects_of_one_name_are_refused(write: Callable[..., Path]) -> None:
    first, second = write("", "my-shop"), write("", "my_shop")
    with pytest.raises(UserError, match="two projects of one name") as raised:
        load_project("my-shop")
    assert str(first) in str(raised.value) and str(second) in str(raised.value)


def test_a_project_that_is_not_there(write: Callable[..., Path], folder: Path) -> None:
    write("")
    with pytest.raises(UserError, match=r"no project 'shp' in .*: did you mean shop\?"):
        load_project("shp")
    with pytest.raises(UserError, match="there are: shop"):
        load_project("zoo")
    with pytest.raises(UserError, match=r"project file .*a/b does not exist"):
        load_project("a/b")
    assert list(list_projects(folder)) == ["shop"]


def test_own_profiles_lie_beside_the_projects_and_hide_no_shipped_one(
    write: Callable[..., Path],
) -> None:
    write('profile = "weekend"\n')
    write('recipe = "short"\n[training]\nepochs = 40\n', "profiles/weekend")
    assert load_project().training.epochs == 40
    write("", "profiles/quick")
    with pytest.raises(UserError, match="Catwalk ships a profile 'quick' of its own"):
        load_project()


def test_a_mistake_in_a_profile_names_the_profile(write: Callable[..., Path]) -> None:
    write('profile = "weekend"\n')
    file = write("[search]\ntrial = 3\n", "profiles/weekend")
    with pytest.raises(UserError) as raised:
        load_project()
    assert str(raised.value).startswith(f"{file}, line 2: unknown setting search.trial: did you")


def test_the_line_of_a_value(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        'profile = "a"\n\n[model] # here\n"dropout" = 0.1\n[training]\naugmentation.flip = 1'
    )
    places = {"profile": 1, "model.dropout": 4, "model": 3, "training.augmentation.flip": 6}
    assert {name: line_of(path, name) for name in places} == places
    assert line_of(path, "search.trials") is None


@pytest.mark.parametrize(
    ("file", "variable", "chosen", "then"),
    [
        ("approval", None, "automatic", "approval"),
        ("automatic", "manual", "automatic", "manual"),
        ("manual", "automatic", None, "manual"),
        (None, None, "approval", "approval"),
        (None, None, None, "automatic"),
    ],
)
def test_the_strictest_way_of_promotion_wins_whoever_starts_the_run(
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    file: str | None,
    variable: str | None,
    chosen: str | None,
    then: str,
) -> None:
    write(f'[judging]\npromotion = "{file}"\n' if file else "")
    monkeypatch.setenv("CATWALK_JUDGING__PROMOTION", variable or "")
    given = {"judging.promotion": chosen} if chosen else {}
    assert load_project(given=given).judging.promotion == then
    origin = origin_of("judging.promotion", layers_of(None, given, Places.load()))
    assert (origin and origin.values["judging"]["promotion"]) == (then if origin else None)
    with pytest.raises(UserError, match=r"setting judging\.promotion.*Received: 'never'"):
        load_project(given={"judging.promotion": "never"})
