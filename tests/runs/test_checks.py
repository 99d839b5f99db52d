"""What is wrong with a project is said before the first step, where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.runs.checks import check_project
from model_zoo.settings import Places, load_project


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("data.source", "shoes", "unknown source of images 'shoes'"),
        ("model.backbone", "tinny", "unknown backbone 'tinny': did you mean tiny"),
        ("model.image_size", 8, "tiny needs images of at least 16 pixels. Received: image_size 8"),
        ("model.weights", "imagenet", "tiny has no published weights: set weights to none"),
        ("model.weights", "/no/such.h5", "weights '/no/such.h5': expected imagenet, none or"),
    ],
)
def test_a_value_that_names_nothing(
    places: Places,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: object,
    sentence: str,
) -> None:
    group, _, key = name.partition(".")
    file = tmp_path / "shop.toml"
    written = f'"{value}"' if isinstance(value, str) else value
    file.write_text(f'profile = "quick"\n\n[{group}]\n{key} = {written}\n')
    here = places.model_copy(update={"projects_dir": tmp_path})
    with monkeypatch.context() as patch:
        patch.delenv(f"CATWALK_{group.upper()}__{key.upper()}", raising=False)
        with pytest.raises(UserError) as refused:
            check_project(load_project("shop", places=here), here)
    assert str(refused.value).startswith(f"{file}, line 4: {sentence}")

    file.write_text('profile = "quick"\n')
    with pytest.raises(UserError) as refused:
        check_project(load_project("shop", {name: value}, here), here)
    assert str(refused.value).startswith(sentence), "the file does not say so"
