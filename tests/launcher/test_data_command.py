"""`catwalk data`: what there was, what changed, and what has to be forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from launcher.cli.main import main
from model_zoo.data import snapshots
from model_zoo.data.image_folder.source import find
from model_zoo.settings import Places, load_project

FILE = '[data]\nsource = "image-folder"\nimages = "photos"\nimage_size = 16\n'


@pytest.fixture
def shop(
    small_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[str]]:
    """A project file, and the names of two snapshots: of twelve images, and of fourteen."""
    monkeypatch.delenv("CATWALK_DATA__SOURCE")
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    file = tmp_path / "shop.toml"
    file.write_text(FILE)
    project, places = load_project(str(file)), Places.load().of("shop")
    names = []
    for count in (12, 14):
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).resize((16, 16)).save(path)
        if count == 14:  # one is another class now
            (tmp_path / "photos/cat/0.png").rename(tmp_path / "photos/dog/0.png")
        found = find(project.data, places, lambda words: None)
        names.append(snapshots.keep(found, project.data, places, print).snapshot)
        if count == 14:
            (tmp_path / "photos/dog/0.png").rename(tmp_path / "photos/cat/0.png")
    return file, names


def test_it_lists_snapshots_and_compares_the_last_two(
    shop: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    file, names = shop
    assert main(["data", "--project", str(file)]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in names) and "the first" in listed
    assert main(["data", "compare", "--project", str(file)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"from {names[0]} to {names[1]}: 2 added, 1 relabelled"
    assert told[1:] == ["  added: cat 1, dog 1", "  relabelled: cat -> dog 1"]
    assert main(["data", "compare", "feedbeef", "--project", str(file)]) == 2
    assert "no snapshot 'feedbeef'" in capsys.readouterr().err


def test_a_forgotten_image_is_in_no_later_snapshot_and_every_step_is_told(
    shop: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    file, names = shop
    project, places = load_project(str(file)), Places.load().of("shop")
    digest = snapshots.read(places.project_data, names[1]).digests[0]
    for _ in range(2):  # stopped on the way it is run again
        arguments = ["data", "forget", digest[:12], "--why", "asked", "--project", str(file)]
        assert main(arguments) == 0
    told = capsys.readouterr().out
    assert f"no run takes {digest} again" in told and "remove " in told
    found = find(project.data, places, lambda words: None)
    later = snapshots.keep(found, project.data, places, print).snapshot
    assert digest not in snapshots.read(places.project_data, later).digests
    assert any("to be forgotten" in one.reason for one in found.left_out)
    assert main(["data", "forget", "0" * 12, "--project", str(file)]) == 2
    assert main(["data", "forget", "my cat", "--project", str(file)]) == 2
    errors = capsys.readouterr().err
    assert "no snapshot has an image with the digest" in errors and "is no digest" in errors
