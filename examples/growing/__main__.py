"""A project that grows month by month: python -m examples.growing

Emoji arrive in a folder, a second artist's in month four. Every month the watch looks, a run starts
where there is a reason, the gate decides, production moves or stays; the last line is a table of
it. Everything lies under `growing` in Catwalk's home. Killed anywhere, the same command goes on;
removing that folder begins anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from examples.growing import emoji
from examples.growing.plot import draw
from examples.growing.story import tell
from examples.growing.table import table
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, write_json
from model_zoo.processor import processor_name, usable_cores
from model_zoo.runs.runner import quiet
from model_zoo.settings import Places, load_project

NOTES = {4: "a second\nartist"}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m examples.growing", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, help="folder for the plot; default: the story's own")
    given = parser.parse_args()
    quiet()
    home = Places.load().home.absolute() / "growing"
    os.environ["CATWALK_HOME"] = str(home)
    os.environ["CATWALK_TRACKING_URI"] = os.environ["CATWALK_STORAGE"] = ""  # of its own
    try:
        return story(home, given.plot or home)
    except UserError as error:
        print(error)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on.")
        return 130


def story(home: Path, pictures: Path) -> int:
    """Tell it, print the table, draw the plot."""

    def say(words: str) -> None:
        print(words, flush=True)

    months = emoji.months(home / "packages", say)
    (home / "pictures").mkdir(exist_ok=True)
    file = home / "projects" / "emoji.toml"
    with complete_or_absent(file) as partial:
        shutil.copyfile(Path(__file__).with_name(file.name), partial)
    project = load_project(str(file), places=Places.load())
    told = tell(months, project, Places.load().of(project.name), say)
    text = table(told)
    (home / "table.md").write_text(text)
    write_json(home / "table.json", [one.__dict__ for one in told])
    drawn = draw(told, pictures, NOTES)
    processor, clock = (
        sum(getattr(one, of) for one in told) for of in ("processor_seconds", "seconds")
    )
    say(
        f"\n{text}\n{processor:.0f} s of processor time, {clock:.0f} s by the clock; "
        f"{processor_name()}, {usable_cores()} cores\n"
        f"Table: {home / 'table.md'}, table.json. Plot: {', '.join(str(one) for one in drawn)}\n"
        f"Look around: CATWALK_HOME={home} CATWALK_PROJECTS_DIR={file.parent} catwalk up"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
