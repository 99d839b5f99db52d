"""docs/own-images.md, followed to the letter on a small folder, as far as the training."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from launcher.cli.main import COMMANDS, main
from model_zoo.images import STEPS
from model_zoo.registry.client import connect
from model_zoo.registry.store import store_of
from model_zoo.runs.runner import run_step
from model_zoo.settings import DataSettings, Places, load_project

PAGE = (Path(__file__).parents[2] / "docs" / "own-images.md").read_text()
CONSOLE = [line for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.M | re.S)
           for line in block.splitlines()]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_environment: Path) -> Path:
    """A folder with `photos`, and projects of its own; the home is that of all tests."""
    random = np.random.default_rng(0)
    for label, level in (("cherry", 40), ("leaf", 180)):
        for number in range(15):
            path = tmp_path / "photos" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(level, level + 75, (70, 90, 3), np.uint8)
            Image.fromarray(pixels).save(path)
    (tmp_path / "photos" / "leaf" / "cut-off.png").write_bytes(path.read_bytes()[:500])
    (tmp_path / "projects").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATWALK_PROJECTS_DIR", str(tmp_path / "projects"))
    for name in ("DATA__SOURCE", "DATA__TRAIN_LIMIT", "JUDGING__FLOOR"):
        monkeypatch.delenv(f"CATWALK_{name}")
    return tmp_path


def catwalk(line: str) -> int:
    words = line.split()
    assert words[0] == "catwalk"
    return main(words[1:])


def test_new_look_and_the_steps_that_need_no_network(
    folder: Path, capsys: pytest.CaptureFixture[str], another_store: None
) -> None:
    new, *_, look = CONSOLE
    allowed = "--images photos"
    assert catwalk(new) == 2, "one of 31 files is broken, a fiftieth is allowed"
    said = capsys.readouterr()
    assert "leaf/cut-off.png" in said.err and not list((folder / "projects").iterdir())
    (folder / "photos" / "cherry" / "spare").mkdir()
    for number in range(30):  # more whole ones
        pixels = np.full((70, 90, 3), 100 + number, np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / "cherry" / "spare" / f"{number}.png")
    assert allowed in new and catwalk(new) == 0
    said = capsys.readouterr()
    for words in ("60 images of 2 classes, by class folders", "1 broken, 0 copies",
                  "sizes: 90 x 70 to 90 x 70", "formats: 60 PNG",
                  "catwalk run --project shop"):  # fmt: skip
        assert words in said.out
    file = folder / "projects" / "shop.toml"
    written = tomllib.loads(file.read_text())
    assert written["data"]["images"] == str(folder / "photos")
    assert catwalk(new) == 2 and "is there already" in capsys.readouterr().err

    assert catwalk(look) == 0
    assert "new or changed" not in capsys.readouterr().out, "everything was read by `new`"
    places = Places.load()
    project = load_project("shop", places=places)
    assert project.dag_id == "shop_retrain" and project.profile == "photographs"
    run_step("ingest", project, places, "first")
    facts = run_step("preprocess", project, places, "first")
    assert facts["training"] + facts["validation"] + facts["test"] == 60
    client = connect(store_of(project, places))
    (run,) = client.search_runs([client.get_experiment_by_name("shop").experiment_id])
    listed = Path(client.download_artifacts(run.info.run_id, "data/broken.csv")).read_text()
    assert listed.splitlines()[1].startswith('leaf/cut-off.png,broken,"this is not an')


def test_what_the_page_names_is_there() -> None:
    assert {line.split()[1] for line in CONSOLE} <= set(COMMANDS)
    settings = re.findall(r"`data\.(\w+)`", PAGE)
    assert settings and set(settings) <= set(DataSettings.model_fields)
    for step in re.findall(r"\(`([\w-]+)`\)", PAGE):
        assert step in STEPS
