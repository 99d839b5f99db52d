"""The growing project: what arrives, why a run starts, and a story that goes on after a kill.

`ingest` is real; of the other steps the facts are made up, as other tests have them run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from examples.growing import emoji
from examples.growing.months import Month, Picture
from examples.growing.plot import draw
from examples.growing.story import tell
from examples.growing.table import table
from model_zoo.data import snapshots
from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.runs.folder import run_folder
from model_zoo.runs.runner import run_step
from model_zoo.settings import Places, Project, load_project

FILE = """
schedule = "@monthly"
[data]
source = "image-folder"
images = "pictures"
image_size = 16
least_class_share = 0.0
test_share = 0.4
[retraining]
new_images = 10
"""


@pytest.fixture
def project(small_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("CATWALK_DATA__SOURCE")
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    (tmp_path / "tiny.toml").write_text(FILE)
    (tmp_path / "pictures").mkdir()
    return load_project(str(tmp_path / "tiny.toml"))


@pytest.fixture
def months(tmp_path: Path) -> list[Month]:
    """Forty pictures, then none when a run is due, then too few, then enough with those."""
    random = np.random.default_rng(19)
    drawn = iter(range(100))

    def pictures(count: int) -> tuple[Picture, ...]:
        found = []
        for number in (next(drawn) for _ in range(count)):
            path = tmp_path / "drawn" / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
            label = ("cat", "dog")[number % 2]
            found.append(Picture(path, path.name, label, f"{label} {number // 4}"))
        return tuple(found)

    return [
        Month(1, pictures(40)),
        Month(2, (), timetable=True),
        Month(3, pictures(4)),
        Month(4, pictures(24)),
    ]


class Steps:
    """Runs `ingest`; the rest is made up. Each month's run is stopped once, in mid-run."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, str]] = []
        self.stopped: set[str] = set()

    def __call__(
        self, step: str, project: Project, places: Places, run: str, reason: str
    ) -> dict[str, Any]:
        self.done.append((run, step, reason))
        number = run.removeprefix("month-")
        if step == "ingest":
            facts = run_step(step, project, places, run, reason=reason)
            return facts | {"nothing_new": "nothing new"} if number == "2" else facts
        if step == "train" and run not in self.stopped:
            self.stopped.add(run)
            raise KeyboardInterrupt
        version = {"1": "1", "4": "2"}[number]
        facts = {"summary": step, "version": version, "promoted": True, "production": version}
        write_json(run_folder(places, project.name, run) / f"{step}.json", facts)
        return facts


def right(version: str, images: np.ndarray, labels: list[str]) -> int:
    assert images.shape == (len(labels), 16, 16, 3) and set(labels) == {"cat", "dog"}
    return len(labels) // 2 if version == "1" else len(labels)


def test_months_pass_with_and_without_a_reason_and_a_kill_loses_nothing(
    project: Project, months: list[Month], tmp_path: Path
) -> None:
    places, steps, said = Places.load().of(project.name), Steps(), []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tell(months, project, places, said.append, steps, right)
    told = tell(months, project, places, said.append, steps, right)

    assert [one.reason.partition(" in ")[0] for one in told] == [
        "the first run, started by hand", "its timetable", "",
        "28 new or changed images and 0 removed ones",
    ]  # fmt: skip
    assert [(run, step) for run, step, _ in steps.done].count(("month-4", "ingest")) == 1
    assert told[1].nothing_new and not told[1].candidate
    assert "fewer than 10" in told[2].watch and told[2].images == 0
    last = told[3]
    assert (last.candidate, last.promoted, last.after) == ("2", True, "2")

    whole = snapshots.read(places.project_data, last.snapshot)
    first = set(snapshots.read(places.project_data, told[0].snapshot).digests)
    new = [row for row in whole.rows_of("test") if whole.digests[row] not in first]
    assert last.tested == len(new) > 0
    assert told[0].tested == len(whole.rows_of("test")) - len(new), "no image changed its part"

    rows = table(told).splitlines()
    assert len(rows) == 2 + 4
    assert "nothing: fewer than 10 (retraining.new_images)" in rows[4]
    drawn = draw(told, tmp_path, {4: "words"})
    assert [path.name for path in drawn] == ["growing-light.png", "growing-dark.png"]
    with Image.open(drawn[0]) as light, Image.open(drawn[1]) as dark:
        assert light.size == dark.size and light.getpixel((2, 2)) != dark.getpixel((2, 2))


def test_without_npm_it_says_what_is_missing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm is not installed"):
        emoji.fetch("google", tmp_path / "packages", lambda words: None)
    assert list((tmp_path / "packages").iterdir()) == []
