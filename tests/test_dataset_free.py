"""Outside the folder of Fashion-MNIST nothing knows its images, its classes or its name.

What another part needs to know of the images it asks the dataset, or the version that carries it.
"""

import re
from pathlib import Path

import pytest

from model_zoo.data.fashion_mnist.description import DATASET

ROOT = Path(__file__).parents[1]
ROOMS = ("model_zoo", "dash_app", "launcher", "dags", "plugins")
HOME = "model_zoo/data/"
KINDS = {".py", ".js", ".css", ".toml", ".html"}
#: file: pattern of what it may say, and why.
ALLOWED = {
    # Examples in docstrings, which run on the project that Catwalk ships.
    "model_zoo/__init__.py": r"fashion-mni(st|ts)|'Bag'",
    "model_zoo/runs/runner.py": r"--project fashion-mnist",
    "model_zoo/plugin_registry.py": r"model_zoo\.data\.fashion_mnist",  # the list of built-ins
    "model_zoo/settings/places.py": r'"fashion-mnist"',  # the project that is the default
    "model_zoo/settings/data.py": r'"fashion-mnist"',  # and its source
    "plugins/wide_resnet.py": r"_register\(28, 10|WRN-28-10",  # depth and width of the paper's
}
WORDS = {
    "side": r"\b28\b",
    "pixels": r"\b784\b",
    "garments": r"(?i)garment|silhouette",
    "classes": r"\b({})\b".format("|".join(map(re.escape, DATASET.labels))),
    "name": r"(?i)fashion.?mnist",
}


def lines() -> list[tuple[str, int, str]]:
    """(file, number, line without what the file may say) of every file in the rooms."""
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix not in KINDS or name.startswith(HOME):
                continue
            allowed = ALLOWED.get(name, r"(?!)")
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                found.append((name, number, re.sub(allowed, "", line)))
    return found


@pytest.mark.parametrize("kind", WORDS)
def test_nothing_outside_spells_it(kind: str) -> None:
    spelled = [f"{file}:{n}: {line}" for file, n, line in lines() if re.search(WORDS[kind], line)]
    assert not spelled, "\n".join(["ask the dataset, or the version:", *spelled])


def test_every_exception_is_still_needed() -> None:
    for file, pattern in ALLOWED.items():
        assert re.search(pattern, (ROOT / file).read_text()), f"{file}: no {pattern} any more"


def test_no_class_count_is_a_number() -> None:
    """A ten beside the word classes or labels, as in `range(10)  # classes`."""
    ten = re.compile(r"\b(range\(10\)|classes\s*=\s*10|num_classes|10 classes|ten classes)\b")
    spelled = [f"{file}:{number}: {line}" for file, number, line in lines() if ten.search(line)]
    assert not spelled, "\n".join(spelled)
