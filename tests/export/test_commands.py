"""`catwalk predict` and `catwalk export` as a person uses them; a mistake is one sentence."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from launcher.cli.main import main
from model_zoo.files import read_json
from model_zoo.registry.served_files import sha256

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@pytest.fixture(scope="module")
def pictures(first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    facts = read_json(first_run.folder / "served" / "classifier.json")
    paths = [folder / f"{i}.png" for i in range(2)]
    for path, one in zip(paths, facts["examples"], strict=False):
        path.write_bytes(base64.b64decode(one["png"]))
    return [str(path) for path in paths]


def test_predict_says_label_confidence_and_version(pictures: list[str], capsys) -> None:
    assert main(["predict", *pictures]) == 0
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in printed if not line.startswith("    doubt: unsure")]
    assert len(lines) == 2 and all(line.endswith("%), version 1") for line in lines)


def test_json_is_one_array_with_every_probability(pictures: list[str], capsys) -> None:
    assert main(["predict", *pictures, "--json", "--version", "production"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["image"] for row in rows] == pictures and {row["version"] for row in rows} == {"1"}
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["probabilities"][row["label"]] == row["confidence"]


def test_doubts_and_what_was_done_are_told_as_by_the_page(
    capsys, first_run: FirstRun, tmp_path: Path
) -> None:
    path = tmp_path / "odd\x1b[2J\udcff.png"
    Image.new("L", (60, 40), 210).save(path)
    assert main(["predict", str(path)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert "odd\\x1b[2J\\udcff.png: " in first, "what a terminal cannot print is escaped"
    assert "    doubt: the picture is blank, or nearly so" in rest
    assert "    fit: scaled to 28 x 28, proportions kept" in rest
    assert main(["predict", str(path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert "the picture is blank, or nearly so" in row["doubts"]
    assert row["preparation"][0]["step"] == "upright"


def test_the_heatmap_is_drawn_for_the_top_class_or_the_one_named(
    pictures: list[str], capsys, tmp_path: Path
) -> None:
    drawn = []
    for extra in ([], ["--class", "Bag"], ["--class", "Dress"]):
        path = tmp_path / "map.png"
        assert main(["predict", *pictures, "--heatmap", str(path), *extra]) == 0
        drawn.append(np.asarray(Image.open(path)))
    assert {one.shape for one in drawn} == {(2 * 280, 2 * 280, 3)}, "a row an image, seen and map"
    left = drawn[0][:, :280]
    np.testing.assert_array_equal(left[..., 0], left[..., 1], "what the model saw is grey")
    np.testing.assert_array_equal(drawn[1][:, :280], left)
    assert not np.array_equal(drawn[1][:, 280:], drawn[2][:, 280:])


def test_export_copies_what_was_registered(first_run: FirstRun, capsys, tmp_path: Path) -> None:
    assert main(["export", "--to", str(tmp_path)]) == 0
    folder = tmp_path / "fashion-mnist-classifier-1"
    assert {path.name for path in folder.iterdir()} == {"classifier.json", "model.onnx"}
    assert main(["export", "1", "--format", "all", "--to", str(tmp_path)]) == 0
    digests = read_json(folder / "classifier.json")["sha256"]
    assert len(digests) == 6
    assert {path.name: sha256(path) for path in folder.glob("model.*")} == digests
    capsys.readouterr()
    assert main(["predict", "--version", str(folder), "--json", "nothing.png"]) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "nothing.png"], "nothing.png cannot be read: No such file or directory"),
        (["predict", __file__], "this is not an image that can be read"),
        (["predict", "IMAGE", "--version", "77"], "no version '77' of fashion-mnist-classifier"),
        (["predict", "IMAGE", "--class", "Bag"], "give --heatmap PNG too"),
        (
            ["predict", "IMAGE", "--heatmap", "map.png", "--class", "Sock"],
            "unknown class 'Sock': choose one of T-shirt/top",
        ),
        (["export", "--format", "tfjs"], "unknown format 'tfjs': choose one of onnx"),
        (["export", "77"], "no version '77'"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    arguments: list[str], sentence: str, pictures: list[str], capsys, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [pictures[0] if word == "IMAGE" else word for word in arguments]
    assert main(given) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and sentence in printed.err
    assert printed.err.count("\n") == 1 and "Traceback" not in printed.err
    assert not list(tmp_path.rglob("*.*")), "nothing half written"
