"""docs/add-a-backbone.md, followed to the letter: its file written, its commands run.

In this process, which has Keras already; the first step of the run has one of its own, as all have
at a reader's: that the new file is found there too.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from launcher import step_process
from launcher.cli.main import main
from model_zoo.backbones.registration import BACKBONES
from model_zoo.data.source import SOURCES
from model_zoo.runs import runner
from model_zoo.settings import Places, Project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-backbone.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.M | re.S)
DRAWN = """
from model_zoo import register_source
from model_zoo.data.fashion_mnist.source import generated_sample
register_source("drawn")(lambda data, places, say: generated_sample())
"""


OWN_PROCESS = step_process.run_step


def own_process_or_ours(
    step: str, project: Project, places: Places, name: str, *rest: Any, **more: Any
) -> dict[str, Any]:
    if step == "ingest":
        return OWN_PROCESS(step, project, places, name, *rest, **more)
    return runner.run_step(step, project, places, name)


@pytest.fixture
def reader(
    small_environment: Path, another_store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder in which a reader works, with no plugins but the reader's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CATWALK_PLUGINS_DIR", str(tmp_path / "plugins"))
    monkeypatch.setenv("CATWALK_DATA__SOURCE", "drawn")  # asks no network for the real images
    for name in ("MODEL__WEIGHTS", "EXPORT__FORMATS"):  # a reader has those of the profile
        monkeypatch.delenv(f"CATWALK_{name}")
    for registry in (BACKBONES, SOURCES):  # what is registered here is forgotten after it
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(step_process, "run_step", own_process_or_ours)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "drawn.py").write_text(DRAWN)
    return tmp_path


def test_the_page_does_what_it_says(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = 0
    for language, path, content in BLOCK.findall(PAGE):
        if language == "python":
            (reader / path).write_text(content)
        if language == "console":
            first, *expected = content.splitlines()
            program, *arguments = shlex.split(first.removeprefix("$ "))
            assert program == "catwalk"
            status = main(arguments)
            said = capsys.readouterr()
            assert status == 0, said.out + said.err
            printed = [line.rstrip() for line in said.out.splitlines()]
            missing = [line for line in expected if line != "..." and line not in printed]
            assert not missing, said.out
            commands += 1
    assert commands == 3


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:plugins|tests|docs)/[\w./]+)`", PAGE)
    assert named and all((ROOT / name).exists() for name in named)
