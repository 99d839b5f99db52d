"""docs/add-a-dataset.md, followed to the letter: its files written, its source run and kept."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.data.checks import validate
from model_zoo.data.source import SOURCES
from model_zoo.data.store import keep, load
from model_zoo.errors import UserError
from model_zoo.images import STEPS
from model_zoo.images.statistics import STATISTICS
from model_zoo.plugin_registry import discover
from model_zoo.settings import Places, load_project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-dataset.md").read_text()
BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page was followed, with pictures of two classes."""
    folder = tmp_path_factory.mktemp("page")
    for path, content in BLOCK.findall(PAGE):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content)
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 5)):
        for label in ("owl", "cat"):
            (folder / "pictures" / part / label).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (90, 120, 3), np.uint8)
                path = folder / "pictures" / part / label / f"{number}.png"
                Image.fromarray(pixels).save(path)
    discover(folder / "plugins")
    return folder


def test_the_page_does_what_it_says(followed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATWALK_DATA__SOURCE", raising=False)  # other tests' beats the file's
    values = {"home": followed / "home", "projects_dir": followed / "projects"}
    places = Places.load(**values, data_dir=followed / "pictures")
    project = load_project("animals", places=places)
    assert project.dag_id == "animals_retrain"
    find = SOURCES.get(project.data.source)
    dataset = keep(find(project.data, places, print), places.datasets_dir)
    assert dataset.labels == ("cat", "owl") and not dataset.generated
    parts = [load(places.datasets_dir, dataset.snapshot, part) for part in ("training", "test")]
    assert parts[0].images.shape == (40, 64, 48, 3)
    assert validate(dataset, *parts)["test_counts"] == [5, 5]
    with pytest.raises(UserError, match="set CATWALK_DATA_DIR to the folder with train and test"):
        find(project.data, places.model_copy(update={"data_dir": None}), print)


def test_its_step_can_be_named_by_a_dataset(followed: Path) -> None:
    assert STEPS.get("mirrored").words == "Mirror it"
    assert STEPS.origin("mirrored") == "plugin mirrored.py"


def test_what_the_page_names_is_there(followed: Path) -> None:
    named = re.findall(r"`((?:plugins|tests|docs|model_zoo)/[\w./-]+)`", PAGE)
    assert named and all((ROOT / name).exists() for name in named)
    table = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.M)
    assert table and all(name in STEPS for name in table)
    assert all(name in STATISTICS for name in ("brightness", "contrast", "roughness"))
