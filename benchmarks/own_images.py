"""A real folder of pictures, from nothing to a version that answers, as docs/own-images.md says.

    python -m benchmarks.own_images [--images FOLDER] [--name stamps] [--home FOLDER]

Runs `catwalk new`, `catwalk run` and `catwalk predict` one after the other, prints what they print,
and keeps the figures as `docs/results/own-images/NAME.json`, from which `python -m docs.results`
writes its table, and the confusion as `docs/images/confusion-NAME.png`. Without `--images` it
fetches Debian's package tuxpaint-stamps-default (160 MB: 796 PNG files, photographs and drawings
with transparent ground, in 16 class folders, the largest with 82 times the pictures of the
smallest), which takes `apt-get` and `dpkg`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.timing import machine, revision
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, read_json, write_json
from model_zoo.runs.folder import run_folder
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project, load_project

PACKAGE = "tuxpaint-stamps-default"
INSIDE = "usr/share/tuxpaint/stamps"
RUN = "own-images"
DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = 64  # of the picture of the confusion: it has few, and is small then


def fetch(folder: Path) -> Path:
    """Download and unpack the package; the folder of its pictures.

    Raises:
        UserError: it cannot be fetched.
    """
    for command in (["apt-get", "download", PACKAGE], ["sh", "-c", f"dpkg -x {PACKAGE}_*.deb ."]):
        try:
            subprocess.run(command, cwd=folder, check=True, stderr=subprocess.PIPE, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
            raise UserError(
                f"{PACKAGE} cannot be fetched ({said}): give a folder of your own with --images"
            ) from None
    return folder / INSIDE


def catwalk(*words: str) -> float:
    """Run one command as people do, its output on ours; the seconds that it took."""
    print(f"\n$ catwalk {' '.join(words)}", flush=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "launcher.cli", *words], check=False)
    if done.returncode:
        raise UserError(f"`catwalk {words[0]}` ended with {done.returncode}")
    return time.monotonic() - started


def figures_of(project: Project, places: Places) -> dict[str, Any]:
    """What the run found, from the facts of its steps."""
    folder = run_folder(places, project.name, RUN)
    facts = {step: read_json(folder / f"{step}.json") for step in STEPS}
    measured = facts["evaluate"]
    support = [one["support"] for one in measured["per_class"]]
    parts = {part: facts["preprocess"][part] for part in ("training", "validation", "test")}
    return {
        "name": project.name,
        "backbone": project.model.backbone,
        "image_size": project.model.image_size,
        "profile": project.profile,
        **parts,
        **{
            name: measured[name]
            for name in (
                *("accuracy", "accuracy_low", "accuracy_high"),
                *("balanced_accuracy", "f1_macro", "per_class"),
            )
        },
        "largest_class": max(support) / sum(support),
        "seconds": {step: facts[step].get("step_seconds", 0.0) for step in STEPS},
    }


def keep(
    project: Project, places: Places, seconds: dict[str, float], evidence: dict[str, str]
) -> None:
    """Write the figures and the picture of the confusion into the documents."""
    found = evidence | figures_of(project, places) | {"command_seconds": seconds}
    write_json(DOCS / "results" / "own-images" / f"{project.name}.json", found)
    drawn = run_folder(places, project.name, RUN) / "figures" / "confusion.png"
    with (
        Image.open(drawn) as picture,
        complete_or_absent(DOCS / "images" / f"confusion-{project.name}.png") as partial,
    ):
        picture.convert("RGB").quantize(COLOURS).save(partial, "PNG", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, help="a folder of class folders")
    parser.add_argument("--name", default="stamps", help="of the project")
    parser.add_argument("--home", type=Path, help="where everything is kept; default: nowhere")
    given = parser.parse_args()
    evidence = {"machine": machine("keras", "tensorflow-cpu"), "commit": revision()}
    print(evidence["machine"])
    with tempfile.TemporaryDirectory(prefix="catwalk-") as scratch:
        home = given.home or Path(scratch, "home")
        projects = home / "projects"
        projects.mkdir(parents=True, exist_ok=True)
        os.environ |= {"CATWALK_HOME": str(home), "CATWALK_PROJECTS_DIR": str(projects)}
        try:
            images = given.images or fetch(Path(scratch))
            picture = next(iter(sorted(images.rglob("*.png"))), None)
            of = ("--project", given.name)
            seconds = {
                "new": catwalk("new", given.name, "--images", str(images)),
                "run": catwalk("run", *of, "--name", RUN),
            }
            if picture is not None:
                seconds["predict"] = catwalk("predict", *of, str(picture))
        except UserError as error:
            raise SystemExit(str(error)) from None
        places = Places.load()
        keep(load_project(given.name, places=places), places, seconds, evidence)


if __name__ == "__main__":
    main()
