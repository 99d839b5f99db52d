"""docs/results.md says what the kept figures say, and nothing in it was typed."""

from pathlib import Path

import pytest

from docs.results import own_images
from model_zoo.files import read_json

DOCS = Path(__file__).parents[2] / "docs"
KEPT = sorted((DOCS / "results" / "own-images").glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=[one.stem for one in KEPT])
def test_the_section_on_a_folder_of_pictures_is_written_from_its_figures(path: Path) -> None:
    facts = read_json(path)
    section = "\n".join(own_images(facts))
    assert section in (DOCS / "results.md").read_text()
    assert (DOCS / "images" / f"confusion-{facts['name']}.png").stat().st_size < 100_000
    accuracy = sum(one["recall"] * one["support"] for one in facts["per_class"]) / facts["test"]
    assert accuracy == pytest.approx(facts["accuracy"])
