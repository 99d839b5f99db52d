"""docs/add-a-backbone.md, followed to the letter: its file written, its commands run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-backbone.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.M | re.S)


def test_the_page_does_what_it_says(small_environment: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "CATWALK_HOME": str(tmp_path / "home"),
        "CATWALK_PLUGINS_DIR": str(tmp_path / "plugins"),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("CATWALK_DATA__SOURCE", None)  # of the tests' own plugins, not among these
    environment.pop("CATWALK_MODEL__WEIGHTS", None)  # a reader has those of the profile
    environment.pop("CATWALK_EXPORT__FORMATS", None)
    commands = 0
    for language, path, content in BLOCK.findall(PAGE):
        if language == "python":
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(content)
        if language == "console":
            first, *expected = content.splitlines()
            program, *arguments = shlex.split(first.removeprefix("$ "))
            assert program == "catwalk"
            done = subprocess.run(
                [sys.executable, "-m", "launcher.cli", *arguments],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            printed = [line.rstrip() for line in done.stdout.splitlines()]
            missing = [line for line in expected if line != "..." and line not in printed]
            assert not missing, done.stdout
            commands += 1
    assert commands == 3


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:plugins|tests|docs)/[\w./]+)`", PAGE)
    assert named and all((ROOT / name).exists() for name in named)
